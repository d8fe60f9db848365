"""Filters along lines of complex images, perhaps as several coils see them, through the compiled kernel."""

from __future__ import annotations

from ctypes import c_int64, c_void_p

import torch
from torch import Tensor

from ..native import native
from ..native.tensors import SUFFIX, kernels_for, readable, threads_for

_ARGUMENTS = (*(c_void_p,) * 4, *(c_int64,) * 5)
_VECTOR_BYTES = 64


class LineFilter:
    """x -> sum_c conj(S_c) F^H diag(w) F (S_c x), with the orthonormal Fourier transform F along the last axis.

    weights: w, real, [n], in the order of `torch.fft`. maps: S, complex, [coils, ..., n]; without them
    x -> F^H diag(w) F x for any number of lines. Raises ValueError where `fits` says no.
    """

    def __init__(self, weights: Tensor, maps: Tensor | None = None) -> None:
        if not self.fits(weights, maps):
            shape = "none" if maps is None else tuple(maps.shape)
            raise ValueError(f"no kernel for weights {tuple(weights.shape)} and maps {shape}")
        self.n, self.coils, self.lines = weights.numel(), 1, 0
        self.weights = (weights / self.n).contiguous()
        self.maps: Tensor | None = None
        if maps is not None:
            real = torch.view_as_real(readable(maps).flatten(1, -2))
            self.coils, self.lines = real.shape[0], real.shape[1]
            self.weights = self.weights.to(real.dtype)
            # [coils, groups of lines, n, re or im, lanes], filled up with zeros: the order in which the kernel reads.
            lanes = _VECTOR_BYTES // real.element_size()
            padded = torch.nn.functional.pad(real, (0, 0, 0, 0, 0, -self.lines % lanes))
            self.maps = torch.unflatten(padded, 1, (-1, lanes)).permute(0, 1, 3, 4, 2).contiguous()
        self.dtype = self.weights.dtype.to_complex()

    @staticmethod
    def fits(weights: Tensor, maps: Tensor | None = None) -> bool:
        """Whether the kernel takes these: on the CPU, of a length that is a product of 2, 3 and 5."""
        n = weights.shape[-1] if weights.ndim == 1 else 0
        left = n
        for factor in (2, 3, 5):
            while left and left % factor == 0:
                left //= factor
        if left != 1 or weights.device.type != "cpu" or weights.dtype not in (torch.float32, torch.float64):
            return False
        if maps is None:
            return True
        shaped = maps.ndim >= 3 and maps.shape[-1] == n
        return shaped and maps.is_complex() and maps.device.type == "cpu" and maps.dtype in SUFFIX

    def ready(self, x: Tensor) -> bool:
        """Whether x can go through the kernel."""
        return x.dtype == self.dtype and kernels_for(x) is not None

    def __call__(self, x: Tensor) -> Tensor:
        """The product with x, [..., n]."""
        x = readable(x)
        out = torch.empty_like(x)
        kernels = native()
        assert kernels is not None
        total = x.numel() // self.n
        lines = total if self.maps is None else self.lines
        maps = None if self.maps is None else self.maps.data_ptr()
        arrays = (x.data_ptr(), out.data_ptr(), maps, self.weights.data_ptr())
        call = kernels.function(f"coil_filter_{SUFFIX[self.dtype]}", _ARGUMENTS)
        call(*arrays, total // lines if lines else 0, self.coils, lines, self.n, threads_for(x.numel()))
        return out
