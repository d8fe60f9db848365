"""Tables and curves laid out from outcomes: what stands where, what is averaged, and what is best."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recon.dsl.check.page import load
from recon.dsl.model.experiment import Experiment
from recon.dsl.vocabulary.views import Curves
from recon.dsl.vocabulary.views import Heatmap as HeatmapWord
from recon.dsl.vocabulary.views import Table as TableWord
from recon.runtime.experiment.outcome import Outcome
from recon.runtime.experiment.views import curves, heatmap, table
from recon.runtime.report.content import Estimate
from scipy import stats

PAGE = """recon 1
param accel = 4
param kind = 1
data cam = sample("*") { limit = 4 }
image x : real[32, 32]
forward A = cartesian(accel = accel) @ fft2(norm = "ortho")
noise y ~ gaussian(A @ x, sigma = 0.01)
method tv { prior kind * tv(x) }
method smooth { prior 10 * sq(x) }
metrics [psnr, nmse]
sweep grid { accel in [8, 2, 4]; run.seed in 0..1 }
"""


def experiment(line: str) -> Experiment:
    return load(PAGE + line, "page.recon", Path()).experiment


def outcomes() -> list[Outcome]:
    """psnr = 30 - accel (+ 3 for tv, except that it fails at accel 8) + image + seed / 10, of four images."""
    out = []
    for accel in (8, 2, 4):
        for seed in (0, 1):
            for method, gain in (("tv", 3.0), ("smooth", 0.0)):
                o = Outcome({"accel": str(accel), "run.seed": str(seed)}, "", method, "cg")
                if method == "tv" and accel == 8:
                    o.failure = "step too large"
                else:
                    o.rows = [0, 1, 2, 3]
                    o.metrics = {"psnr": [30.0 - accel + gain + i + seed / 10 for i in range(4)], "nmse": [gain] * 4}
                    o.iterations = [0, 10, 20]
                    o.trace = {"objective": [5.0 + seed, 3.0, 2.0 + seed], "epochs": [0.0, 1.0, 2.0]}
                out.append(o)
    return out


def test_a_table_lays_out_its_axes_and_averages_over_images_and_seeds() -> None:
    e = experiment("report table { rows = method; columns = accel; cells = [mean(psnr), max(nmse)]; over = run.seed }")
    (word,) = e.views
    assert isinstance(word, TableWord)
    t = table(word, e, outcomes())
    assert t.heads == [[("", 1), ("accel = 8", 2), ("accel = 2", 2), ("accel = 4", 2)]]
    assert t.columns == ["method", *["PSNR (dB) ↑", "max NMSE ↓"] * 3]
    tv, smooth = t.rows
    assert tv[:3] == ["tv", None, None]  # failed
    assert isinstance(tv[3], Estimate)
    assert isinstance(smooth[3], Estimate)
    assert tv[3].value == pytest.approx(30 - 2 + 3 + 1.5 + 0.05)
    assert (tv[3].best, smooth[3].best) == (True, False)
    assert isinstance(smooth[4], Estimate)
    assert smooth[4].best  # less error is better
    assert "tv failed: step too large" in t.note
    assert "4 images and 2 seeds" in t.note


def test_one_measure_stands_above_its_table_and_methods_may_stand_across() -> None:
    e = experiment("report table { rows = accel; columns = method; cells = mean(psnr) }")
    (word,) = e.views
    assert isinstance(word, TableWord)
    t = table(word, e, outcomes())
    assert (t.title, list(t.heads), t.columns) == ("PSNR (dB) ↑", [], ["accel", "tv", "smooth"])
    best = {row[0]: [c.best for c in row[1:] if isinstance(c, Estimate)] for row in t.rows}
    assert best == {"8": [False], "2": [True, False], "4": [True, False]}


def test_curves_run_in_the_order_of_numbers_with_bands_and_their_best_point() -> None:
    e = experiment("report curves { along = accel; show = [mean(psnr), mean(nmse)]; scale = log }")
    (word,) = e.views
    assert isinstance(word, Curves)
    levels, errors = curves(word, e, outcomes())
    assert (levels.log_x, levels.log_y, errors.log_y) == (True, None, True)
    x, y = levels.series["smooth"]
    assert list(x) == [2.0, 4.0, 8.0]
    assert list(y) == pytest.approx([29.55, 27.55, 23.55])
    assert levels.best == {"smooth": 0}
    assert list(levels.series["tv"][0]) == [2.0, 4.0]
    # seeds shift all images alike by a tenth, images differ by one: nearly all of the spread is that of images
    alone = stats.t.ppf(0.975, 3) * stats.sem([0, 1, 2, 3])
    assert levels.halves["smooth"][0] == pytest.approx(alone, rel=0.05)


@pytest.mark.parametrize(("along", "places"), [("iteration", [0, 10, 20]), ("epoch", [0, 1, 2])])
def test_traces_are_averaged_over_seeds(along: str, places: list[float]) -> None:
    e = experiment(f"report curves {{ along = {along}; show = objective }}")
    (word,) = e.views
    assert isinstance(word, Curves)
    (curve,) = curves(word, e, outcomes())
    assert len(curve.series) == 5  # each method at each acceleration, but for the one that failed
    x, y = curve.series["accel = 2, tv"]
    assert (list(x), list(y)) == (places, [5.5, 3.0, 2.5])
    half = stats.t.ppf(0.975, 1) * stats.sem([5, 6])
    assert np.allclose(curve.halves["accel = 2, tv"], [half, 0, half])


def test_values_that_are_no_numbers_are_places() -> None:
    page = PAGE.replace("accel in [8, 2, 4]", "A in [identity(), fft2()]").replace("run.seed in 0..1", "accel in [4]")
    e = load(page + "report curves { along = A; show = mean(psnr); over = accel }", "page.recon", Path()).experiment
    (word,) = e.views
    assert isinstance(word, Curves)
    found = [
        Outcome({"A": label, "accel": "4"}, "", "tv", "cg", [0, 1], {"psnr": [v, v + 1]})
        for label, v in (("identity()", 20.0), ("fft2()", 21.0))
    ]
    (curve,) = curves(word, e, found)
    assert list(curve.labels) == ["identity()", "fft2()"]
    assert list(curve.series["tv"][0]) == [0.0, 1.0]


def test_a_heatmap_holds_the_share_that_was_solved_in_the_order_of_its_axes() -> None:
    page = PAGE.replace("run.seed in 0..1", "kind in [10, 1]")
    line = "report heatmap { columns = accel; rows = kind; cells = fraction(tv.nmse <= 0.5) }"
    e = load(page + line, "page.recon", Path()).experiment
    (word,) = e.views
    assert isinstance(word, HeatmapWord)
    solved = {("8", "10"): 1, ("8", "1"): 0, ("2", "10"): 4, ("2", "1"): 3, ("4", "10"): 2}  # nothing at (4, 1)
    found = [
        Outcome({"accel": a, "kind": k}, "", "tv", "cg", [0, 1, 2, 3], {"nmse": [0.1] * s + [0.9] * (4 - s)})
        for (a, k), s in solved.items()
    ]
    drawn = heatmap(word, e, found)
    assert drawn is not None
    assert (drawn.across, drawn.down) == ("accel", "kind")
    assert (list(drawn.columns), list(drawn.rows)) == ([2.0, 4.0, 8.0], [1.0, 10.0])
    assert drawn.values == [[0.75, None, 0.0], [1.0, 0.5, 0.25]]
    assert drawn.limits == (0.0, 1.0)
    assert heatmap(word, e, []) is None
