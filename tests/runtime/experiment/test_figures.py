"""Figures of pages: which pictures they show, on which scale, with which errors, numbers and insets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recon.dsl.model.experiment import Experiment
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.vocabulary.views import Figure
from recon.runtime.experiment.cells import cells
from recon.runtime.experiment.figures import figure
from recon.runtime.experiment.outcome import Outcome
from recon.runtime.experiment.run import run_page
from recon.runtime.experiment.seen import Seen
from recon.runtime.report.content import Panel, Plate

PAGE = """recon 1
data pics = sample("*") { split = "test"; limit = 2 }
image x : complex[32, 32]
forward A = identity()
noise y ~ gaussian(A @ x, sigma = 0.1)
method noisy { solver adjoint }
method tv_small { prior 5 * tv(x); solver pdhg(iterations = 20) }
method broken { prior 10 * sq(x); solver gradient(iterations = 200, step = 5) }
metrics [psnr, nmse, mse] { of = abs(estimate) }
"""


class Page:
    """A page that was run once, and what figures of it look like."""

    def __init__(self, text: str, folder: Path) -> None:
        self.text, self.folder = text, folder
        self.result = run_page(parse(Source("page", text)), folder, [], out=folder / "out", device="cpu")

    def experiment(self, line: str) -> tuple[Experiment, Seen]:
        made = cells(parse(Source("page", self.text + line + "\n")), self.folder, [])
        return made[0].checked.experiment, Seen(made, self.result.outcomes)

    def plate(self, line: str) -> Plate:
        experiment, seen = self.experiment(line)
        (word,) = experiment.views
        assert isinstance(word, Figure)
        plate = figure(word, experiment, seen)
        assert plate is not None
        return plate

    def array(self, name: str) -> np.ndarray:
        return np.load(self.result.folder / name)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    text = PAGE + "report figure { show = estimate; images = 2 }\n"
    made = Page(text, tmp_path_factory.mktemp("figures"))
    made.text = PAGE
    return made


def panel(plate: Plate, line: int, column: int) -> Panel:
    found = plate.lines[line].panels[column]
    assert found is not None
    return found


def test_each_method_has_a_column_and_each_image_a_line(page: Page) -> None:
    plate = page.plate("report figure { show = [abs(truth), abs(estimate), measured]; images = 2 }")
    assert plate.heads == ["truth", "noisy", "tv small", "measurement"]  # the one that failed has nothing to show
    assert len(plate.lines) == 2
    for i in range(2):
        expected = np.abs(page.array(f"tv_small/reconstruction-000{i}.npy"))
        assert np.allclose(panel(plate, i, 2).picture.array, expected, rtol=1e-6)


def test_pictures_of_one_value_share_the_scale_of_its_truth(page: Page) -> None:
    plate = page.plate("report figure { show = [abs(truth), abs(estimate)]; images = 2 }")
    for i in range(2):
        truth = np.abs(page.array(f"noisy/truth-000{i}.npy"))
        for k in range(3):
            assert panel(plate, i, k).picture.limits == pytest.approx((truth.min(), truth.max()))
    fixed = page.plate("report figure { show = [abs(estimate)]; window = 0.2..0.8 }")
    assert panel(fixed, 0, 0).picture.limits == (0.2, 0.8)


def test_errors_are_those_of_the_value_shown_and_scaled_alike(page: Page) -> None:
    plate = page.plate("report figure { show = [abs(estimate)]; errors = true; images = 2 }")
    factors = set()
    for i in range(2):
        truth = np.abs(page.array(f"noisy/truth-000{i}.npy"))
        for k, method in enumerate(["noisy", "tv_small"]):
            error = panel(plate, i, k).error
            assert error is not None
            assert error.limits is not None
            estimate = np.abs(page.array(f"{method}/reconstruction-000{i}.npy"))
            assert np.allclose(error.array, estimate - truth, atol=1e-6)
            factors.add(round((truth.max() - truth.min()) / error.limits[1], 3))
    assert len(factors) == 1
    assert f"error × {factors.pop():.0f}" == plate.lines[0].beneath


def test_numbers_under_a_picture_are_those_of_its_row(page: Page) -> None:
    outcomes: list[Outcome] = page.result.outcomes
    plate = page.plate("report figure { show = [abs(truth), abs(estimate)]; images = 2; scores = [psnr] }")
    assert panel(plate, 0, 0).below == "PSNR"
    for i in range(2):
        assert panel(plate, i, 2).below == f"{outcomes[1].metrics['psnr'][i]:.2f} dB"
    two = page.plate("report figure { show = [abs(estimate)] }")
    assert panel(two, 0, 0).below.count("/") == 1


def test_methods_side_by_side_by_name_and_their_difference(page: Page) -> None:
    plate = page.plate("report figure { show = [tv_small.estimate, noisy.error, tv_small.estimate - noisy.estimate] }")
    tv, noisy = (page.array(f"{m}/reconstruction-0000.npy") for m in ("tv_small", "noisy"))
    assert plate.heads[:2] == ["tv small", "error, noisy"]
    assert np.array_equal(panel(plate, 0, 0).picture.array, tv)
    assert panel(plate, 0, 1).picture.role == "error"
    assert np.allclose(panel(plate, 0, 1).picture.array, noisy - page.array("noisy/truth-0000.npy"))
    assert np.allclose(panel(plate, 0, 2).picture.array, tv - noisy)


def test_errors_shown_as_pictures_share_one_scale(page: Page) -> None:
    plate = page.plate("report figure { show = [abs(noisy.error), tv_small.error] }")
    assert panel(plate, 0, 0).picture.limits == panel(plate, 0, 1).picture.limits
    assert panel(plate, 0, 0).picture.limits is not None


def test_the_inset_is_where_the_methods_differ(page: Page) -> None:
    experiment, seen = page.experiment("report figure { show = [abs(estimate)]; zoom = auto }")
    shown = [o.shown[0] for o in seen.outcomes if o.shown]
    before = [s.estimates["x"] for s in shown]
    try:
        for k, s in enumerate(shown):
            s.estimates["x"] = shown[0].truths["x"].copy()
            s.estimates["x"][20:24, 5:9] = 0.5 * k
        (word,) = experiment.views
        assert isinstance(word, Figure)
        plate = figure(word, experiment, seen)
    finally:
        for s, x in zip(shown, before, strict=True):
            s.estimates["x"] = x
    assert plate is not None
    top, bottom, left, right = plate.lines[0].zoom or (0, 0, 0, 0)
    assert (bottom - top, right - left) == (6, 6)
    assert top <= 20
    assert bottom >= 24
    assert left <= 5
    assert right >= 9


def test_the_files_of_a_figure_are_written(page: Page) -> None:
    assert (page.result.folder / "figure-1.png").read_bytes()[:4] == b"\x89PNG"
    assert (page.result.folder / "figure-1.pdf").read_bytes()[:5] == b"%PDF-"


def test_components_and_what_is_derived_of_them_stand_over_their_truths(tmp_path: Path) -> None:
    made = Page(
        """recon 1
