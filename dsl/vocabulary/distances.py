"""How far a network's answer is from the target, as training measures it."""

from __future__ import annotations

from typing import ClassVar

from ..model.word import Distance


class L2(Distance):
    """The mean squared error: its least is at the mean of what is possible."""

    formula: ClassVar[str] = r"\tfrac{1}{n} \sum_i |f(y)_i - x_i|^2"
    reference: ClassVar[str] = "Heckel 2024, 6.1, eq. (6.1)"
    example: ClassVar[str] = "train supervised(loss = l2) { data = fit; steps = 1000 }"


class L1(Distance):
    """The mean absolute error: large errors weigh less than in the mean square, small ones more."""

    formula: ClassVar[str] = r"\tfrac{1}{n} \sum_i |f(y)_i - x_i|"
    reference: ClassVar[str] = "Heckel 2024, 6.1"
    example: ClassVar[str] = "train supervised(loss = l1) { data = fit; steps = 1000 }"
