"""The review pages for people: made on the server, read only."""
