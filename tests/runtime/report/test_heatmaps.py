"""Heatmaps: where cells lie, what is refused, and that drawing depends on nothing but the numbers."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from recon.runtime.report.content import Heatmap, Report, Section
from recon.runtime.report.heatmaps import draw_heatmap, edges, heatmap_csv, heatmap_file, heatmap_summary, heatmap_svg
from recon.runtime.report.page import render_report

MAP = Heatmap(
    "share", "m", [1, 2, 4], "s", [5, 10], [[0, 0.5, 1], [None, 0.25, float("nan")]], lines={"half": ([1, 4], [5, 10])}
)


def test_cells_reach_to_the_middle_between_neighbours() -> None:
    np.testing.assert_allclose(edges([1, 2, 4]), [0.5, 1.5, 3, 5])
    np.testing.assert_allclose(edges([7]), [6.5, 7.5])


def test_it_is_one_svg_element_and_the_same_each_time() -> None:
    svg = heatmap_svg(MAP, "part-1")
    assert svg == heatmap_svg(MAP, "part-1")
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert "part-1-" in svg


def test_the_report_shows_it_with_its_legend() -> None:
    page = render_report(Report("t", sections=[Section("s", heatmaps=[MAP])]))
    assert "<li>" in page
    assert "half" in page
    assert heatmap_summary(MAP) == "share over m and s, 3 by 2 cells from 0 to 1; lines: half"


@pytest.mark.parametrize(
    ("columns", "values"), [([1, 2], [[0, 1, 2]]), ([1, 1], [[0, 1]]), ([2, 1], [[0, 1]]), ([], [[]])]
)
def test_what_is_no_grid_is_refused(columns: list[float], values: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="heatmap"):
        Heatmap("h", "m", columns, "s", [1], values)


CELLS = [[0.25, None], [1.0, 0.5]]
PRINTED = Heatmap("share", "m", [0.0, 1.0], "k", [2.0, 4.0], CELLS, column_labels=["a", "b"], printed=True)


def test_values_and_labels_stand_at_their_cells() -> None:
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    draw_heatmap(axes, PRINTED)
    assert {(t.get_position(), t.get_text()) for t in axes.texts} == {
        ((0.0, 2.0), "0.25"),
        ((0.0, 4.0), "1"),
        ((1.0, 4.0), "0.5"),
    }
    assert [t.get_text() for t in axes.get_xticklabels()] == ["a", "b"]
    assert list(axes.get_yticks()) == [2.0, 4.0]


def test_the_numbers_of_a_heatmap_as_csv() -> None:
    assert heatmap_csv(PRINTED).splitlines() == ["m,k,share", "a,2.0,0.25", "b,2.0,", "a,4.0,1.0", "b,4.0,0.5"]


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_files_of_a_heatmap_are_the_same_each_time(kind: str) -> None:
    assert heatmap_file(PRINTED, kind) == heatmap_file(PRINTED, kind)  # type: ignore[arg-type]
