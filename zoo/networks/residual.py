"""Layers that find what is wrong with an image."""

from __future__ import annotations

from torch import Tensor, nn


class Residual(nn.Module):
    """y - N(y): Heckel 2024, 6.1.2.

    Layers that bring an image to mean 0 and standard deviation 1 work on y with both taken off: their answer has the
    image's standard deviation, and no mean is added to what is wrong with it.
    """

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor, *level: Tensor) -> Tensor:
        """The image estimate; `level` is that of the noise, for layers that are told it."""
        wrong: Tensor = self.layers(x, *level)
        if getattr(self.layers, "standardise", False):
            wrong = wrong - x.mean((-2, -1), keepdim=True)
        return x - wrong
