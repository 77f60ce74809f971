"""Keymeter on a replicated PostgreSQL: what its clients were told, held against what the database kept."""
