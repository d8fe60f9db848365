"""Whole pages, run: what is simulated, solved, scored, written, and what happens when something goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from recon.dsl.diagnostics import SpecError
from recon.dsl.syntax.parse import parse, parse_expression
from recon.dsl.syntax.source import Source
from recon.runtime.data.files import DataError
from recon.runtime.experiment.run import RunResult, run_page
from recon.runtime.experiment.simulation import simulate_page


def run(text: str, folder: Path, name: str = "out", progress: object = None, **settings: str) -> RunResult:
    page = parse(Source("page.recon", "recon 1\n" + text))
    overrides = [(k.replace("__", "."), parse_expression(Source("--set", v))) for k, v in settings.items()]
    extra = {} if progress is None else {"progress": progress}
    return run_page(page, folder, overrides, out=folder / name, device="cpu", **extra)  # type: ignore[arg-type]


DENOISE = """
data cam = sample("camera")
image x : real[32, 32]
forward A = identity()
noise y ~ gaussian(A @ x, sigma = 0.1)
prior 10 * tv(x)
metrics [psnr, nmse]
"""


def test_metrics_are_those_of_the_saved_arrays(tmp_path: Path) -> None:
    r = run(DENOISE, tmp_path)
    x, t = np.load(r.folder / "reconstruction.npy"), np.load(r.folder / "truth.npy")
    error = np.sum((x.astype(float) - t) ** 2)
    assert r.outcomes[0].metrics["nmse"][0] == pytest.approx(error / np.sum(t.astype(float) ** 2), rel=1e-5)
    assert r.outcomes[0].metrics["psnr"][0] == pytest.approx(10 * np.log10(t.size / error), abs=1e-4)


def test_noise_has_the_stated_level(tmp_path: Path) -> None:
    r = run(DENOISE, tmp_path, x="real[256, 256]")
    y, t = np.load(r.folder / "measurement-y.npy"), np.load(r.folder / "truth.npy")
    sigma = (y - t).std()
    assert abs(sigma - 0.1) < 5 * 0.1 / np.sqrt(2 * t.size)  # five standard errors of a standard deviation


def test_all_methods_see_the_same_data(tmp_path: Path) -> None:
    r = run(DENOISE + "method a { prior 5 * tv(x) }\nmethod b { prior 20 * tv(x) }\n", tmp_path)
    a, b = (np.load(r.folder / m / "measurement-y.npy") for m in ("a", "b"))
    assert np.array_equal(a, b)
    assert r.outcomes[0].metrics != r.outcomes[1].metrics


def test_rows_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    text = DENOISE.replace('sample("camera")', 'sample("*") { split = "test" }')
    together = run(text, tmp_path, "together")
    alone = run(text.replace('split = "test"', 'split = "test"; limit = 1'), tmp_path, "alone")
    assert together.outcomes[0].metrics["psnr"][0] == pytest.approx(alone.outcomes[0].metrics["psnr"][0], abs=1e-4)
    assert len(together.outcomes[0].rows) == 4


def test_several_unknowns_are_found_together(tmp_path: Path) -> None:
    r = run(
        """
        data mix = cosines_and_spikes(cosines = 4, spikes = 4, count = 2) { c = cosines; s = spikes }
        signal c : real[128]
        signal s : real[128]
        x = cosine().H @ c + s
        noise y ~ gaussian(x, sigma = 0.01)
        prior 100 * l1(c)
        prior 100 * l1(s)
        metrics [nmse(c), nmse(s), nmse(x)]
        """,
        tmp_path,
    )
    assert set(r.outcomes[0].metrics) == {"nmse(c)", "nmse(s)", "nmse(x)"}
    assert max(r.outcomes[0].metrics["nmse(x)"]) < 0.05
    assert (r.folder / "reconstruction-c-0001.npy").exists()


def test_measured_data_are_not_simulated(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(16, 16)).astype(np.float32)
    np.save(tmp_path / "y.npy", y)
    r = run(
        """
        data own = npy("y.npy") { y = array }
        image x : real[auto, auto]
        noise y ~ gaussian(x, sigma = 1)
        prior 0.5 * sq(x)
        solver closed_form
        """,
        tmp_path,
    )
    assert np.allclose(np.load(r.folder / "reconstruction.npy"), y / 2, atol=1e-6)


def test_units_of_data_and_unknown(tmp_path: Path) -> None:
    text = """
    data body = phantom(shepp_logan) { x = image * K }
    image x : real[32, 32] { voxel = 1mm; unit = 1/mm }
    forward A = radon(angles = 0deg..180deg, views = 8)
    noise y ~ poisson(1e5 * exp(-A @ x))
    solver adjoint
    """
    r = run(text.replace("K", "0.2/cm"), tmp_path)
    same = run(text.replace("K", "0.02/mm"), tmp_path, "same")
    truth = np.load(r.folder / "truth.npy")
    assert np.allclose(truth, np.load(same.folder / "truth.npy"), rtol=1e-6)
    assert 0.015 < truth.max() <= 0.02
    counts = np.load(r.folder / "measurement-y.npy")
    central = (-np.log(counts / 1e5)).max()
    assert 0.05 < central < 0.02 * 32  # line integrals of 0.02/mm over at most 32 mm


def test_a_failing_method_does_not_lose_the_others(tmp_path: Path) -> None:
    r = run(
        DENOISE
        + """
        method good { prior 10 * tv(x) }
        method bad { prior 10 * sq(x); solver gradient(iterations = 200, step = 1) }
        """,
        tmp_path,
    )
    assert r.code == 3
    good, bad = r.outcomes
    assert good.metrics
    assert "step" in bad.failure
    assert (r.folder / "good" / "reconstruction.npy").exists()
    assert not (r.folder / "bad" / "reconstruction.npy").exists()


def test_a_claim_that_does_not_hold(tmp_path: Path) -> None:
    r = run(DENOISE + "expect mean(psnr) >= 99dB\n", tmp_path)
    assert r.code == 4
    assert [v.holds for v in r.verdicts] == [False]
    assert json.loads((r.folder / "metrics.json").read_text())["claims"][0]["holds"] is False


def test_interruption_keeps_what_was_done(tmp_path: Path) -> None:
    seen = []

    def stop(what: str, iteration: int, total: int, move: float) -> None:
        seen.append(iteration)
        if iteration >= 20:
            raise KeyboardInterrupt

    r = run(DENOISE + "solver pdhg(iterations = 5000, tolerance = 0)\n", tmp_path, progress=stop)
    assert r.code == 130
    assert r.folder.name.endswith("-interrupted")
    assert np.isfinite(np.load(r.folder / "reconstruction.npy")).all()
    assert max(seen) == 20


def test_a_bad_row_is_named_or_skipped(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "p").mkdir()
    for i in range(2):
        Image.fromarray(np.full((32, 32), 100 + i, np.uint8)).save(tmp_path / "p" / f"{i}.png")
    (tmp_path / "p" / "2.png").write_bytes(b"not a picture")
    text = DENOISE.replace('sample("camera")', 'folder("p/*.png")')
    with pytest.raises(DataError, match=r"2\.png"):
        run(text, tmp_path)
    r = run(text.replace('folder("p/*.png")', 'folder("p/*.png") { on_error = skip }'), tmp_path, "skipped")
    assert len(r.outcomes[0].rows) == 2
    assert len(r.skipped) == 1
    assert "2.png" in r.skipped[0]


def test_simulated_rows_can_be_read_back(tmp_path: Path) -> None:
    page = parse(Source("page.recon", "recon 1\n" + DENOISE))
    folder, rows = simulate_page(page, tmp_path, [], out=tmp_path / "made")
    assert rows == 1
    direct = run(DENOISE, tmp_path)
    text = DENOISE.replace('sample("camera")', 'npz("made/cam-0000.npz") { y = y; x = x }')
    again = run(text, tmp_path, "again")
    assert again.outcomes[0].metrics["nmse"] == direct.outcomes[0].metrics["nmse"]
    assert folder.name == "made"


def test_simulation_on_a_finer_grid(tmp_path: Path) -> None:
    text = """
    data head = phantom(shepp_logan)
    image x : real[32, 32] { voxel = 4mm }
    forward A = radon(angles = 0deg..180deg, views = 40, detectors = 48, pitch = 4mm)
    noise y ~ gaussian(A @ x, sigma = 1e-4)
    simulate { image x : real[128, 128] { voxel = 1mm } }
    prior 1e3 * sq(x)
    metrics [nmse]
    """
    r = run(text, tmp_path)
    assert np.load(r.folder / "truth.npy").shape == (32, 32)
    crime = run(text.replace("simulate { image x : real[128, 128] { voxel = 1mm } }", ""), tmp_path, "crime")
    assert crime.outcomes[0].metrics["nmse"][0] < r.outcomes[0].metrics["nmse"][0] < 0.5


def test_a_sweep_has_a_cell_for_every_value(tmp_path: Path) -> None:
    r = run(
        "param s = 0.1\n"
        + DENOISE.replace("sigma = 0.1", "sigma = s")
        + "sweep noise { s in [0.05, 0.1, 0.2] }\nreport table { rows = s; cells = [mean(psnr)] }\n",
        tmp_path,
    )
    assert [o.cell["s"] for o in r.outcomes] == ["0.05", "0.1", "0.2"]
    quality = [o.metrics["psnr"][0] for o in r.outcomes]
    assert quality == sorted(quality, reverse=True)
    assert "mean(psnr)" in (r.folder / "report.html").read_text()


def test_errors_stop_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        run(DENOISE + "solver fista(iteratons = 5)\n", tmp_path)
    assert not (tmp_path / "out").exists()


def test_an_undefined_metric_is_said_and_loses_nothing(tmp_path: Path) -> None:
    np.save(tmp_path / "zero.npy", np.zeros((32, 32), np.float32))
    r = run(DENOISE.replace('sample("camera")', 'npy("zero.npy")'), tmp_path, x="real[32, 32]")
    assert r.code == 0
    assert np.isnan(r.outcomes[0].metrics["nmse"][0])  # relative to a truth that is zero
    written = json.loads((r.folder / "metrics.json").read_text())["outcomes"][0]
    assert written["metrics"]["nmse"] == [None]
    assert written["mean"]["nmse"] is None
    assert np.isfinite(np.load(r.folder / "reconstruction.npy")).all()


def test_a_sweep_is_summed_up_in_tables_on_the_command_line(tmp_path: Path) -> None:
    from click.testing import CliRunner
    from recon.runtime.command.run import run as command

    page = tmp_path / "page.recon"
    text = DENOISE.replace("10 * tv(x)", "lam * sq(x)").replace('sample("camera")', 'sample("*") { limit = 2 }')
    page.write_text(
        f"recon 1\nparam lam = 1\n{text}expect mean(psnr) >= 1dB\nsweep g {{ lam in [1, 2, 3, 4]; run.seed in 0..1 }}\n"
        "report table { rows = lam; cells = [mean(psnr)] }\n"
    )
    out = str(tmp_path / "out")
    said = CliRunner().invoke(command, [str(page), "--out", out, "--quiet"])
    lines = said.output.splitlines()
    start = next(i for i, line in enumerate(lines) if line.split()[:1] == ["lam"])
    assert [line.split()[0] for line in lines[start + 2 : start + 6]] == ["1", "2", "3", "4"]
    assert "met: all 8 claims" in lines
    assert "in 8 of 8 cells" in (tmp_path / "out" / "report.html").read_text()
    assert not any(line.startswith("lam=") for line in lines)
    (table,) = json.loads(CliRunner().invoke(command, [str(page), "--out", out, "--quiet", "--json"]).stdout)["tables"]
    psnr = {row[0]: row[1]["value"] for row in table["rows"]}
    each = [
        o for o in json.loads((tmp_path / "out" / "metrics.json").read_text())["outcomes"] if o["cell"]["lam"] == "3"
    ]
    assert len(each) == 2
    assert psnr["3"] == pytest.approx(np.mean([o["metrics"]["psnr"] for o in each]))
