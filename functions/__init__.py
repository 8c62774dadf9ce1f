"""Triggers and durable shells. They decide nothing: each calls one stage of
shared.workflow and hands on what it says."""
