"""An experiment at work: rows of data, simulated measurements, compiled problems, scores, and what a run writes."""
