"""The running mean of weights, and the learning rates."""

from __future__ import annotations

import math

import pytest
import torch
from recon.dsl.vocabulary import rates
from recon.runtime.training.average import Average
from recon.runtime.training.rates import constant, cosine


def test_the_running_mean_follows_its_formula() -> None:
    g = torch.Generator().manual_seed(0)
    values = [torch.randn(4, generator=g, dtype=torch.float64) for _ in range(60)]
    average = Average({"w": values[0]}, 0.8)
    mean = values[0].clone()
    for k, w in enumerate(values[1:], start=1):
        average.update({"w": w})
        d = min(0.8, (1 + k) / (10 + k))
        mean = d * mean + (1 - d) * w
    torch.testing.assert_close(average.values["w"], mean, rtol=1e-12, atol=0)


def test_whole_numbers_are_taken_over() -> None:
    average = Average({"n": torch.tensor(0)}, 0.9)
    average.update({"n": torch.tensor(7)})
    assert int(average.values["n"]) == 7


def test_the_cosine_has_a_warm_up_its_middle_and_its_floor() -> None:
    rate = cosine(rates.Cosine.model_validate({"warmup": 10, "floor": 0.1}))
    assert [rate(k, 110) for k in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert rate(10, 110) == pytest.approx(1.0)
    assert rate(60, 110) == pytest.approx(0.55)
    assert rate(110, 110) == pytest.approx(0.1)
    assert rate(35, 110) == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2)


def test_the_constant_stays() -> None:
    rate = constant(rates.Constant.model_validate({"warmup": 4}))
    assert [rate(k, 9) for k in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
