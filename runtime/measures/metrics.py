"""The meaning of metric words: a number for each row."""

from __future__ import annotations

from recon.dsl.vocabulary import metrics as words
from torch import Tensor

from ..meaning import meaning_of
from . import errors, fidelity, shells, similarity
from .alignment import aligned


@meaning_of(words.Mse)
def mse(word: words.Mse, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return errors.mse(estimate, truth)


@meaning_of(words.Nmse)
def nmse(word: words.Nmse, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return errors.nmse(aligned(estimate, truth, word.align), truth)


@meaning_of(words.Psnr)
def psnr(word: words.Psnr, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return errors.psnr(aligned(estimate, truth, word.align), truth, range=data_range)


@meaning_of(words.Ssim)
def ssim(word: words.Ssim, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return similarity.ssim(estimate, truth, range=data_range, by=_comparison(word))


@meaning_of(words.MsSsim)
def ms_ssim(word: words.MsSsim, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return similarity.ms_ssim(estimate, truth, range=data_range, weights=word.weights, by=_comparison(word))


def _comparison(word: words.Ssim | words.MsSsim) -> similarity.Comparison:
    return similarity.Comparison(
        window=word.window,
        sigma=word.sigma,
        k1=word.k1,
        k2=word.k2,
        kind=word.kind,
        covariance=word.covariance,
        border=word.border,
        dimensions=word.dimensions,
    )


@meaning_of(words.Vif)
def vif(word: words.Vif, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return fidelity.vif(estimate, truth, range=data_range, sigma_n_sq=word.sigma_n_sq)


@meaning_of(words.Fsc)
def fsc(word: words.Fsc, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return shells.mean_correlation(estimate, truth, _dimensions(word.dimensions, truth))


@meaning_of(words.Resolution)
def resolution(word: words.Resolution, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return shells.resolution(estimate, truth, _dimensions(word.dimensions, truth), word.threshold)


def _dimensions(given: int | str, truth: Tensor) -> int:
    return given if isinstance(given, int) else min(truth.ndim - 1, 3)
