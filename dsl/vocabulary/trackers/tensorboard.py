"""TensorBoard."""

from __future__ import annotations

from typing import ClassVar

from ...model.fields import Field, Whole
from ...model.word import TrackerWord


class Tensorboard(TrackerWord):
    """TensorBoard: event files in the run's folder, one set for each method in each cell and on each data set.

    They hold the page, the metrics, the tables, the trace along the iterations, training curves, and pictures of the
    first `images` rows: `tensorboard --logdir FOLDER/tensorboard` shows them. Nothing is sent anywhere.
    """

    example: ClassVar[str] = "log tensorboard { images = 4 }"

    images: Whole = Field(4, description="of how many rows pictures are written, for each method and cell")
