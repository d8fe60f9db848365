"""Pages to start from."""
