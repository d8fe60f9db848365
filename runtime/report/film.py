"""What is seen of a film: some of its frames, and one line of it over time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
FRAMES = 5


def film(frames: Array) -> tuple[Array, str]:
    """Up to five frames at equal steps and, as the last picture, the middle row over time, in one grid.

    Args:
        frames: [F, H, W], F >= 2.

    Returns:
        A plane whose pictures of H x W stand in two or three columns, in the order of reading, with zeros where the
        grid goes on; and a sentence that says which they are. Time runs down the last picture, each frame for about as
        many of its H rows as any other.
    """
    count, height = frames.shape[:2]
    chosen = [k * count // min(FRAMES, count) for k in range(min(FRAMES, count))]
    times = np.arange(height) * count // max(height, 1)
    pictures = [*frames[chosen], frames[times, height // 2]]
    columns = 2 if len(pictures) <= 4 else 3
    rows = math.ceil(len(pictures) / columns)
    pictures += [np.zeros_like(frames[0])] * (rows * columns - len(pictures))
    plane = np.concatenate([np.concatenate(pictures[r * columns : (r + 1) * columns], axis=1) for r in range(rows)])
    listed = ", ".join(map(str, chosen[:-1]))
    return plane, f"frames {listed} and {chosen[-1]} of 0 to {count - 1}; then row {height // 2}, time running down"
