"""Every operator word gives on another device what it gives on the CPU."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from other_device import other_device
from recon.dsl.model.place import MisfitError, place
from recon.dsl.model.terms import Leaf
from recon.dsl.model.word import Operator
from recon.runtime.build import Build, build_operator
from recon.runtime.operators.base import random_point

from . import drawing

ROUNDING = {torch.float64: 1e-11, torch.float32: 1e-4}
"""Relative to norms, as on a CPU; with factors rounded to TF32 it would be 1e-3."""


@pytest.mark.parametrize("cls", drawing.OPERATORS, ids=lambda c: c.__name__)
def test_word(cls: type[Operator], tmp_path: Path) -> None:
    @settings(
        deadline=None,
        derandomize=True,
        database=None,
        max_examples=int(os.environ.get("RECON_EXAMPLES", "3")),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(st.data())
    def agrees(data: st.DataObject) -> None:
        setting = drawing.Setting(drawing.domain(data.draw, cls), tmp_path)
        word = drawing.word(data.draw, cls, setting)
        try:
            placed = place(Leaf(word, "here"), setting.domain)
        except MisfitError:
            assume(False)
        assume((placed.codomain.count or 0) <= 600)
        for real, tolerance in ROUNDING.items():
            here = Build(real=real, seed=3)
            on_cpu, on_gpu = build_operator(placed, here), build_operator(placed, replace(here, device=device))
            x = random_point(placed.domain, real, 1).expand(2, *placed.domain.sizes)
            y = random_point(placed.codomain, real, 2).expand(2, *placed.codomain.sizes)
            norm = on_cpu.norm()
            assert abs(on_gpu.norm() - norm) <= 2e-3 * norm + 1e-12  # both are found by power iterations
            for name, v, scale in (("forward", x, norm), ("adjoint", y, norm), ("gram", x, norm**2)):
                expected, found = getattr(on_cpu, name)(v), getattr(on_gpu, name)(v.to(device))
                assert found.device == device
                assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
                wrong = float((found.cpu() - expected).norm())
                assert wrong <= tolerance * scale * float(v.norm()) + 1e-30, (name, real, wrong)

    with other_device() as device:
        agrees()
