"""Benchmarks Keymeter against its peers: see ../run."""
