"""DnCNN."""

from __future__ import annotations

from torch import Tensor, nn


class DnCNN(nn.Module):
    """y - R(y), with R of `depth` 3 x 3 convolutions and a ReLU between each two.

    Zhang, Zuo, Chen, Meng, Zhang 2017, with batch normalisation merged into the convolutions. Weights are called as in
    the authors' files: `model.0`, `model.2`, ...
    """

    def __init__(self, planes: int, width: int = 64, depth: int = 17) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(planes, width, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
        self.model = nn.Sequential(*layers, nn.Conv2d(width, planes, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """The estimate [n, planes, rows, cols] of the image under the noise of x."""
        noise: Tensor = self.model(x)
        return x - noise
