"""Benchmarks Keymeter with millions of keys: see ../run."""
