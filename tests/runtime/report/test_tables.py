"""Tables in Markdown, LaTeX and CSV: numbers to four digits, and text that each format prints as it stands."""

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recon.runtime.report.content import Estimate, Table
from recon.runtime.report.tables import cell_text, is_numeric, number, rounded, to_csv, to_latex, to_markdown, to_text

TABLE = Table(
    "Metrics & more", ["method", "psnr"], [["zero_filled", 24.1], ["a|b", None], ["50% $x$", -1.5e-7]], "Mean of 3."
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (34.1, "34.10"),
        (0.5, "0.5000"),
        (0.00012345, "0.0001234"),
        (123456.0, "123500"),
        (999.96, "1000"),
        (9999.9, "10000"),
        (1e7, "1.000e+07"),
        (1.5e-7, "1.500e-07"),
        (0.0, "0"),
        (-2.0, "-2.000"),
        (123456, "123456"),
        (np.int64(7), "7"),
        (np.float32(0.25), "0.2500"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_have_four_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(-1e308, 1e308))
def test_a_number_reads_back_within_half_a_unit_of_its_fourth_digit(value: float) -> None:
    # subnormal numbers have fewer than four digits of their own, hence the absolute part
    assert float(number(value)) == pytest.approx(value, rel=0.5001e-3, abs=1e-307)


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (34.1234, 0.2149, "34.12 ± 0.21"),
        (34.1234, 0.0996, "34.12 ± 0.10"),  # 0.0996 rounds up to another decade, and keeps two digits
        (812.4, 35.0, "812 ± 35"),
        (812.4, 351.0, "812 ± 350"),
        (0.0123, 0.0004, "0.01230 ± 0.00040"),
        (1.23e-5, 4e-7, "(1.230 ± 0.040)·10⁻⁵"),
        (2.5e7, 3e6, "(2.50 ± 0.30)·10⁷"),
        (-3.0, 12.0, "-3 ± 12"),
        (31.0, None, "31.00"),
        (31.0, 0.0, "31.00 ± 0"),
    ],
)
def test_an_interval_says_how_many_digits_are_worth_printing(value: float, half: float | None, text: str) -> None:
    assert cell_text(Estimate(value, half)) == text


@given(st.floats(1e-8, 1e8), st.floats(1e-4, 10))
def test_rounding_loses_less_than_a_twentieth_of_the_interval(value: float, relative: float) -> None:
    half = value * relative
    v, h, power = rounded(value, half)
    assert abs(float(v) * 10.0**power - value) <= 0.0501 * half
    assert abs(float(h) * 10.0**power - half) <= 0.0501 * half


GROUPED = Table(
    "",
    ["method", "psnr", "ssim", "psnr", "ssim"],
    [
        ["a", Estimate(31.123, 0.21, best=True), 0.9, None, Estimate(0.5, best=True)],
        ["b", Estimate(30.0, 0.32), 0.8, 25.0, 0.4],
    ],
    heads=[[("", 1), ("accel = 2", 2), ("accel = 4", 2)]],
    rules=[1],
)


def test_headings_over_several_columns_and_the_best_in_bold() -> None:
    lines = [[c.strip() for c in line.split("|")[1:-1]] for line in to_markdown(GROUPED).splitlines()]
    assert lines[0] == ["method", "accel = 2, psnr", "accel = 2, ssim", "accel = 4, psnr", "accel = 4, ssim"]
    assert lines[2] == ["a", "**31.12 ± 0.21**", "0.9000", "–", "**0.5000**"]
    latex = [line.strip() for line in to_latex(GROUPED).splitlines()]
    assert r"& \multicolumn{2}{c}{accel = 2} & \multicolumn{2}{c}{accel = 4} \\" in latex
    assert r"\cmidrule(lr){2-3} \cmidrule(lr){4-5}" in latex
    assert r"a & \textbf{31.12} $\pm$ 0.21 & 0.9000 & -- & \textbf{0.5000} \\" in latex
    assert latex.count(r"\midrule") == 2


