"""`recon simulate`: measurements and truths of a page, as `.npz` files that another page can read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from recon.dsl.digest import spec_digest
from recon.dsl.elaborate.overrides import override
from recon.dsl.syntax.format import format_page
from recon.dsl.syntax.tree import Expr, Page

from ..folder import RunFolder, run_name
from .cells import cells
from .compile import sized
from .device import choose_device
from .gather import build_for, data_sets, row_build
from .outcome import safe
from .rows import RowReader
from .simulate import simulate


def simulate_page(
    page: Page, folder: Path, overrides: Sequence[tuple[str, Expr]], *, out: Path | None = None
) -> tuple[Path, int]:
    """Write one `.npz` a row: unknowns and measurements under their names. Returns the folder and the number of rows.

    Of a page with methods, the first one's model is taken; of a sweep, its first cell.
    """
    checked = cells(page, folder, overrides)[0].checked
    experiment = checked.experiment
    build = build_for(experiment, choose_device("cpu"))
    maker = next(iter(checked.makers.values()))
    parent, name = (
        (Path("runs"), run_name(f"{experiment.name}-data", spec_digest(experiment)))
        if out is None
        else (out.resolve().parent, out.resolve().name)
    )
    rows = 0
    for path, value in overrides:
        page = override(page, path, value)
    with RunFolder(parent, name, replace=out is not None) as files:
        files.write_text("spec.recon", format_page(page))
        for data in data_sets(experiment):
            reader = RowReader(data, maker, folder, build, one_by_one=maker.by_row)
            for batch in reader.batches():
                here = row_build(build, data, batch) if maker.by_row else build
                model = sized(maker, batch.values, batch.known)
                made = simulate(model, batch.values, data.name, batch.numbers, here)
                for i, number in enumerate(batch.numbers):
                    arrays = {
                        k: v[i].cpu().numpy()
                        for k, v in {**batch.values, **{k: v.data for k, v in batch.known.items()}, **made}.items()
                    }
                    buffer = io.BytesIO()
                    np.savez(buffer, allow_pickle=False, **arrays)
                    files.write_bytes(f"{safe(data.name)}-{number:04d}.npz", buffer.getvalue())
                    rows += 1
        files.write_json(
            "manifest.json",
            {
                "experiment": experiment.name,
                "status": "simulated",
                "rows": rows,
                "seed": experiment.run.seed,
                "digests": {"spec": spec_digest(experiment)},
            },
        )
        return files.commit(), rows
