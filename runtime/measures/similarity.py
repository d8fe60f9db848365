"""Structural similarity."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from .errors import check_pair, checked_range

# Entries of the similarity map computed at once: 32 MiB a map in float64.
_CHUNK = 2**22


def ssim(
    estimate: Tensor,
    truth: Tensor,
    *,
    range: float | Tensor,
    window: int = 11,
    sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    kind: Literal["gaussian", "uniform"] = "gaussian",
    dimensions: Literal[2, 3] = 2,
) -> Tensor:
    """Mean structural similarity,

        (2 m_e m_t + c1) (2 s_et + c2) / ((m_e^2 + m_t^2 + c1) (s_e^2 + s_t^2 + c2)),   c_i = (k_i range)^2,

    with means m, variances s^2 and the covariance s_et weighted by a window that sums to 1 (no n - 1 correction),
    averaged over all places where the window lies inside the image (`window // 2` entries are cut from each border,
    nothing is padded and nothing downsampled), then over all axes between batch and image. It equals
    `skimage.metrics.structural_similarity(gaussian_weights=True, sigma=sigma, use_sample_covariance=False)` where
    `window` is `2 round(3.5 sigma) + 1`, as 11 is for 1.5. Computed in float64, so the device must have it. NaN in a
    row gives NaN for that row, and so does a range of zero, on which it is undefined.

    Args:
        estimate: real tensor [B, ..., H, W], or [B, ..., D, H, W] where `dimensions = 3`.
        truth: tensor of the same shape.
        range: largest minus smallest value that the data may take (1 for pictures in 0..1); one number, or [B].
        window: side of the window, odd.
        sigma: standard deviation of the Gaussian window in entries; of no effect where `kind = "uniform"`.
        k1: stabiliser of the means, at least 0.
        k2: stabiliser of the variances, at least 0.
        kind: "gaussian" or "uniform" weights.
        dimensions: 2 for windows in the last two axes (a volume is then a stack of slices), 3 for the last three.

    Returns:
        float64 tensor [B], at most 1.

    Raises:
        ValueError: complex input, shapes that differ, an image smaller than the window, or a parameter out of bounds.

    Source: Wang, Bovik, Sheikh and Simoncelli, Image quality assessment, IEEE Trans. Image Process. 2004, eq. (13).
    """
    check_pair(estimate, truth)
    if estimate.is_complex() or truth.is_complex():
        raise ValueError("SSIM is for real images; compare magnitudes: take abs of the estimate and of the truth")
    if kind not in ("gaussian", "uniform") or dimensions not in (2, 3):
        raise ValueError(f'kind is "gaussian" or "uniform" and dimensions 2 or 3, not {kind!r} and {dimensions}')
    if window < 1 or window % 2 == 0 or not sigma > 0 or k1 < 0 or k2 < 0:
        raise ValueError("SSIM needs an odd window, a positive sigma, and k1 and k2 not negative")
    if truth.ndim <= dimensions:
        raise ValueError(f"SSIM in {dimensions} dimensions needs a batch of images, not shape {list(truth.shape)}")
    image = truth.shape[-dimensions:]
    if min(image) < window:
        extents = " x ".join(map(str, image))
        raise ValueError(f"SSIM needs images at least as large as its window of {window}; these are {extents}")

    peak = checked_range(range, truth).expand(truth.shape[0])
    weights = _weights(window, sigma, kind)
    scores = []
    for e, t, scale in zip(estimate, truth, peak, strict=True):
        c1, c2 = (k1 * scale) ** 2, (k2 * scale) ** 2
        planes = zip(e.reshape(-1, *image), t.reshape(-1, *image), strict=True)
        scores.append(torch.stack([_mean_similarity(a, b, weights, c1, c2) for a, b in planes]).mean())
    return torch.stack(scores)


def _weights(window: int, sigma: float, kind: str) -> list[float]:
    """One axis of the separable window, summing to 1."""
    offsets = torch.arange(window, dtype=torch.float64) - window // 2
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2) if kind == "gaussian" else torch.ones_like(offsets)
    values: list[float] = (weights / weights.sum()).tolist()
    return values


def _mean_similarity(e: Tensor, t: Tensor, weights: list[float], c1: Tensor, c2: Tensor) -> Tensor:
    """Mean of the similarity map of one image, slab by slab along its first axis: memory stays bounded on volumes."""
    lost = len(weights) - 1
    places = [n - lost for n in e.shape]
    step = max(1, _CHUNK // e[0].numel())
    sums = []
    for start in range(0, places[0], step):
        length = min(step, places[0] - start) + lost
        sums.append(_similarity(e.narrow(0, start, length), t.narrow(0, start, length), weights, c1, c2).sum())
    return torch.stack(sums).sum() / torch.Size(places).numel()


def _similarity(e: Tensor, t: Tensor, weights: list[float], c1: Tensor, c2: Tensor) -> Tensor:
    """The similarity map where the window fits, float64."""
    e, t = e.to(torch.float64), t.to(torch.float64)
    # The variances enter only through their sum: four local means do instead of five.
    me, mt = _local_mean(e, weights), _local_mean(t, weights)
    products, squares = me * mt, me.square() + mt.square()
    covariance = _local_mean(e * t, weights) - products
    variances = _local_mean(e.square() + t.square(), weights) - squares
    return (2 * products + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))


def _local_mean(x: Tensor, weights: list[float]) -> Tensor:
    # Sums of shifted copies: torch's float64 convolution would unfold the image into `window` copies at once.
    for axis in range(x.ndim):
        places = x.shape[axis] - len(weights) + 1
        total = weights[0] * x.narrow(axis, 0, places)
        for k, weight in enumerate(weights[1:], start=1):
            total.add_(x.narrow(axis, k, places), alpha=weight)
        x = total
    return x
