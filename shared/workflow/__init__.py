"""The stages of one incident, in order. Each takes tools and plain data and gives plain data: the durable shells call nothing else.

take → begin → check (fan-out) → decide → carry_out (step by step) → settle → verify → conclude, and the guardian beside them.
"""
