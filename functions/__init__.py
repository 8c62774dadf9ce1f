"""Triggers and durable shells. They decide nothing: each calls one stage of shared/ and
hands on its answer."""
