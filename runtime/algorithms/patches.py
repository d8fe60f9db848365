"""Images as overlapping patches, and their denoising by sparse codes (Elad, Aharon 2006)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from recon.dsl.model.space import Space
from recon.dsl.vocabulary import patches as words
from torch import Tensor

from ..build import Build
from ..data.files import DataFile
from ..data.images import picture
from ..data.pictures import fit_picture, picture_names, sample_picture
from ..functionals.quadratic import HalfSquare
from ..meaning import meaning, meaning_of
from ..problem import Problem
from .base import Direct, Step
from .dictionary import ROWS, cosines, learn, sparse_codes


@meaning_of(words.KsvdAtoms)
def ksvd_atoms(word: words.KsvdAtoms, domain: Space, build: Build) -> Tensor:
    """A dictionary learned from clean pictures."""
    return build.tensor(_learned(word))


@lru_cache(maxsize=8)
def _learned(word: words.KsvdAtoms) -> Tensor:
    """The atoms [atoms, patch, patch] in float32, the constant one first.

    Raises DataError for pictures that cannot be read, ValueError for too few patches.
    """
    n = word.patch**2
    dictionary = cosines(word.patch, word.atoms)[1:].float()
    if word.iterations:
        images = [torch.from_numpy(fit_picture(p, 1, None)) for p in _pictures(word)]
        vectors = torch.cat([drawn_patches(x, word.patch, -(-word.training // len(images)), word.seed) for x in images])
        if len(vectors) < word.atoms:
            raise ValueError(f"{len(vectors)} patches cannot teach {word.atoms} atoms")
        vectors = vectors - vectors.mean(1, keepdim=True)
        most = min(word.nonzeros, word.atoms - 1)
        dictionary, _ = learn(vectors, dictionary, n * word.tolerance**2, most, word.iterations)
    constant = torch.full((1, n), 1.0 / word.patch)
    return torch.cat([constant, dictionary]).reshape(word.atoms, word.patch, word.patch)


def _pictures(word: words.KsvdAtoms) -> Iterator[NDArray[np.float32]]:
    if word.pictures:
        yield from (picture(DataFile(f.text, Path(f.path))) for f in word.pictures)
    else:
        names = picture_names("train") if word.sample == "*" else [word.sample]
        yield from (sample_picture(name) for name in names)


@meaning_of(words.Ksvd)
def ksvd(word: words.Ksvd, problem: Problem) -> Direct:
    """Denoising by a dictionary learned from the noisy patches."""
    start = None
    if word.start != "cosines":
        start = meaning(word.start)(word.start, problem.space, Build(problem.real, problem.device, problem.seed))
    return DictionaryDenoiser(problem, word, start)


class DictionaryDenoiser:
    """x = (kappa y + sum_j R_j^T D z_j) / (kappa + sum_j R_j^T R_j), row by row with a dictionary for each."""

    name = "ksvd"

    def __init__(self, problem: Problem, word: words.Ksvd, start: Tensor | None = None) -> None:
        """`start`: the first atoms, [atoms, patch, patch]; None for cosines.

        Raises ValueError where the data term is no white Gaussian noise on images, or too few patches are there.
        """
        (term,) = problem.data
        functional = term.functional
        if not (isinstance(functional, HalfSquare) and term.plain):
            raise ValueError("`ksvd` removes white Gaussian noise from an image, and the data term is something else")
        word.fit(problem.space)
        self.problem, self.word = problem, word
        self.target = problem.zeros() if functional.target is None else functional.target.expand_as(problem.zeros())
        weight = torch.as_tensor(functional.weight, dtype=torch.float64).expand(problem.rows)
        self.levels: list[float] = weight.rsqrt().tolist()
        self.start = cosines(word.patch, word.atoms) if start is None else start.flatten(1)
        self.atoms: Tensor | None = None
        self.history: list[tuple[float, float]] = []

    def solve(self) -> Tensor:
        return torch.stack([self._denoised(y, sigma) for y, sigma in zip(self.target, self.levels, strict=True)])

    def _denoised(self, y: Tensor, sigma: float) -> Tensor:
        word, n = self.word, self.word.patch**2
        images = y.reshape(-1, *y.shape[-2:])
        allowed, most = n * (word.gain * sigma) ** 2, max(n // 2, 1)
        dictionary = _without_means(self.start.to(y))
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


def _without_means(atoms: Tensor) -> Tensor:
    """Atoms [K, n] less their means, of norm one; those that are constant are zero."""
    atoms = atoms - atoms.mean(1, keepdim=True)
    sizes = torch.linalg.vector_norm(atoms, dim=1, keepdim=True)
    return torch.where(sizes > 1e-6, atoms / sizes.clamp(min=1e-6), 0)


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
