"""Numerics of electron microscopy on plain tensors: contrast transfer, tilt series, projections at poses, shifts."""
