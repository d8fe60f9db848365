"""How weights move along the gradient of a loss."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Lt

from ..model.fields import Field, NonNegative, Positive
from ..model.word import Optimizer


class Adam(Optimizer):
    """Adam: steps along the running mean of the gradient, divided by the root of that of its square."""

    formula: ClassVar[str] = (
        r"m \leftarrow \beta_1 m + (1 - \beta_1) g,\ v \leftarrow \beta_2 v + (1 - \beta_2) g^2,\ "
        r"\theta \leftarrow \theta - \eta \frac{m / (1 - \beta_1^k)}{\sqrt{v / (1 - \beta_2^k)} + \epsilon}"
    )
    reference: ClassVar[str] = "Heckel 2024, 3.8; Kingma, Ba 2015"
    example: ClassVar[str] = "train supervised() { data = fit; steps = 1000; optimizer = adam(lr = 1e-3) }"

    lr: Positive = Field(1e-3, description="learning rate: how far a weight moves in a step")
    momentum: Annotated[NonNegative, Lt(1)] = Field(0.9, description="decay of the mean gradient, beta_1")
    decay: Annotated[NonNegative, Lt(1)] = Field(0.999, description="decay of the mean squared gradient, beta_2")
