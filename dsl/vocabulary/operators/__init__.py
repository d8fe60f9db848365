"""Words for linear operators."""
