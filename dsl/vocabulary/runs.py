"""Measures of how a problem was solved, which need no truth."""

from __future__ import annotations

from typing import ClassVar

from ..model.word import Metric


class Gap(Metric):
    """The relative duality gap at the end: how far the objective is above its minimum at most, over the objective.

    The objective counts from the sum of its terms' own minima. Undefined where no bound is known, as for problems that
    are not convex.
    """

    formula: ClassVar[str] = (
        r"\Bigl(\sum_j g_j(K_j \hat x) + \sum_j g_j^*(p_j)\Bigr) \Big/ \Bigl(\sum_j g_j(K_j \hat x) + g_j^*(0)\Bigr), "
        r"\quad \textstyle\sum_j K_j^H p_j = 0"
    )
    reference: ClassVar[str] = "Boyd, Vandenberghe 2004; Chambolle, Pock 2011"
    example: ClassVar[str] = "metrics [psnr, gap]"
    higher_is_better: ClassVar[bool] = False
    of_run: ClassVar[bool] = True
