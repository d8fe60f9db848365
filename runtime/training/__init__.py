"""Training: the weights of networks from examples."""
