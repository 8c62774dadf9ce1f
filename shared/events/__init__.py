"""From an Event Grid payload to a failure event, or the reason why it is none. Pure: no
store, no Azure, no clock."""
