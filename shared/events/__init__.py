"""Turns an Event Grid payload into a failure event, or into the reason why it is none.
Pure: no store, no Azure, no clock."""
