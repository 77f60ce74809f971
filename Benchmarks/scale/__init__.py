"""The bench of many keys: see ../run."""
