"""Durable rows with conditional writes: SQLite (embedded) and Azure Tables, behind one
contract."""
