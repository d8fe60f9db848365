"""What an `analyze` line computes."""
