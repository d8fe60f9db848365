"""Line integrals through an image, their adjoint, and filtered back-projection."""

from .filters import FilterName, filtered_backprojection, ramp_response
from .parallel import ParallelBeam, backproject, project

__all__ = ["FilterName", "ParallelBeam", "backproject", "filtered_backprojection", "project", "ramp_response"]
