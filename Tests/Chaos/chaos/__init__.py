"""Keymeter while everything under it fails: what its clients were told, held against what the database kept."""
