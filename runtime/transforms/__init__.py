"""Orthonormal transforms of tensors: wavelets and cosines. Each inverse is the adjoint."""

from .cosine import block_cosine_forward, block_cosine_inverse, cosine_forward, cosine_inverse
from .filters import Wavelet, filter_length, max_levels, orthonormal, wavelet_filters
from .wavelet import soft_threshold, wavelet_forward, wavelet_inverse, wavelet_soft_threshold

__all__ = [
    "Wavelet",
    "block_cosine_forward",
    "block_cosine_inverse",
    "cosine_forward",
    "cosine_inverse",
    "filter_length",
    "max_levels",
    "orthonormal",
    "soft_threshold",
    "wavelet_filters",
    "wavelet_forward",
    "wavelet_inverse",
    "wavelet_soft_threshold",
]
