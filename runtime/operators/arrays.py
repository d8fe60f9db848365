"""The meaning of words for fixed arrays: (word, domain, build) -> tensor."""

from __future__ import annotations

import numpy as np
import torch
from recon.dsl.model.fields import FilePath
from recon.dsl.model.space import Space
from recon.dsl.vocabulary import arrays as words
from recon.dsl.vocabulary.operators.fourier import spatial_count
from torch import Tensor

from ..build import Build
from ..meaning import meaning_of


def load_array(file: FilePath, build: Build) -> Tensor:
    """The array of a .npy file in the build's precision, real or complex as the file is.

    Nothing pickled is read. Raises OSError or ValueError where the file is gone or damaged since it was checked.
    """
    stored = np.load(file.path, mmap_mode="r", allow_pickle=False)
    double = build.real == torch.float64
    if stored.dtype.kind == "c":
        values = np.array(stored, dtype=np.complex128 if double else np.complex64, order="C")
    else:
        values = np.array(stored, dtype=np.float64 if double else np.float32, order="C")
    return torch.from_numpy(values).to(build.device)


@meaning_of(words.ArrayFile)
def array_file(word: words.ArrayFile, domain: Space, build: Build) -> Tensor:
    """The file's array."""
    return load_array(word.file, build)


@meaning_of(words.Covariance)
def covariance(word: words.Covariance, domain: Space, build: Build) -> Tensor:
    """The matrix that is written out."""
    return build.tensor(torch.tensor(word.values, dtype=torch.float64))


@meaning_of(words.Vignette)
def vignette(word: words.Vignette, domain: Space, build: Build) -> Tensor:
    """1 - f |r|^2 over the spatial axes: |r| is 0 in the middle of the grid and 1 in its corner pixels."""
    extents = domain.sizes[-spatial_count(domain) :]
    square = torch.zeros(extents, dtype=torch.float64)
    for i, n in enumerate(extents):
        along = torch.linspace(-1, 1, n, dtype=torch.float64) if n > 1 else torch.zeros(1, dtype=torch.float64)
        square += (along**2 / len(extents)).view(-1, *[1] * (len(extents) - i - 1))
    return build.tensor((1 - word.falloff * square).clamp_(min=0))
