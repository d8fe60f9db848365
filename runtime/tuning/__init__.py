"""Numbers of a problem that are found: the weight of a prior."""
