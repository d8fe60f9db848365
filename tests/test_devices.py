"""Pages on a device that is not the CPU give what they give there; without a GPU an imitated one shows what is left
behind on the CPU."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from other_device import other_device
from recon.runtime.experiment import run
from recon.runtime.experiment.run import RunResult, run_page
from recon.runtime.native import native
from small_pages import LONG, PAGES, SPECS, page_of, small

TRIED = (
    "quickstart",
    "denoise/second-order",
    "dynamic/cine-binned",
    "mri/radial",
    "phase/oversampling",
    "pnp/deblur",
    "separate/cosines-and-spikes",
    "zoo/srcnn-x2",
)
"""Pages that show most of what can go wrong; the others are tried among the slow tests."""


DECIDED = {("greedy", "cosamp"), ("plug-and-play-bm3d", "")}
"""Experiments and methods where rounding decides which of a few entries is the larger, or which patches are alike."""


def name_of(path: Path) -> str:
    return str(path.relative_to(SPECS).with_suffix(""))


def differences(a: RunResult, b: RunResult) -> dict[str, float]:
    """The largest relative difference of each metric of two runs of one page."""
    out: dict[str, float] = {}
    assert [o.method for o in a.outcomes] == [o.method for o in b.outcomes]
    for o, p in zip(a.outcomes, b.outcomes, strict=True):
        assert not p.failure, p.failure
        assert o.metrics.keys() == p.metrics.keys()
        for name, values in o.metrics.items():
            if name == "seconds":
                continue
            if (a.experiment.name, o.method) in DECIDED:
                continue
            one, two = np.asarray(values, dtype=float), np.asarray(p.metrics[name], dtype=float)
            if name == "psnr":  # what is above is an error of rounding
                one, two = np.minimum(one, 80), np.minimum(two, 80)
            apart = float(np.max(np.abs(one - two) / np.maximum(np.abs(one), 1e-3)))
            out[f"{o.method}.{name}"] = max(apart, out.get(f"{o.method}.{name}", 0.0))
    return out


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(p, marks=() if name_of(p) in TRIED else (pytest.mark.slow, pytest.mark.timeout(900)))
        for p in PAGES
        if p.stem not in LONG
    ],
    ids=name_of,
)
def test_pages(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics of small runs agree to a thousandth: rounding of 1e-7 may grow ten-thousandfold in a few iterations."""
    monkeypatch.setenv("RECON_DEBUG", "1")  # what goes wrong inside of recon is raised
    native()  # from the user's own cache
    page = page_of(path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here-cache"))
    here = run_page(page, path.parent, small(page), out=tmp_path / "here", device="cpu")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "there-cache"))  # what was trained is trained once more
    with other_device() as device:
        monkeypatch.setattr(run, "choose_device", lambda name: device)
        there = run_page(page, path.parent, small(page), out=tmp_path / "there", device="cuda")
    assert there.code in (0, 4), [o.failure for o in there.outcomes]
    assert not json.loads((there.folder / "manifest.json").read_text())["device"].startswith("cpu")
    apart = differences(here, there)
    if "RECON_DIFFERENCES" in os.environ:
        with open(os.environ["RECON_DIFFERENCES"], "a") as f:
            f.write(json.dumps([name_of(path), max(apart.values(), default=0.0), apart]) + "\n")
    assert max(apart.values(), default=0.0) <= 1e-3, apart


def test_pages_that_are_tried_are_there() -> None:
    assert set(TRIED) <= {name_of(p) for p in PAGES}
