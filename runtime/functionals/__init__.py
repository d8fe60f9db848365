"""Functions of the objective: data terms, energies and sets, with gradients and proximal maps."""
