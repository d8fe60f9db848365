"""Where a run can be watched and found again: Weights & Biases, TensorBoard."""
