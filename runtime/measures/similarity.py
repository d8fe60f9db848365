"""Structural similarity, at one scale and at several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

import torch
from torch import Tensor

from .errors import check_pair, checked_range
from .windows import halved, local_mean, mirrored, summed, window

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


@dataclass(frozen=True)
class Comparison:
    """How images are compared locally.

    window: side of the window in entries, odd.
    sigma: standard deviation of a Gaussian window; of no effect on a uniform one.
    k1, k2: stabilisers of means and variances, `c_i = (k_i range)^2`; not negative.
    kind: weights of the window.
    covariance: "sample" multiplies variances and covariance by N / (N - 1), N the entries of the window, whatever its
        weights, as scikit-image does; "population" does not, as Wang et al. do.
    border: "valid" averages over all places where the window lies inside the image (`window // 2` entries are cut from
        each border); "reflect" over all entries of the image, continued by mirroring about its first and last entry.
    dimensions: 2 for windows in the last two axes (a volume is then a stack of slices), 3 for the last three.

    Raises ValueError for a parameter out of bounds.
    """

    window: int = 11
    sigma: float = 1.5
    k1: float = 0.01
    k2: float = 0.03
    kind: Literal["gaussian", "uniform"] = "gaussian"
    covariance: Literal["population", "sample"] = "population"
    border: Literal["valid", "reflect"] = "valid"
    dimensions: Literal[2, 3] = 2

    def __post_init__(self) -> None:
        if self.kind not in ("gaussian", "uniform") or self.dimensions not in (2, 3):
            raise ValueError(
                f'kind is "gaussian" or "uniform" and dimensions 2 or 3, not {self.kind!r} and {self.dimensions}'
            )
        if self.covariance not in ("population", "sample") or self.border not in ("valid", "reflect"):
            raise ValueError('covariance is "population" or "sample", and border "valid" or "reflect"')
        if self.window < 1 or self.window % 2 == 0 or not self.sigma > 0 or self.k1 < 0 or self.k2 < 0:
            raise ValueError("SSIM needs an odd window, a positive sigma, and k1 and k2 not negative")
        if self.covariance == "sample" and self.window == 1:
            raise ValueError("a window of one entry has no sample covariance")

    def maps(self, e: Tensor, t: Tensor, peaks: Tensor, border: Literal["valid", "reflect"]) -> Tensor:
        """Means of the similarity and of the contrast map of each image.

        Args:
            e, t: real [P, *image].
            peaks: data ranges [P].
            border: as the field of that name.

        Returns:
            float64 [2, P].
        """
        weights, lost = window(self.window, self.sigma, self.kind), self.window - 1
        if border == "reflect":
            e, t = mirrored(e, lost // 2), mirrored(t, lost // 2)
        entries = self.window**self.dimensions
        unbiased = entries / (entries - 1) if self.covariance == "sample" else 1.0
        wide = (-1, *[1] * self.dimensions)
        c1, c2 = ((k * peaks).square().reshape(wide) for k in (self.k1, self.k2))

        def sums(e: Tensor, t: Tensor, some: slice) -> Tensor:
            # The variances enter only through their sum: four local means do instead of five.
            me, mt = local_mean(e, weights), local_mean(t, weights)
            products, squares = me * mt, me.square() + mt.square()
            covariance = unbiased * (local_mean(e * t, weights) - products)
            variances = unbiased * (local_mean(e.square() + t.square(), weights) - squares)
            contrast = (2 * covariance + c2[some]) / (variances + c2[some])
            similarity = (2 * products + c1[some]) / (squares + c1[some]) * contrast
            return torch.stack([similarity.flatten(1).sum(1), contrast.flatten(1).sum(1)])

        return summed(sums, e, t, lost) / prod(n - lost for n in e.shape[1:])


def ssim(estimate: Tensor, truth: Tensor, *, range: float | Tensor, by: Comparison = Comparison()) -> Tensor:
    """Mean structural similarity,

        (2 m_e m_t + c1) (2 s_et + c2) / ((m_e^2 + m_t^2 + c1) (s_e^2 + s_t^2 + c2)),   c_i = (k_i range)^2,

    with means m, variances s^2 and the covariance s_et weighted by a window that sums to 1, averaged over the places
    that `by.border` says, then over all axes between batch and image; nothing is downsampled. By default it equals
    `skimage.metrics.structural_similarity(gaussian_weights=True, sigma=sigma, use_sample_covariance=False)` where
    `window` is `2 round(3.5 sigma) + 1`, as 11 is for 1.5, and with `border = "reflect"` torchmetrics'
    `structural_similarity_index_measure`. Computed in float64, so the device must have it. NaN in a row gives NaN for
    that row, and so does a range of zero, on which it is undefined.

    Args:
        estimate: real tensor [B, ..., H, W], or [B, ..., D, H, W] where `by.dimensions` is 3.
        truth: tensor of the same shape.
        range: largest minus smallest value that the data may take (1 for pictures in 0..1); one number, or [B].
        by: the parameters of the comparison.

    Returns:
        float64 tensor [B], at most 1.

    Raises:
        ValueError: complex input, shapes that differ, or an image smaller than the window.

    Source: Wang, Bovik, Sheikh and Simoncelli, Image quality assessment, IEEE Trans. Image Process. 2004, eq. (13).
    """
    e, t, peaks = stacks(estimate, truth, range, by.dimensions, by.window, "SSIM")
    return per_row(by.maps(e, t, peaks, by.border)[0], truth)


def ms_ssim(
    estimate: Tensor,
    truth: Tensor,
    *,
    range: float | Tensor,
    weights: Sequence[float] = WEIGHTS,
    by: Comparison = Comparison(),
) -> Tensor:
    """Structural similarity over scales j = 1 .. M, M the number of weights,

        S_M^{w_M} prod_{j < M} C_j^{w_j},   C = mean of (2 s_et + c2) / (s_e^2 + s_t^2 + c2),

    with S the mean similarity, both averaged over the places of a scale and over all axes between batch and image, and
    cut off at zero from below. From scale to scale pairs of neighbours are averaged along each axis of the image; the
    last entry of an odd number stands alone. Contrasts C are averaged where the window fits; so is S, or over the whole
    mirrored image where `by.border` is "reflect". With it, the number is that of torchmetrics for extents that divide
    by 2^(M - 1), without it that of the authors' program.

    Args and errors as those of `ssim`, and weights: exponents of the scales, the finest first. The smallest extent of
    an image is at least `(window - 1) 2^(M - 1) + 1`: 161 for a window of 11 and five scales.

    Returns:
        float64 tensor [B], in [0, 1].

    Source: Wang, Simoncelli and Bovik, Multiscale structural similarity for image quality assessment, Asilomar 2003.
    """
    if not weights or not all(w > 0 for w in weights):
        raise ValueError("multi-scale SSIM needs one positive weight for each scale")
    least = (by.window - 1) * 2 ** (len(weights) - 1) + 1
    e, t, peaks = stacks(estimate, truth, range, by.dimensions, least, f"SSIM over {len(weights)} scales")
    score = torch.ones(truth.shape[0], dtype=torch.float64, device=truth.device)
    for j, weight in enumerate(weights, start=1):
        last = j == len(weights)
        similarity, contrast = by.maps(e, t, peaks, by.border if last else "valid")
        score = score * per_row(similarity if last else contrast, truth).clamp(min=0) ** weight
        if not last:
            e, t = halved(e), halved(t)
    return score


def stacks(
    estimate: Tensor, truth: Tensor, range: float | Tensor, dimensions: int, least: int, name: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Estimate and truth as [P, *image], with the data range of each image, [P]; the rows' images follow each other.

    Raises ValueError where the measure `name` cannot compare them: complex ones, and images smaller than `least`.
    """
    check_pair(estimate, truth)
    if estimate.is_complex() or truth.is_complex():
        raise ValueError(f"{name} is for real images; compare magnitudes: take abs of the estimate and of the truth")
    if truth.ndim <= dimensions:
        raise ValueError(f"{name} in {dimensions} dimensions needs a batch of images, not shape {list(truth.shape)}")
    image = truth.shape[-dimensions:]
    if min(image) < least:
        extents = " x ".join(map(str, image))
        raise ValueError(f"{name} needs images of at least {least} along each axis; these are {extents}")
    e, t = estimate.reshape(-1, *image), truth.reshape(-1, *image)
    peaks = checked_range(range, truth).expand(truth.shape[0]).repeat_interleave(t.shape[0] // truth.shape[0])
    return e, t, peaks


def per_row(values: Tensor, truth: Tensor) -> Tensor:
    """The mean over the images of each row: [P] to [B]."""
    return values.reshape(truth.shape[0], -1).mean(1)
