"""Curves: scales, thinning, gaps, and SVG that can stand in a page."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from recon.runtime.report.content import Curve
from recon.runtime.report.curves import curve_csv, curve_file, curve_summary, curve_svg, draw_curve, is_log_y, thinned
from recon.runtime.report.drawing import tick, ticks

X = np.arange(1.0, 51.0)


def curve(y: np.ndarray, **options: object) -> Curve:
    return Curve("objective", "iteration", {"f": (X[: len(y)], y)}, **options)


@pytest.mark.parametrize(
    ("y", "logarithmic"),
    [([1, 50, 101], True), ([1, 50, 99], False), ([0, 1, 1000], False), ([1, np.nan, 1e3], True), ([np.nan], False)],
)
def test_a_curve_is_logarithmic_where_it_is_positive_and_spans_two_decades(y: list[float], logarithmic: bool) -> None:
    assert is_log_y(curve(np.array(y))) is logarithmic
    assert is_log_y(curve(np.array(y), log_y=not logarithmic)) is not logarithmic


def test_thinning_keeps_ends_and_extremes() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=100_000)
    y[31_415], y[27_182], y[5] = 50, -50, np.nan
    x, kept = thinned(np.arange(y.size, dtype=float), y)
    assert kept.size <= 2000
    assert (np.diff(x) > 0).all()
    np.testing.assert_array_equal(kept, y[x.astype(int)])
    assert (np.nanmax(kept), np.nanmin(kept), x[0], x[-1]) == (50, -50, 0, y.size - 1)


def test_the_svg_is_well_formed_and_takes_its_ink_and_ids_from_the_page() -> None:
    svg = curve_svg(curve(10.0 ** -(X / 5)), "part-1-curve-2")
    # the prefix that matplotlib declares comes along, so this parses alone as it does within a page
    ids = [e.get("id") for e in ElementTree.fromstring(svg).iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    assert all(i.startswith("part-1-curve-2-") for i in ids)
    targets = re.findall(r"url\(#([^)]+)\)", svg) + re.findall(r'href="#([^"]+)"', svg)
    assert targets
    assert set(targets) <= set(ids)
    assert "currentColor" in svg
    assert "10⁻⁴" in svg
    assert "<style" not in svg
    assert "<metadata" not in svg


def test_the_same_curve_gives_the_same_text() -> None:
    assert curve_svg(curve(X**2), "a") == curve_svg(curve(X**2), "a")


@pytest.mark.parametrize("log_x", [False, True])
@pytest.mark.parametrize("log_y", [None, True])
@pytest.mark.parametrize("y", [[], [np.nan, np.inf], [1.0], [-1.0, 0.0], [3.0, np.nan, 3.0], [1e-300, 1e300]])
def test_any_values_can_be_drawn(y: list[float], log_x: bool, log_y: bool | None) -> None:
    svg = curve_svg(curve(np.array(y), log_x=log_x, log_y=log_y), "c")
    visible = np.isfinite(y) & ((np.array(y) > 0) | (log_y is None))
    assert ("no finite values" in svg) == (not visible.any())
    assert "nan" not in re.sub(r">[^<]*<", "><", svg).lower()


def test_names_are_text_and_never_mathematics() -> None:
    svg = curve_svg(Curve("t", "$\\frac{", {"_hidden $": ([1, 2], [1, 2])}, unit="<b>&"), "c")
    assert "$\\frac{" in svg
    assert "&lt;b&gt;&amp;" in svg


def test_the_summary_says_where_lines_start_and_end() -> None:
    text = curve_summary(Curve("gap", "iteration", {"a": ([1, 2, 3], [1e-7, np.nan, 250]), "b": ([1], [np.nan])}))
    assert text == "gap, over iteration, logarithmic scale. a: from 10⁻⁷ to 250 over 3 points. b: no finite values"


def test_x_and_y_must_have_one_length() -> None:
    with pytest.raises(ValueError, match="2 x values and 1 y values"):
        Curve("t", "x", {"a": ([1, 2], [1])})


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.25"), (0.0, "0"), (1e-5, "10⁻⁵"), (-1e6, "-10⁶"), (2.5e7, "2.5·10⁷"), (99999.0, "99999")],
)
def test_tick_labels(value: float, text: str) -> None:
    assert tick(value) == text


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0.0, 1.0) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert ticks(-0.31, 0.19) == pytest.approx([-0.3, -0.2, -0.1, 0, 0.1])
    assert 0.0 in ticks(-0.31, 0.19)


BANDED = Curve(
    "psnr",
    "lam",
    {"tv": ([1.0, 10.0, 100.0], [25.0, 31.0, 22.0])},
    log_x=True,
    unit="PSNR (dB)",
    halves={"tv": [1.0, 2.0, 1.5]},
    best={"tv": 1},
)


def test_intervals_are_bands_and_the_best_point_is_ringed() -> None:
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    draw_curve(axes, BANDED)
    (band,) = axes.collections
    path = band.get_paths()[0].vertices
    for x, y, half in zip(*BANDED.series["tv"], BANDED.halves["tv"], strict=True):
        at = np.asarray(path)[np.isclose(np.asarray(path)[:, 0], x), 1]
        assert (at.min(), at.max()) == pytest.approx((y - half, y + half))
    rings = [line for line in axes.lines if line.get_markerfacecolor() == "none"]
    assert [(r.get_xdata()[0], r.get_ydata()[0]) for r in rings] == [(10.0, 31.0)]


def test_the_numbers_of_a_curve_as_csv() -> None:
    assert curve_csv(BANDED).splitlines() == [
        "series,lam,psnr,±",
        "tv,1.0,25.0,1.0",
        "tv,10.0,31.0,2.0",
        "tv,100.0,22.0,1.5",
    ]


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_files_of_a_curve_are_the_same_each_time(kind: str) -> None:
    assert curve_file(BANDED, kind) == curve_file(BANDED, kind)


def test_intervals_must_be_those_of_the_points() -> None:
    with pytest.raises(ValueError, match="intervals of other points"):
        Curve("", "x", {"a": ([1.0], [2.0])}, halves={"a": [1.0, 2.0]})
