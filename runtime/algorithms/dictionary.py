"""Dictionaries for patches: sparse codes in them, and K-SVD, which learns them.

M. Aharon, M. Elad, A. Bruckstein, "K-SVD: An algorithm for designing overcomplete dictionaries for sparse
representation", IEEE Trans. Signal Process. 54, 2006; R. Rubinstein, M. Zibulevsky, M. Elad, Technion CS-2008-08.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, pi, sqrt

import torch
from torch import Tensor

from .pursuit import Chosen, pursue_table

ROWS = 2048
"""Vectors that are coded together: their correlations with 256 atoms stay in the cache."""
ALIKE = 0.99
"""Atoms whose inner product is larger are one atom twice."""
RARE = 3
"""Atoms that so few vectors use are not learned but remembered."""


@dataclass(frozen=True)
class Codes:
    """Sparse codes of vectors: the atoms `places` [P, k] that each uses, and their coefficients `values` [P, k]; a
    coefficient of zero is none."""

    places: Tensor
    values: Tensor

    def synthesis(self, dictionary: Tensor) -> Tensor:
        """The vectors sum_k values_k d_k, [P, n]."""
        out = self.values.new_zeros(self.values.shape[0], dictionary.shape[1])
        for k in range(self.values.shape[1]):
            out.addcmul_(dictionary.index_select(0, self.places[:, k]), self.values[:, k, None])
        return out


def sparse_codes(dictionary: Tensor, vectors: Tensor, allowed: float, most: int) -> Codes:
    """Codes by orthogonal matching pursuit: each vector takes atoms until the squared error is at most `allowed`.

    Args:
        dictionary: atoms [K, n], of norm one or zero.
        vectors: [P, n].
        allowed: the squared error |v - D z|^2 at which a vector takes no further atom.
        most: atoms a vector takes at most, at most K.
    """
    gram = dictionary @ dictionary.mT
    parts = [_coded(dictionary, gram, v, allowed, most) for v in torch.split(vectors, ROWS)]
    width = max(c.values.shape[1] for c in parts)
    padded = [[torch.nn.functional.pad(t, (0, width - t.shape[1])) for t in (c.places, c.values)] for c in parts]
    return Codes(torch.cat([p for p, _ in padded]), torch.cat([v for _, v in padded]))


def _coded(dictionary: Tensor, gram: Tensor, vectors: Tensor, allowed: float, most: int) -> Codes:
    """The codes of some vectors. A pursuit of k atoms is one of fewer atoms cut short, so a few atoms are taken at
    first, and the vectors for which they are too few are coded anew with twice as many."""
    left = vectors.square().sum(1)
    places = torch.zeros(len(vectors), most, dtype=torch.long, device=vectors.device)
    values = vectors.new_zeros(len(vectors), most)
    open_rows = torch.nonzero(left > allowed)[:, 0]
    k, used = min(2, most), 0
    while len(open_rows):
        correlations = vectors.index_select(0, open_rows) @ dictionary.mT
        chosen = pursue_table(gram, correlations, k, 0.0)
        errors = left.index_select(0, open_rows)[:, None] - chosen.parts.square().cumsum(1)
        needed = (errors > allowed).sum(1) + 1  # the error falls from atom to atom
        kept = torch.arange(k, device=vectors.device) < needed[:, None]
        short = Chosen(chosen.places, torch.where(kept, chosen.parts, 0), chosen.triangle)
        used = k
        places[open_rows, :k] = chosen.places
        values[open_rows, :k] = short.coefficients()
        if k == most:
            break
        open_rows = open_rows[needed > k]
        k = min(2 * k, most)
    return Codes(places[:, :used], values[:, :used])


def learn(
    vectors: Tensor, dictionary: Tensor, allowed: float, most: int, iterations: int
) -> tuple[Tensor, list[tuple[float, float]]]:
    """K-SVD: by turns sparse codes of all vectors, and each atom with its coefficients as the best rank-one
    approximation of what the other atoms leave of the vectors that use it.

    Between rounds an atom that hardly any vector uses, or that is another one twice, becomes the vector that is
    approximated worst.

    Args:
        vectors: [P, n], P at least the number of atoms.
        dictionary: the first atoms [K, n], of norm one or zero.
        allowed, most: as those of `sparse_codes`.
        iterations: rounds.

    Returns:
        The atoms [K, n], of norm one (one that no vector ever used may be zero), the most used first; and for each
        round the mean squared error of a vector and the mean number of its atoms, before the atoms are renewed.
    """
    dictionary, left = dictionary.clone(), vectors
    history = []
    counts = torch.zeros(len(dictionary), dtype=torch.long)
    for k in range(iterations):
        if k:
            _replace(dictionary, counts, left, vectors)
        codes = sparse_codes(dictionary, vectors, allowed, most)
        left = vectors - codes.synthesis(dictionary)
        uses = (codes.values != 0).sum()
        history.append((float(left.square().sum(1).mean()), float(uses) / len(vectors)))
        counts = renew(dictionary, codes, left)
    return dictionary[torch.argsort(counts, descending=True, stable=True)], history


def renew(dictionary: Tensor, codes: Codes, left: Tensor) -> Tensor:
    """One sweep over the atoms, in place: of the dictionary, of the codes' values and of what is left of the vectors.

    Returns how many vectors use each atom, [K].
    """
    who, slot = torch.nonzero(codes.values, as_tuple=True)
    atom = codes.places[who, slot]
    order = torch.argsort(atom, stable=True)
    counts = torch.bincount(atom, minlength=len(dictionary))
    start = 0
    for k, count in enumerate(counts.tolist()):
        if not count:
            continue
        here = order[start : start + count]
        start += count
        rows, slots = who[here], slot[here]
        own = torch.addcmul(left.index_select(0, rows), codes.values[rows, slots][:, None], dictionary[k])
        best = _leading(own)
        best = best * torch.where(best @ dictionary[k] < 0, -1.0, 1.0)
        values = own @ best
        dictionary[k] = best
        codes.values[rows, slots] = values
        left[rows] = torch.addcmul(own, values[:, None], best, value=-1)
    return counts


def _leading(vectors: Tensor) -> Tensor:
    """The first right singular vector of [m, n], by the smaller of the two matrices of inner products."""
    m, n = vectors.shape
    if m >= n:
        best: Tensor = torch.linalg.eigh(vectors.mT @ vectors)[1][:, -1]
    else:
        turned: Tensor = vectors.mT @ torch.linalg.eigh(vectors @ vectors.mT)[1][:, -1]
        best = turned / torch.linalg.vector_norm(turned)
    return best


def _replace(dictionary: Tensor, counts: Tensor, left: Tensor, vectors: Tensor) -> None:
    """Give the place of rare atoms and of twins to the vectors that are approximated worst."""
    errors = left.square().sum(1)
    gram = (dictionary @ dictionary.mT).abs().fill_diagonal_(0)
    worst = torch.argsort(errors, descending=True, stable=True).tolist()
    for k, count in enumerate(counts.tolist()):
        if count > RARE and float(gram[k].max()) <= ALIKE:
            continue
        vector = vectors[worst.pop(0)]
        size = torch.linalg.vector_norm(vector)
        if float(size) == 0:
            continue
        dictionary[k] = vector / size
        gram[k] = (dictionary @ dictionary[k]).abs()
        gram[:, k] = gram[k]
        gram[k, k] = 0


def cosines(patch: int, atoms: int) -> Tensor:
    """The overcomplete dictionary of cosines for patches without their means: [atoms, patch^2], float64.

    Products of cos(pi k (i + 1/2) / m) over rows and columns, k = 0 .. m - 1, with m = ceil(sqrt(atoms)); without their
    means, scaled to norm one, lowest frequencies first. The constant one is zero.
    """
    m = ceil(sqrt(atoms))
    i, k = (torch.arange(count, dtype=torch.float64) for count in (patch, m))
    lines = torch.cos(pi / m * k[:, None] * (i + 0.5) * (m / max(m, patch)))
    planes = torch.einsum("ai,bj->abij", lines, lines).reshape(m * m, patch * patch)
    order = torch.argsort((k[:, None].square() + k.square()).flatten(), stable=True)[:atoms]
    planes = planes[order]
    planes = planes - planes.mean(1, keepdim=True)
    sizes = torch.linalg.vector_norm(planes, dim=1, keepdim=True)
    return torch.where(sizes > 1e-9, planes / sizes.clamp(min=1e-9), 0)
