"""Images as overlapping patches, and their denoising by sparse codes (Elad, Aharon 2006)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from recon.dsl.vocabulary import patches as words
from torch import Tensor

from ..functionals.quadratic import HalfSquare
from ..meaning import meaning_of
from ..problem import Problem
from .base import Direct, Step
from .dictionary import ROWS, cosines, learn, sparse_codes

if TYPE_CHECKING:
    from collections.abc import Callable


@meaning_of(words.Ksvd)
def ksvd(word: words.Ksvd, problem: Problem) -> Direct:
    """Denoising by a dictionary learned from the noisy patches."""
    return DictionaryDenoiser(problem, word)


class DictionaryDenoiser:
    """x = (kappa y + sum_j R_j^T D z_j) / (kappa + sum_j R_j^T R_j), row by row with a dictionary for each."""

    name = "ksvd"

    def __init__(self, problem: Problem, word: words.Ksvd) -> None:
        """Raises ValueError where the data term is no white Gaussian noise on images, or too few patches are there."""
        (term,) = problem.data
        functional = term.functional
        if not (isinstance(functional, HalfSquare) and term.plain):
            raise ValueError("`ksvd` removes white Gaussian noise from an image, and the data term is something else")
        word.fit(problem.space)
        self.problem, self.word = problem, word
        self.target = problem.zeros() if functional.target is None else functional.target.expand_as(problem.zeros())
        weight = torch.as_tensor(functional.weight, dtype=torch.float64).expand(problem.rows)
        self.levels: list[float] = weight.rsqrt().tolist()
        self.atoms: Tensor | None = None
        self.history: list[tuple[float, float]] = []

    def solve(self) -> Tensor:
        return torch.stack([self._denoised(y, sigma) for y, sigma in zip(self.target, self.levels, strict=True)])

    def _denoised(self, y: Tensor, sigma: float) -> Tensor:
        word, n = self.word, self.word.patch**2
        images = y.reshape(-1, *y.shape[-2:])
        allowed, most = n * (word.gain * sigma) ** 2, max(n // 2, 1)
        dictionary = cosines(word.patch, word.atoms).to(y)
        if word.iterations:
            vectors = drawn_patches(images, word.patch, word.training, self.problem.seed)
            vectors = vectors - vectors.mean(1, keepdim=True)
            dictionary, history = learn(vectors, dictionary, allowed, min(most, word.atoms), word.iterations)
            self.history = self.history or history
        if self.atoms is None:
            self.atoms = dictionary.reshape(-1, word.patch, word.patch)

        def coded(vectors: Tensor) -> Tensor:
            means = vectors.mean(1, keepdim=True)
            codes = sparse_codes(dictionary, vectors - means, allowed, min(most, word.atoms))
            return codes.synthesis(dictionary).add_(means)

        return torch.stack([averaged(image, word.patch, word.keep, coded) for image in images]).reshape(y.shape)

    def choices(self) -> list[Step]:
        """The noise level, and what learning came to in the first row."""
        out = [Step("sigma", self.levels[0], "of the noise, from the data term")]
        if self.history:
            rounds = len(self.history)
            out.append(
                Step(
                    "atoms",
                    self.history[-1][1],
                    f"of each patch in round {rounds}; {self.history[0][1]:.3g} in the first",
                )
            )
        return out

    def found(self) -> dict[str, Tensor]:
        """The atoms of the first row, [atoms, patch, patch]."""
        return {} if self.atoms is None else {"atoms": self.atoms}


def drawn_patches(images: Tensor, side: int, count: int, seed: int) -> Tensor:
    """All overlapping square patches of images [k, H, W] as vectors [patches, side^2], or so many drawn from them
    without replacement, in their order."""
    view = images.unfold(1, side, 1).unfold(2, side, 1)
    k, rows, cols = view.shape[:3]
    total = k * rows * cols
    if total <= count:
        return view.reshape(total, side * side)
    places = np.sort(np.random.default_rng(seed).choice(total, count, replace=False))
    at = torch.from_numpy(places).to(images.device)
    return view[at // (rows * cols), at // cols % rows, at % cols].reshape(count, side * side)


def averaged(image: Tensor, side: int, keep: float, model: Callable[[Tensor], Tensor]) -> Tensor:
    """An image [H, W] as the mean of the models of all its patches, [patches, side^2] to the same, and of itself with
    the weight `keep`; some rows of patches at a time."""
    height, width = image.shape
    total, count = keep * image, torch.full_like(image, keep)
    cols = width - side + 1
    step = max(1, 4 * ROWS // cols)
    for top in range(0, height - side + 1, step):
        band = image[top : top + step + side - 1]
        vectors = band.unfold(0, side, 1).unfold(1, side, 1).reshape(-1, side * side)
        columns = torch.stack([model(vectors), torch.ones_like(vectors)]).mT
        sums = torch.nn.functional.fold(columns, band.shape, side)[:, 0]
        total[top : top + step + side - 1] += sums[0]
        count[top : top + step + side - 1] += sums[1]
    return total / count
