"""The meaning of metric words: a number for each row."""

from __future__ import annotations

from recon.dsl.vocabulary import metrics as words
from torch import Tensor

from ..meaning import meaning_of
from . import errors, shells, similarity
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
    return similarity.ssim(
        estimate, truth, range=data_range, window=word.window, sigma=word.sigma, k1=word.k1, k2=word.k2
    )


@meaning_of(words.Fsc)
def fsc(word: words.Fsc, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return shells.mean_correlation(estimate, truth, _dimensions(word.dimensions, truth))


@meaning_of(words.Resolution)
def resolution(word: words.Resolution, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return shells.resolution(estimate, truth, _dimensions(word.dimensions, truth), word.threshold)


def _dimensions(given: int | str, truth: Tensor) -> int:
    return given if isinstance(given, int) else min(truth.ndim - 1, 3)
