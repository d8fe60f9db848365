"""Line integrals through an image, their adjoint, and filtered back-projection."""

from .beam import Beam, backproject, project
from .cone import ConeBeam
from .fan import FanBeam
from .filters import FilterName, filtered_backprojection, ramp_response
from .parallel import ParallelBeam

__all__ = [
    "Beam",
    "ConeBeam",
    "FanBeam",
    "FilterName",
    "ParallelBeam",
    "backproject",
    "filtered_backprojection",
    "project",
    "ramp_response",
]
