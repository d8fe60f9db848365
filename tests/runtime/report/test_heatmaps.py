"""Heatmaps: where cells lie, what is refused, and that drawing depends on nothing but the numbers."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from recon.runtime.report.content import Heatmap, Report, Section
from recon.runtime.report.heatmaps import edges, heatmap_summary, heatmap_svg
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
