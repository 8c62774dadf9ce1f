"""Reads Azure, never writes: is it really our failure, what is its error code, which
causes are confirmed."""
