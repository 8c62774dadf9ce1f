"""One file a cause. A checker turns facts into CONFIRMED, RULED_OUT or UNKNOWN, and
carries examples of all three.

A fact that could not be read makes the verdict UNKNOWN, never RULED_OUT.
"""
