"""The side-by-side bench: see ../run."""
