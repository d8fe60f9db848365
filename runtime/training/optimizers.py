"""How weights move."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from recon.dsl.vocabulary import optimizers
from torch import nn

from ..meaning import meaning_of

Optimizer = Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer]
"""An optimizer of these weights, whose learning rate is that of the page."""


@meaning_of(optimizers.Adam)
def adam(word: optimizers.Adam) -> Optimizer:
    """Kingma, Ba 2015. PyTorch's own: all weights are real."""
    return lambda weights: torch.optim.Adam(list(weights), lr=word.lr, betas=(word.momentum, word.decay))
