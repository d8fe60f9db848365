"""Visual information fidelity in the pixel domain."""

from __future__ import annotations

import torch
from torch import Tensor

from .similarity import stacks
from .windows import local_mean, summed, window

LEAST = 41
"""The smallest extent whose fourth scale still holds a window."""
_EPS = 1e-10
"""Variances below this, on images of range 255, count as none."""


def vif(estimate: Tensor, truth: Tensor, *, range: float | Tensor, sigma_n_sq: float = 2.0) -> Tensor:
    """Pixel-domain visual information fidelity, "vifp": how much of what an eye, itself noisy, learns from the truth it
    learns from the estimate,

        sum log(1 + g^2 s_t^2 / (s_v^2 + s_n^2)) / sum log(1 + s_t^2 / s_n^2),   g = s_et / s_t^2,
        s_v^2 = s_e^2 - g s_et,

    summed over four scales and all places where the window fits. Scale k = 1 .. 4 has a Gaussian window of
    N = 2^(5 - k) + 1 entries with standard deviation N / 5; scales after the first are smoothed by their window and
    every second entry kept. Variances are those of the population; places where the truth is flat, or where the two
    are correlated negatively, convey nothing. Both images are first brought to a range of 255, for which the authors
    chose s_n^2 = 2: it equals sewar's `vifp` and torchmetrics' `visual_information_fidelity` of such images.

    Every image between batch and the last two axes (a channel, a frame, a slice of a volume) has its own ratio, and
    their mean is the row's; images whose truth conveys nothing, being constant, are left out. Not symmetric; 1 for
    equal images, 0 for none, above 1 where contrast is enhanced. Computed in float64.

    Args:
        estimate: real tensor [B, ..., H, W].
        truth: tensor of the same shape.
        range: largest minus smallest value that the data may take; one number, or [B].
        sigma_n_sq: s_n^2, the variance of the noise of seeing for images of range 255, positive.

    Returns:
        float64 tensor [B]; NaN where all of a row's truth is constant, where its range is zero, or where it has NaN.

    Raises:
        ValueError: complex input, shapes that differ, an extent below 41, or sigma_n_sq not positive.

    Source: Sheikh and Bovik, Image information and visual quality, IEEE Trans. Image Process. 2006.
    """
    if not sigma_n_sq > 0:
        raise ValueError("the variance of the noise of seeing must be positive")
    e, t, peaks = stacks(estimate, truth, range, 2, LEAST, "VIF")
    scale = (255.0 / peaks).reshape(-1, 1, 1)
    e, t = e * scale, t * scale
    learnt = torch.zeros(2, e.shape[0], dtype=torch.float64, device=e.device)
    for width in (17, 9, 5, 3):
        weights = window(width, width / 5)
        if width < 17:
            e, t = (local_mean(v, weights)[:, ::2, ::2] for v in (e, t))

        def information(e: Tensor, t: Tensor, some: slice, weights: list[float] = weights) -> Tensor:
            return _information(e, t, weights, sigma_n_sq)

        learnt = learnt + summed(information, e, t, width - 1)
    kept, offered = (v.reshape(truth.shape[0], -1) for v in learnt)
    seen = offered != 0
    ratios = torch.where(seen, kept / torch.where(seen, offered, 1), 0)
    count = seen.sum(1)
    return torch.where(count > 0, ratios.sum(1) / count.clamp(min=1), torch.nan)


def _information(e: Tensor, t: Tensor, weights: list[float], noise: float) -> Tensor:
    """What the estimate and what the truth tell, in nats, summed over each image: [2, p]."""
    me, mt = local_mean(e, weights), local_mean(t, weights)
    own = (local_mean(t.square(), weights) - mt.square()).clamp(min=0)
    other = (local_mean(e.square(), weights) - me.square()).clamp(min=0)
    joint = local_mean(e * t, weights) - me * mt
    flat, told = own < _EPS, other >= _EPS
    own = torch.where(flat, 0, own)
    gain = torch.where(flat | ~told, 0, joint / (own + _EPS)).clamp(min=0)
    # Where nothing of the truth is kept, all the variance of the estimate is noise.
    rest = torch.where(gain > 0, other - gain * joint, other).clamp(min=_EPS)
    kept = torch.log1p(gain.square() * own / (rest + noise))
    return torch.stack([kept.flatten(1).sum(1), torch.log1p(own / noise).flatten(1).sum(1)])
