"""Fails over a replicated PostgreSQL under load, and compares what Keymeter's clients observed with the database."""
