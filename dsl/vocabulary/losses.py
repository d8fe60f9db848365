"""How networks are trained."""

from __future__ import annotations

import warnings
from typing import Annotated, ClassVar, Literal

from annotated_types import Lt

from ..model.fields import Count, Field, NonNegative, Positive, Whole
from ..model.terms import DataName
from ..model.word import Augmentation, Distance, Loss, Optimizer, Rates
from .distances import L2
from .optimizers import Adam
from .rates import Constant

# pydantic has a method of its own that is called `validate`, and deprecated
warnings.filterwarnings("ignore", message='Field name "validate" in "Supervised"')


class Supervised(Loss):
    """The answer to a measurement is to be the truth that it was made of.

    Measurements are drawn anew in every step by the page's noise line, from random patches of the pictures. The
    draws of a step derive from its number, so training that was interrupted goes on as if it had not been.
    """

    formula: ClassVar[str] = r"\min_\theta \; \mathbb{E}_{x, y} \, \ell(f_\theta(y), x)"
    reference: ClassVar[str] = "Heckel 2024, 6.1, eq. (6.1); 6.1.2 for residuals"
    example: ClassVar[str] = (
        "train supervised(loss = l2) { data = fit; patches = 64; augment = [flip, rotate90]; "
        "schedule = cosine(warmup = 100); steps = 2000; batch = 16 }"
    )

    loss: Distance = Field(L2(), description="the distance between answer and truth")
    target: Literal["image", "residual"] = Field(
        "image", description="whether the layers answer with the image, or with the noise, which is taken off then"
    )
    data: DataName = Field(description="the data to train on")
    validate: DataName | None = Field(  # type: ignore[assignment]
        None, description="data that training is watched on; they change nothing of it"
    )
    patches: Count | None = Field(
        None, description="extent of the random patches that are trained on; left out: whole pictures"
    )
    augment: tuple[Augmentation, ...] = Field((), description="how patches are changed at random")
    optimizer: Optimizer = Field(Adam(), description="how weights move along the gradient")  # type: ignore[call-arg]
    schedule: Rates = Field(Constant(), description="the learning rate over time")  # type: ignore[call-arg]
    steps: Count = Field(description="steps of the optimizer")
    batch: Count = Field(16, description="patches in a step")
    clip: Positive | None = Field(None, description="the largest norm of the gradient; longer ones are cut to it")
    ema: Annotated[NonNegative, Lt(1)] = Field(
        0.0, description="decay of the running mean of weights, which is the result then; 0: the last weights are"
    )
    precision: Literal["float32", "bf16"] = Field(
        "float32", description="in which the network computes; weights and moments stay in float32"
    )
    checkpoint: Whole = Field(500, description="steps between checkpoints; 0: none")
