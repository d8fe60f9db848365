"""The meaning of metric words: a number for each row."""

from __future__ import annotations

from recon.dsl.vocabulary import metrics as words
from torch import Tensor

from ..meaning import meaning_of
from . import errors, similarity


@meaning_of(words.Mse)
def mse(word: words.Mse, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return errors.mse(estimate, truth)


@meaning_of(words.Nmse)
def nmse(word: words.Nmse, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return errors.nmse(estimate, truth)


@meaning_of(words.Psnr)
def psnr(word: words.Psnr, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return errors.psnr(estimate, truth, range=data_range)


@meaning_of(words.Ssim)
def ssim(word: words.Ssim, estimate: Tensor, truth: Tensor, data_range: float | Tensor) -> Tensor:
    return similarity.ssim(
        estimate, truth, range=data_range, window=word.window, sigma=word.sigma, k1=word.k1, k2=word.k2
    )
