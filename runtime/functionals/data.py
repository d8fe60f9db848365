"""All data terms: minus the log-density of measurements, as functions of v = K x."""

from .cells import Cell, CosineCell
from .counts import CountTerm, PoissonCounts, PoissonExponential
from .magnitude import Deviation, Magnitude
from .mixed import MixedCounts
from .quadratic import DataTerm, HalfSquare, NoDensity, WeightedSquare
from .sets import Ball, Exactly

__all__ = [
    "Ball",
    "Cell",
    "CosineCell",
    "CountTerm",
    "DataTerm",
    "Deviation",
    "Exactly",
    "HalfSquare",
    "Magnitude",
    "MixedCounts",
    "NoDensity",
    "PoissonCounts",
    "PoissonExponential",
    "WeightedSquare",
]
