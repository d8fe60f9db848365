"""SRCNN."""

from __future__ import annotations

from torch import Tensor, nn


class SRCNN(nn.Module):
    """Convolutions of 9 x 9, 1 x 1 and 5 x 5 with a ReLU between each two; extents are kept by zeros at the edges.

    Dong, Loy, He, Tang 2016, the network called 9-1-5.
    """

    def __init__(self, planes: int, width: int = 64) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(planes, width, 9, padding=4)
        self.conv2 = nn.Conv2d(width, width // 2, 1)
        self.conv3 = nn.Conv2d(width // 2, planes, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        """The sharpened image [n, planes, rows, cols] for one that was interpolated to the fine grid."""
        out: Tensor = self.conv3(self.conv2(self.conv1(x).relu()).relu())
        return out
