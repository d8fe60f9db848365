"""Linear operators as PyTorch modules."""
