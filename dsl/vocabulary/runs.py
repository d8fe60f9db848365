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


class Residual(Metric):
    """The relative optimality residual at the end: how far the estimate is from a fixed point of proximal steps.

    For problems without a known duality gap. The largest of the distances that a step of the unknown and of each term
    with a dual variable covers, relative to the unknown: zero at a minimum alone where the problem is convex, and at
    stationary points where it is not. Undefined where a gap is known, or a proximal map is not.
    """

    formula: ClassVar[str] = (
        r"\max\Bigl(\frac{\|\hat x - \operatorname{prox}_{t f}(\hat x - t s)\|}{\|\hat x\|}, \max_j "
        r"\frac{\|K_j \hat x - \operatorname{prox}_{t_j g_j}(K_j \hat x + t_j p_j)\|}{\|K_j\| \|\hat x\|}\Bigr), "
        r"\quad s = \nabla h(\hat x) + \textstyle\sum_j K_j^H p_j"
    )
    reference: ClassVar[str] = "Beck 2017; Boyd, Parikh, Chu, Peleato, Eckstein 2011"
    example: ClassVar[str] = "metrics [psnr, residual]"
    higher_is_better: ClassVar[bool] = False
    of_run: ClassVar[bool] = True
