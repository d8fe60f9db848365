"""Products with weights in the Fourier domain, in one pair of transforms."""

from __future__ import annotations

from typing import cast

import torch
from recon.dsl.model.facts import Diagonal, Facts
from recon.dsl.model.space import Space
from torch import Tensor

from ..transforms.coils import LineFilter
from .base import Operator


class SpectralFilter(Operator):
    """F^H diag(w) F with the uncentred orthonormal Fourier transform F over the last `axes` axes, for real weights w.

    `weights` broadcasts to the domain and stands in the order of `torch.fft`, zero frequency first. Along axes where it
    has extent one the transforms cancel and are left out: a filter of k-space columns costs one-dimensional transforms.
    On a real domain this is the real part of the filter, whose weights are the mean of w(k) and w(-k): one pair of
    real transforms.
    """

    spectrum: Tensor

    def __init__(self, weights: Tensor, axes: int, domain: Space) -> None:
        basis = Diagonal("fourier", axes=axes)
        super().__init__(domain, domain, Facts(gram=basis, cogram=basis, diagonal=basis))
        real, self.axes = weights[(None,) * max(axes - weights.ndim, 0)], axes
        self.dims = [d for d in range(-axes, 0) if real.shape[d] > 1]
        self.extents = [domain.sizes[d] for d in self.dims]
        if domain.field == "real" and self.dims:
            mirrored = real.flip(self.dims).roll([1] * len(self.dims), self.dims)
            half = real.shape[self.dims[-1]] // 2 + 1
            real = ((real + mirrored) / 2).narrow(self.dims[-1], 0, half)
        complex_valued = bool(self.dims) or domain.field == "complex"
        self.constant("spectrum", torch.complex(real, torch.zeros_like(real)) if complex_valued else real)
        # One kernel where all lines have the same weights, those of other frames or coils included.
        line = real.flatten()
        alike = domain.field == "complex" and self.dims == [-1] and len(line) == domain.sizes[-1]
        self.lines = LineFilter(line) if alike and LineFilter.fits(line) else None

    def on(self, domain: Space, weights: Tensor | None = None) -> SpectralFilter:
        """The same on another domain with the same last axes, or with other weights."""
        return SpectralFilter(self.spectrum.real if weights is None else weights, self.axes, domain)

    def _apply_(self, x: Tensor) -> Tensor:
        if not self.dims:
            return x * self.spectrum
        if self.domain.field == "real":
            spectrum = torch.fft.rfftn(x, dim=self.dims).mul_(self.spectrum)
            return cast(Tensor, torch.fft.irfftn(spectrum, s=self.extents, dim=self.dims))
        if self.lines is not None and self.lines.ready(x):
            return self.lines(x)
        spectrum = torch.fft.fftn(x, dim=self.dims).mul_(self.spectrum)
        return cast(Tensor, torch.fft.ifftn(spectrum, dim=self.dims))

    def _adjoint_(self, y: Tensor) -> Tensor:
        return self._apply_(y)

    def norm(self) -> float:
        """The largest |w| (on a real domain of its mean with its mirror image)."""
        return float(self.spectrum.abs().max())

    def real_part(self) -> Operator | None:
        return self.on(self.domain.with_field("real"))