data mix = cosines_and_spikes(cosines = 4, spikes = 4, count = 1) { c = cosines; s = spikes }
signal c : real[64]
signal s : real[64]
x = cosine().H @ c + s
noise y ~ gaussian(x, sigma = 0.01)
prior 100 * l1(c)
prior 100 * l1(s)
metrics [nmse(c), nmse(x)]
""",
        tmp_path,
    )
    plate = made.plate("report figure { show = [measured, c, s, x] }")
    assert plate.heads == ["measurement", "c", "s", "x"]
    truth = {n: made.array(f"truth-{n}.npy") for n in ("c", "s")}
    for k, n in ((1, "c"), (2, "s")):
        assert np.allclose(panel(plate, 0, k).truth, truth[n])
    from scipy.fft import idct

    assert np.allclose(panel(plate, 0, 3).truth, idct(truth["c"], norm="ortho") + truth["s"], atol=1e-5)
    measured = made.result.outcomes[0].metrics["nmse(c)"][0]
    assert float(panel(plate, 0, 1).below) == pytest.approx(measured, rel=0.05)  # two digits at least
    assert panel(plate, 0, 2).below == ""  # the page does not measure it


def test_a_slice_is_the_one_asked_for(tmp_path: Path) -> None:
    made = Page(
        """recon 1
data head = phantom(shepp_logan)
volume x : real[8, 16, 12]
noise y ~ gaussian(x, sigma = 0.1)
prior 10 * sq(x)
""",
        tmp_path,
    )
    x, truth = made.array("reconstruction.npy"), made.array("truth.npy")
    few = np.zeros_like(truth)
    few[4, 8, 6], few[4, 8, 7] = 1.0, 1e-6  # of high dynamic range, as k-space is
    for o in made.result.outcomes:
        o.shown[0].truths["x"] = few
    shown = panel(made.plate("report figure { show = [truth, estimate] }"), 0, 0).picture
    assert (shown.role, shown.limits) == ("truth", (0.0, 1.0))
    for name, axis in (("z", 0), ("row", 1), ("col", 2)):
        plate = made.plate(f"report figure {{ show = [estimate, truth]; slice = [{name}, 5] }}")
        assert np.array_equal(panel(plate, 0, 0).picture.array, x.take(5, axis))
