"""Untrained generators: images as functions of the weights of a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvGenerator(nn.Module):
    """G(C) = relu(U C) v: circular convolution by a fixed kernel, channel by channel, and a fixed sum of the channels.

    kernel: real, its centre at index size // 2 along each axis, no longer than `sizes`. sizes: extents of the output.
    weights: C at the start, [channels, *sizes], independent standard normal numbers. The signs v are +-1 / sqrt(k),
    turn about, so that the output has no mean.

    Heckel, Soltanolkotabi 2020, eq. (2); Heckel 2024, eq. (11.3). Raises ValueError where the kernel does not fit.
    """

    transfer: Tensor
    signs: Tensor

    def __init__(self, kernel: Tensor, sizes: tuple[int, ...], channels: int, seed: int) -> None:
        super().__init__()
        if kernel.ndim != len(sizes) or any(k > n for k, n in zip(kernel.shape, sizes, strict=True)):
            raise ValueError(f"a kernel of extents {list(kernel.shape)} does not fit an output of {list(sizes)}")
        self.sizes = sizes
        self.axes = tuple(range(-len(sizes), 0))
        wide = kernel.new_zeros(sizes)
        wide[tuple(slice(0, k) for k in kernel.shape)] = kernel
        wide = wide.roll([-(k // 2) for k in kernel.shape], self.axes)
        self.register_buffer("transfer", torch.fft.rfftn(wide, dim=self.axes), persistent=False)
        generator = torch.Generator().manual_seed(seed)
        start = torch.randn(channels, *sizes, generator=generator, dtype=torch.float64)
        self.weights = nn.Parameter(start.to(kernel))
        signs = (1 - 2 * (torch.arange(channels) % 2)) / channels**0.5
        self.register_buffer("signs", signs.to(kernel), persistent=False)

    def forward(self, weights: Tensor | None = None) -> Tensor:
        """G of these weights [..., channels, *sizes], by default its own: [..., *sizes]."""
        c = self.weights if weights is None else weights
        mixed = torch.fft.irfftn(torch.fft.rfftn(c, dim=self.axes) * self.transfer, s=self.sizes, dim=self.axes)
        out: Tensor = torch.tensordot(mixed.relu(), self.signs, dims=([mixed.ndim - len(self.sizes) - 1], [0]))
        return out

    def expected_spectrum(self) -> Tensor:
        """The singular values of the Jacobian at random weights for many channels, at each frequency: [*sizes].

        E J J^T has the entries <u_i, u_j> (1 - arccos(<u_i, u_j> / |u_i| |u_j|) / pi) / 2 for the rows u_i of U: the
        probability that both units are active, times what they share. It is circulant, so the transform of its first
        row are its eigenvalues, with trigonometric functions for eigenvectors.
        """
        products = torch.fft.irfftn(self.transfer.abs().square(), s=self.sizes, dim=self.axes)
        correlation = (products / products.flatten()[0]).clamp(-1, 1)
        first = products * (1 - torch.arccos(correlation) / torch.pi) / 2
        values: Tensor = torch.fft.fftn(first, dim=self.axes).real.clamp(min=0).sqrt()
        return values
