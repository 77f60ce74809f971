"""Injects faults under Keymeter, and compares what its clients observed with what the database stored."""
