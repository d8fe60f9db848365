"""`on_error = skip`: the run goes on, and what it left out stands in the manifest, the report and on the console."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
from click.testing import CliRunner, Result
from PIL import Image
from recon.runtime.command.main import group

PAGE = """recon 1
data d = {source} {{ on_error = skip; {body} }}
{more}image x : {unknown}
forward A = identity()
noise y ~ gaussian(A @ x, sigma = 0.1)
prior sq(x)
metrics [nmse]
"""


def run(folder: Path, source: str, body: str, more: str = "", unknown: str = "real[auto, auto]") -> Result:
    (folder / "page.recon").write_text(PAGE.format(source=source, body=body, more=more, unknown=unknown))
    return CliRunner().invoke(group(), ["run", str(folder / "page.recon"), "--out", str(folder / "out")])


def pictures(folder: Path, *good: bool) -> None:
    (folder / "p").mkdir()
    for k, whole in enumerate(good):
        Image.fromarray(np.full((6, 6), 40 + k, np.uint8)).save(folder / "p" / f"{k}.png")
        if not whole:
            (folder / "p" / f"{k}.png").write_text("a picture")


def test_what_was_skipped_is_told_everywhere(tmp_path: Path) -> None:
    pictures(tmp_path, True, False, True, False)
    result = run(tmp_path, 'folder("p/*.png")', "x = image")
    assert result.exit_code == 0, result.output
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert len(manifest["skipped_rows"]) == 2
    assert manifest["files"] == {"d": {"count": 4, "bytes": manifest["files"]["d"]["bytes"], "digest": "whole"}}
    for number, name in ((2, "p/1.png"), (4, "p/3.png")):
        line = f"row {number} of `d`: {name}"
        assert any(s.startswith(line) for s in manifest["skipped_rows"])
        assert f"skipped {line}" in result.output
        assert name in (tmp_path / "out" / "report.html").read_text()
    assert (tmp_path / "out" / "reconstruction-0002.npy").exists()


def test_a_file_among_files_is_skipped_as_one_row(tmp_path: Path) -> None:
    for k in range(3):
        with h5py.File(tmp_path / f"{k}.h5", "w") as f:
            f["kspace"] = np.ones((2, 4, 4), np.complex64)
    (tmp_path / "1.h5").write_bytes(b"nothing")
    result = run(tmp_path, 'fastmri("*.h5")', "y = kspace; ref = abs(kspace)", unknown="complex[auto, auto]")
    assert result.exit_code == 0, result.output
    assert "skipped row 3 of `d`: 1.h5" in result.output
    assert "4 rows" in result.output


def test_when_nothing_is_left_the_run_fails(tmp_path: Path) -> None:
    pictures(tmp_path, False, False)
    result = run(tmp_path, 'folder("p/*.png")', "x = image")
    assert result.exit_code == 3
    assert "no row of `d` could be read; 2 were skipped" in result.output


def test_one_set_that_cannot_be_read_leaves_the_others(tmp_path: Path) -> None:
    pictures(tmp_path, False)
    more = "data e = phantom(blobs)\n"
    result = run(tmp_path, 'folder("p/*.png")', "x = image", more, "real[16, 16]")
    assert result.exit_code == 3
    assert "e (" in result.output
    assert (tmp_path / "out" / "e" / "reconstruction.npy").exists()
