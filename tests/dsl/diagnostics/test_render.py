"""Diagnostics as a terminal shows them and as JSON."""

import json

import pytest
from recon.dsl.diagnostics import Diagnostic, Label, error, note, warning
from recon.dsl.diagnostics.render import render, to_json
from recon.dsl.syntax.source import Source, Span


def source(text: str, name: str = "knee.recon") -> Source:
    return Source(name, text)


def place(page: Source, text: str) -> Span:
    start = page.text.index(text)
    return page.span(start, start + len(text))


def plain(*diagnostics: Diagnostic, width: int = 100) -> str:
    return render(diagnostics, color=False, width=width)


def test_the_layout() -> None:
    page = source("\n" * 16 + "solver fista(iteratons = 60)\n")
    found = error(
        "RV002", "`fista` has no option `iteratons`", place(page, "iteratons"), help="did you mean `iterations`?"
    )
    assert plain(found) == (
        "error[RV002]: `fista` has no option `iteratons`\n"
        "  --> knee.recon:17:14\n"
        "17 | solver fista(iteratons = 60)\n"
        "   |              ^^^^^^^^^\n"
        "   = help: did you mean `iterations`?"
    )


def test_labels_on_one_line_others_and_other_pages() -> None:
    page, other = source("a = 1\nb = f(a, c)\n\n\nd = 2\n"), source("q = 3", "other.recon")
    found = warning(
        "RC001",
        "misfit",
        Label(place(page, "c"), "this"),
        Label(place(page, "f"), "in this"),
        Label(place(page, "d"), "and this"),
        Label(place(other, "q"), "from here"),
        help=("one", "two\nlines"),
    )
    assert plain(found) == (
        "warning[RC001]: misfit\n"
        " --> knee.recon:2:10\n"
        "2 | b = f(a, c)\n"
        "  |          ^ this\n"
        "  |     - in this\n"
        "...\n"
        "5 | d = 2\n"
        "  | - and this\n"
        " ::: other.recon:1:1\n"
        "1 | q = 3\n"
        "  | - from here\n"
        "  = help: one\n"
        "  = help: two\n"
        "          lines"
    )


def test_several_and_none() -> None:
    assert plain() == ""
    assert (
        plain(note("RN001", "one"), note("RN002", "two", help="do"))
        == "note[RN001]: one\n\nnote[RN002]: two\n= help: do"
    )


@pytest.mark.parametrize(
    ("text", "marked", "line", "marks"),
    [
        ("\tx = y", "y", "1 |     x = y", "  |         ^"),
        ('t = "日本" + y', "y", '1 | t = "日本" + y', "  |              ^"),
        ("t = 日本", "日本", "1 | t = 日本", "  |     ^^^^"),
        ("e\u0301 + y", "y", "1 | e\u0301 + y", "  |     ^"),
        ("\x1b[31m + y", "y", r"1 | \x1b[31m + y", "  |            ^"),
        ("\u202e + y", "y", r"1 | \u202e + y", "  |          ^"),
        ("a\r\nb", "a", "1 | a", "  | ^"),
        ("f(a,\n  b)", "f(a,\n  b)", "1 | f(a,", "  | ^^^^"),
    ],
)
def test_columns(text: str, marked: str, line: str, marks: str) -> None:
    assert plain(error("E", "m", place(source(text), marked))).split("\n")[2:] == [line, marks]


@pytest.mark.parametrize("text", ["", "abc", "abc\n"])
def test_the_end_of_the_text(text: str) -> None:
    page = source(text)
    last = text.split("\n")[-1]
    shown = plain(error("E", "m", page.span(len(text), len(text)))).split("\n")
    assert shown[3].index("^") == len("1 | ") + len(last)


@pytest.mark.parametrize("before", [0, 1, 20, 35, 60, 200])
@pytest.mark.parametrize("after", [0, 1, 20, 35, 200])
def test_long_lines_are_cut_around_the_mark(before: int, after: int) -> None:
    page = source("日" * (before // 2) + "a" * (before % 2) + "TARGET" + "b" * after)
    _, _, line, marks = plain(error("E", "m", place(page, "TARGET")), width=60).split("\n")
    wide = len(line) + line.count("日")
    assert wide <= 60
    column = marks.index("^")
    under = ""
    for c in line:
        under += c * (2 if c == "日" else 1)
    assert under[column : column + 6] == "TARGET"
    assert marks.count("^") == 6
    if before + after + 6 <= 56:
        assert "..." not in line


def test_a_long_mark_is_cut_too() -> None:
    page = source("x = " + "a" * 500)
    _, _, line, marks = plain(error("E", "m", page.span(4, 504)), width=60).split("\n")
    assert len(line) <= 60
    assert len(marks) <= 60
    assert "^" * 30 in marks


def test_color_adds_only_color() -> None:
    page = source("a = b")
    found = error("E", "m", Label(place(page, "a"), "x"), Label(place(page, "b")), help="h")
    colored = render([found], color=True)
    assert "\x1b[1;31m" in colored
    for code in ("1", "1;31", "1;34", "0"):
        colored = colored.replace(f"\x1b[{code}m", "")
    assert colored == plain(found)


def test_nothing_of_the_page_reaches_the_terminal_as_a_command() -> None:
    page = source("a\x1b]0;x\x07 \x9b31m \x7f \u2028 \u2066", "na\x1bme\n.recon")
    found = error("E\x1b", "m\x1b[2J\n", Label(page.span(0, len(page.text)), "l\x1b"), help="h\x1b")
    shown = plain(found)
    assert all(c == "\n" or c.isprintable() for c in shown)
    assert shown.count("\n") == 4


def test_json() -> None:
    page = source("a = 1\nb = f(a,\n c)\n")
    found = error("E1", "m", Label(place(page, "f(a,\n c)"), "here"), Label(place(page, "a")), help="do")
    said = to_json(found)
    assert json.loads(json.dumps(said)) == said
    assert said == {
        "severity": "error", "code": "E1", "message": "m", "source": "knee.recon",
        "line": 2, "column": 5, "end_line": 3, "end_column": 4,
        "labels": [
            {"source": "knee.recon", "line": 2, "column": 5, "end_line": 3, "end_column": 4, "text": "here"},
            {"source": "knee.recon", "line": 1, "column": 1, "end_line": 1, "end_column": 2, "text": ""},
        ],
        "help": ["do"],
    }  # fmt: skip
    assert to_json(note("N", "m"))["line"] is None
