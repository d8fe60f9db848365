"""The running mean of weights over training."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class Average:
    """theta_bar <- d_k theta_bar + (1 - d_k) theta with d_k = min(decay, (1 + k) / (10 + k)) at step k = 1, 2, ...

    The smaller factor of early steps lets go of the random start. Polyak, Juditsky 1992; the warm-up is that of
    TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, weights: Mapping[str, Tensor], decay: float) -> None:
        self.decay, self.step = decay, 0
        self.values = {name: w.detach().clone() for name, w in weights.items()}

    def update(self, weights: Mapping[str, Tensor]) -> None:
        """Take in the weights after a step."""
        self.step += 1
        factor = min(self.decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, mean in self.values.items():
                if mean.is_floating_point():
                    mean.lerp_(weights[name].detach().to(mean), 1 - factor)
                else:  # a counter of batches
                    mean.copy_(weights[name])
