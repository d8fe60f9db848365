"""What all scans have in common: projection, its adjoint, and how tensors reach the kernels that do the work."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..native import Kernels, native

SUFFIX = {torch.float32: "f32", torch.float64: "f64"}
Table = npt.NDArray[np.float64]


class Beam(Protocol):
    """Where the rays of a scan run. `shape` is that of the image or volume, `measured` that of its line integrals."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def measured(self) -> tuple[int, ...]: ...

    def projected(self, stack: Tensor) -> Tensor:
        """A x for real x [B, *shape], contiguous: [B, *measured]."""
        ...

    def backprojected(self, stack: Tensor) -> Tensor:
        """A^T y for real y [B, *measured], contiguous: [B, *shape]."""
        ...


def project(image: Tensor, beam: Beam) -> Tensor:
    """Line integrals A x: real or complex [..., *shape] to [..., *measured], in value times length.

    Joseph's sum along each ray: over the lines of the image that it crosses, the linear interpolation of the pixels
    beside the crossing (of a volume, the four voxels around it), times the length of the ray inside one line. Pixels
    outside the image are 0. Runs in C++ on the CPU if that could be built (see `recon.runtime.native`), else in torch;
    the two agree to rounding. The result has no autograd history: the derivative of A is `backproject`.

    Raises ValueError for another shape and TypeError for a dtype but float32, float64, complex64, complex128.
    """
    return carry(image, beam.shape, beam.measured, beam.projected)


def backproject(sinogram: Tensor, beam: Beam) -> Tensor:
    """The adjoint A^H y of `project`: real or complex [..., *measured] to [..., *shape], in value times length.

    The same weights as `project`: <A x, y> = <x, A^H y> up to rounding. Not divided by the number of views and not
    filtered; `filtered_backprojection` reconstructs. Runs where `project` runs, and raises as it does.
    """
    return carry(sinogram, beam.measured, beam.shape, beam.backprojected)


def carry(
    source: Tensor, given: tuple[int, ...], wanted: tuple[int, ...], compute: Callable[[Tensor], Tensor]
) -> Tensor:
    """A real linear map of stacks [B, *given] to [B, *wanted], applied to real or complex [..., *given]."""
    if tuple(source.shape[-len(given) :]) != given:
        raise ValueError(f"expected a tensor of shape [..., {', '.join(map(str, given))}], not {tuple(source.shape)}")
    source = source.detach()
    if source.is_complex():
        parts = torch.view_as_real(source.resolve_conj()).movedim(-1, 0)
        return torch.complex(*carry(parts, given, wanted, compute))
    if source.dtype not in SUFFIX:
        raise TypeError(f"expected float32, float64, complex64 or complex128, not {source.dtype}")
    return compute(source.reshape(-1, *given).contiguous()).reshape(*source.shape[: -len(given)], *wanted)


def kernels_for(stack: Tensor) -> Kernels | None:
    """The C++ kernels, where they can work on this tensor."""
    return native() if stack.device.type == "cpu" else None


def one_by_one(stack: Tensor, wanted: tuple[int, ...], kernel: Callable[[int, int], None]) -> Tensor:
    """The results of a kernel, which takes the addresses of one source and one target."""
    result = stack.new_empty(len(stack), *wanted)
    for before, after in zip(stack, result, strict=True):
        kernel(before.data_ptr(), after.data_ptr())
    return result


def as_angles(angles: Sequence[float] | Tensor) -> tuple[float, ...]:
    """View angles as a tuple of floats. Raises ValueError where there are none, or for a tensor that is not 1D."""
    if isinstance(angles, Tensor):
        if angles.ndim != 1:
            raise ValueError(f"angles must be a 1D tensor, not one of shape {tuple(angles.shape)}")
        angles = angles.detach().to("cpu", torch.float64).tolist()
    if not len(angles):
        raise ValueError("angles is empty: a scan needs at least one view")
    return tuple(float(angle) for angle in angles)


def require(counts: Sequence[int], positive: dict[str, float], finite: Sequence[float]) -> None:
    """Raises ValueError unless counts are at least 1, lengths positive, and all numbers finite."""
    if min(counts) < 1:
        raise ValueError(f"shape and detectors must be at least 1, not {tuple(counts)}")
    if not all(map(math.isfinite, (*positive.values(), *finite))):
        raise ValueError("angles and lengths must be finite")
    for name, value in positive.items():
        if value <= 0:
            raise ValueError(f"{name} must be positive, not {value}")
