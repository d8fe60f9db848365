"""The meaning of the non-uniform Fourier transform and of trajectories: words -> points [lines, samples, D]."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from recon.dsl.model.place import Placed
from recon.dsl.vocabulary.operators import nufft as words
from torch import Tensor

from ..build import Build
from ..meaning import meaning, meaning_of
from ..mri import trajectories
from ..mri.nufft import Transform, toeplitz_spectrum
from ..values import EvaluationError
from .arrays import load_array
from .base import Operator, part_of
from .toeplitz import ToeplitzFilter

TOLERANCE = {torch.float32: 3e-5, torch.float64: 1e-13}
"""What is asked of FINUFFT, relative to the norm of the result. In single precision the rounding of coordinates and of
kernels leaves 1e-5 whatever is asked."""
LARGEST_DOUBLED = 2**26
"""Numbers of the doubled grid beyond which A^H A is A, then A^H: some gigabytes would be held."""

Points = NDArray[np.float64]


@meaning_of(words.Nufft)
def nufft(word: words.Nufft, placed: Placed, build: Build) -> Operator:
    """The transform at the points of the trajectory, over the last axes of the domain."""
    points = meaning(word.trajectory)(word.trajectory)
    frame = (placed.domain.axis("frame") or 0) - len(placed.domain.axes) if word.vary == "frame" else None
    return NufftOperator(points, build.real, build.device, placed, frame)


class NufftOperator(Operator):
    """(A x)_j = N^(-1/2) sum_n x_n exp(-2 pi i <k_j, n>), n counted from the middle of each axis, index N // 2.

    `points` are the k_j in cycles per pixel, of shape [lines, samples, D]. With `frame`, the place of the domain's axis
    of frames from its end, each frame has as many lines of its own, in their order.

    FINUFFT computes on the CPU, wherever the tensors are; its type 1 and type 2 transforms share their kernel, so the
    adjoint is one to rounding. A^H A is a convolution on the doubled grid.
    """

    def __init__(
        self, points: Points, real: torch.dtype, device: torch.device, placed: Placed, frame: int | None = None
    ) -> None:
        super().__init__(placed.domain, placed.codomain, placed.facts)
        self.precision, self.frame = real, frame
        frames = 1 if frame is None else placed.domain.sizes[frame]
        self.points = points.reshape(frames, -1, *points.shape[1:])
        self.extents = placed.domain.sizes[-points.shape[-1] :]
        self.scale = 1 / math.sqrt(math.prod(self.extents))
        dtype: np.dtype[Any] = np.dtype(np.float64 if real == torch.float64 else np.float32)
        flat = [p.reshape(-1, points.shape[-1]) for p in self.points]
        self.transforms = [Transform(p, self.extents, dtype, TOLERANCE[real]) for p in flat]
        self.toeplitz: ToeplitzFilter | None = None
        if 2 ** len(self.extents) * math.prod(self.extents) * len(flat) <= LARGEST_DOUBLED:
            spectra = np.stack([toeplitz_spectrum(p, self.extents) * self.scale**2 for p in flat])
            spectrum = torch.from_numpy(self._beside(spectra)).to(real).to(device)
            self.toeplitz = ToeplitzFilter(spectrum, placed.domain, len(self.extents))

    def _beside(self, values: Points) -> Points:
        """Values for each frame [frames, ...], with axes of one for what stands between frames and positions."""
        between = [1] * (-self.frame - 1 - len(self.extents)) if self.frame is not None else []
        shape = (len(values), *between, *values.shape[1:]) if self.frame is not None else values.shape[1:]
        return values.reshape(shape)

    def weights(self, density: Callable[[Points, tuple[int, ...]], Points]) -> Points:
        """What `density` gives for the points of each frame, as an array that broadcasts to the measurement."""
        return self._beside(np.stack([density(p, self.extents) for p in self.points]))

    def _apply_(self, x: Tensor) -> Tensor:
        if self.frame is None:
            return self._forth(self.transforms[0], x)
        place = x.ndim + self.frame
        images = zip(self.transforms, x.unbind(place), strict=True)
        return torch.stack([self._forth(transform, v) for transform, v in images], dim=place)

    def _adjoint_(self, y: Tensor) -> Tensor:
        if self.frame is None:
            return self._back(self.transforms[0], y)
        place = y.ndim + self.frame + len(self.extents) - 2
        samples = zip(self.transforms, y.unbind(place), strict=True)
        return torch.stack([self._back(transform, v) for transform, v in samples], dim=place)

    def _forth(self, transform: Transform, x: Tensor) -> Tensor:
        head = x.shape[: x.ndim - len(self.extents)]
        y = torch.from_numpy(transform.forward(x.detach().cpu().resolve_conj().numpy()))
        return y.to(x.device).mul_(self.scale).reshape(*head, *self.points.shape[1:-1])

    def _back(self, transform: Transform, y: Tensor) -> Tensor:
        head = y.shape[:-2]
        x = torch.from_numpy(transform.adjoint(y.detach().cpu().resolve_conj().numpy()))
        return x.to(y.device).mul_(self.scale).reshape(*head, *self.extents)

    def cut(self, axis: str, keep: slice) -> tuple[Operator, bool] | None:
        """The same points of some of the images that are stacked; FINUFFT's plans are shared."""
        if axis == "frame" and self.frame is not None:
            return None
        part = copy(self)
        part.domain, part.codomain, part.facts = part_of(self, axis, keep)
        part._buffers, part._modules = dict(self._buffers), dict(self._modules)
        part.toeplitz, part._norm = None, None
        return part, True

    def _gram_(self, x: Tensor) -> Tensor:
        return super()._gram_(x) if self.toeplitz is None else self.toeplitz._apply_(x)

    def normal(self) -> Operator | None:
        return self.toeplitz


@meaning_of(words.Radial)
def radial(word: words.Radial) -> Points:
    """Lines at the angles pi step s."""
    return trajectories.radial(word.spokes, word.samples, word.step)


@meaning_of(words.Spiral)
def spiral(word: words.Spiral) -> Points:
    """Arms turned by equal angles."""
    return trajectories.spiral(word.interleaves, word.samples, word.turns, word.power)


@meaning_of(words.Kooshball)
def kooshball(word: words.Kooshball) -> Points:
    """Lines through the middle of a volume."""
    return trajectories.kooshball(word.spokes, word.samples)


@meaning_of(words.TrajectoryFile)
def trajectory_file(word: words.TrajectoryFile) -> Points:
    """The file's array."""
    points: Points = load_array(word.file, Build(real=torch.float64)).numpy()
    if not np.isfinite(points).all():
        raise EvaluationError(f"{word.file.text}: not all points of the trajectory are finite")
    if np.abs(points).max(initial=0.0) > 0.5 + 1e-6:  # what was stored in single precision may lie a little outside
        raise EvaluationError(
            f"{word.file.text}: a trajectory is in cycles per pixel, from -1/2 to 1/2, and this one reaches "
            f"{np.abs(points).max():g}; divide by the number of pixels along each axis"
        )
    return points


@meaning_of(words.PipeMenon)
def pipe_menon(word: words.PipeMenon, points: Points, extents: tuple[int, ...]) -> Points:
    """Areas by iteration."""
    return trajectories.pipe_menon(points, extents, word.iterations)


@meaning_of(words.Ramp)
def ramp(word: words.Ramp, points: Points, extents: tuple[int, ...]) -> Points:
    """Areas in closed form. Raises ValueError where the trajectory is not radial."""
    return trajectories.ramp(points, extents)
