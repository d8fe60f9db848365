"""Numerics of magnetic resonance imaging: calibration of coils, trajectories, non-uniform transforms."""
