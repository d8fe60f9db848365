"""What must hold before anything runs: spaces, units, signs, the fit of problem and solver, and lints."""
