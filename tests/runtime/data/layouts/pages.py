"""Pages over a data set, for the tests of layouts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from recon.dsl.check.page import load
from recon.runtime.build import Build
from recon.runtime.experiment.rows import RowReader
from recon.runtime.experiment.run import RunResult, run_page

PAGE = """recon 1
data d = {source} {{ {body} }}
{unknown}
forward A = identity()
noise y ~ gaussian(A @ x, sigma = 0.1)
prior sq(x)
metrics [nmse]
"""


def reader(folder: Path, source: str, body: str, unknown: str = "image x : real[auto, auto]") -> RowReader:
    """The rows of the data of a page that only names them."""
    checked = load(PAGE.format(source=source, body=body, unknown=unknown), "page.recon", folder, [])
    (data,) = checked.experiment.data.values()
    return RowReader(data, next(iter(checked.makers.values())), folder, Build())


def rows(
    folder: Path, source: str, body: str, unknown: str = "image x : real[auto, auto]"
) -> list[dict[str, np.ndarray]]:
    r = reader(folder, source, body, unknown)
    return [r.rows.read(i) for i in range(r.count)]


def run(folder: Path, source: str, body: str, unknown: str = "image x : real[auto, auto]") -> RunResult:
    """The page, run; its estimate is y / 1.02."""
    text = PAGE.format(source=source, body=body, unknown=unknown)
    page = load(text, "page.recon", folder, []).experiment.page
    return run_page(page, folder, [], out=folder / "out", device="cpu")
