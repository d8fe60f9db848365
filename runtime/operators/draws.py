"""The meaning of random draws: (word, shape, generator) -> float64 tensor of that shape, in base units."""

from __future__ import annotations

import numpy as np
import torch
from recon.dsl.model.units import parts
from recon.dsl.vocabulary import draws as words
from torch import Tensor

from ..meaning import meaning_of


@meaning_of(words.Uniform)
def uniform(word: words.Uniform, shape: tuple[int, ...], generator: np.random.Generator) -> Tensor:
    """Independent uniform numbers."""
    return torch.from_numpy(np.asarray(generator.uniform(parts(word.low)[0], parts(word.high)[0], shape)))
