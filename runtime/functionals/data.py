"""All data terms: minus the log-density of measurements, as functions of v = K x."""

from .counts import CountTerm, PoissonCounts, PoissonExponential
from .quadratic import DataTerm, HalfSquare
from .sets import Ball, Exactly

__all__ = ["Ball", "CountTerm", "DataTerm", "Exactly", "HalfSquare", "PoissonCounts", "PoissonExponential"]
