"""Algorithms: one step function each, run by one loop."""
