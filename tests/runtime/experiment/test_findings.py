"""How findings of many outcomes are put together: once where they agree, one line for each cell where they do not."""

from __future__ import annotations

from recon.runtime.analyses.finding import Finding
from recon.runtime.experiment.findings import analysis_sections, analysis_tables
from recon.runtime.experiment.outcome import Outcome
from recon.runtime.report.content import Curve


def outcome(m: str, method: str, value: float) -> Outcome:
    curve = Curve("values", "index", {"found": ([1, 2], [value, 0]), "bound": ([1, 2], [1, 1])})
    finding = Finding(
        f"largest {value}", "f(A, k = 2)", numbers={"top": value}, columns={"index": [1, 2], "value": [value, 0]},
        curves=[curve],
    )  # fmt: skip
    return Outcome({"m": m}, "", method, "cg", analyses={"f(A, k = 2)": finding})


def test_what_is_the_same_everywhere_stands_once() -> None:
    outcomes = [outcome(m, method, 3.0) for m in ("8", "9") for method in ("a", "b")]
    (section,) = analysis_sections(outcomes)
    assert section.title == "f(A, k = 2)"
    assert section.text == "largest 3.0"
    assert [list(c.series) for c in section.curves] == [["found", "bound"]]
    assert section.tables[0].rows == [[3.0]]
    assert analysis_tables(outcomes) == {"f-A-k=2": "index,value\n1,3.0\n2,0\n"}


def test_cells_that_differ_have_a_line_each() -> None:
    outcomes = [outcome(m, method, float(m)) for m in ("8", "9") for method in ("a", "b")]
    (section,) = analysis_sections(outcomes)
    assert section.text == ""
    (curve,) = section.curves
    assert {name: y for name, (_, y) in curve.series.items()} == {"m = 8": [8.0, 0], "m = 9": [9.0, 0]}
    assert section.tables[0].rows == [["8", 8.0], ["9", 9.0]]
    assert set(analysis_tables(outcomes)) == {"m=8/f-A-k=2", "m=9/f-A-k=2"}