def test_csv_has_intervals_in_columns_of_their_own_and_all_digits() -> None:
    head, first, second = csv.reader(io.StringIO(to_csv(GROUPED)))
    assert head[1:3] == ["accel = 2, psnr", "accel = 2, psnr ±"]
    assert first == ["a", "31.123", "0.21", "0.9", "", "0.5"]
    assert second[1:3] == ["30.0", "0.32"]


def test_headings_must_span_the_columns() -> None:
    with pytest.raises(ValueError, match="span"):
        Table("t", ["a", "b"], [], heads=[[("x", 3)]])


def test_plain_text_keeps_columns_in_line() -> None:
    above, head, rule, first, second = to_text(GROUPED).splitlines()
    ends = [i + 1 for i in range(len(rule)) if rule[i] == "-" and rule[i + 1 : i + 2] != "-"]
    for row, texts in (
        (head, ["psnr", "ssim", "psnr", "ssim"]),
        (second, ["30.00 ± 0.32", "0.8000", "25.00", "0.4000"]),
    ):
        assert [row[:end].rsplit("  ", 1)[-1] for end in ends[1:]] == texts
    assert "31.12 ± 0.21*" in first
    assert ends[0] < above.index("accel = 2") < ends[2] < above.index("accel = 4")


def test_markdown_aligns_numbers_and_escapes() -> None:
    assert to_markdown(TABLE).splitlines() == [
        r"**Metrics \& more**",
        "",
        "| method       |       psnr |",
        "| ------------ | ---------: |",
        r"| zero\_filled |      24.10 |",
        r"| a\|b         |          – |",
        r"| 50% \$x\$    | -1.500e-07 |",
        "",
        "Mean of 3.",
    ]


def test_latex_is_booktabs_and_escapes() -> None:
    text = to_latex(TABLE)
    assert r"\caption{Metrics \& more. Mean of 3}" in text
    assert r"\begin{tabular}{lr}" in text
    assert [line.strip() for line in text.splitlines()][5:11] == [
        r"method & psnr \\",
        r"\midrule",
        r"zero\_filled & 24.10 \\",
        r"a\textbar{}b & -- \\",
        r"50\% \$x\$ & $-1.500 \times 10^{-7}$ \\",
        r"\bottomrule",
    ]


MARKS = (r"$\uparrow$", r"$\downarrow$", r"$\le$", r"$\ge$")


@given(st.text())
def test_latex_leaves_no_character_to_interpret(name: str) -> None:
    row = next(line for line in to_latex(Table("", ["", "n"], [[name, 1]])).splitlines() if line.endswith(r" & 1 \\"))
    cell = row.removeprefix("    ").removesuffix(r" & 1 \\")
    for command in (r"\textbackslash{}", r"\textasciitilde{}", r"\textasciicircum{}", r"{\char34}", r"$\pm$", *MARKS):
        cell = cell.replace(command, "")
    for command in (r"\textless{}", r"\textgreater{}", r"\textbar{}", r"$\times$", *("\\" + c for c in "&%$#_{}")):
        cell = cell.replace(command, "")
    if cell.startswith("{"):
        cell = cell[1:-1]
    assert not set(cell) & set("\\&%$#_{}~^")


# control characters are replaced and white space is joined on purpose, so only other text comes back unchanged
PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1)


@given(st.lists(st.tuples(PRINTABLE, PRINTABLE), min_size=1))
def test_csv_reads_back(rows: list[tuple[str, str]]) -> None:
    read = list(csv.reader(io.StringIO(to_csv(Table("", ["a,b", 'c"d'], rows)))))
    assert read == [["a,b", 'c"d'], *map(list, rows)]


def test_csv_leaves_missing_cells_empty_and_keeps_no_line_breaks() -> None:
    assert to_csv(Table("t", ["a", "b"], [["x\ny", None]])) == "a,b\nx y,\n"


def test_a_column_is_numeric_with_numbers_only() -> None:
    table = Table("", ["a", "b", "c"], [["x", 1.0, None], ["y", None, None]])
    assert [is_numeric(table, i) for i in range(3)] == [False, True, False]


def test_rows_must_fit_the_columns() -> None:
    with pytest.raises(ValueError, match="3 cells under 2 columns"):
        Table("t", ["a", "b"], [[1.0, 2.0, 3.0]])
