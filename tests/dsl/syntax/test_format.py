"""The canonical layout: it says the same, keeps every comment, and is a fixed point."""

from pathlib import Path

import pytest
from recon.dsl.syntax.format import WIDTH, format_expression, format_page
from recon.dsl.syntax.parse import parse, parse_expression
from recon.dsl.syntax.source import Source
from recon.dsl.syntax.tree import Binding, Item, Statement

GALLERY = sorted((Path(__file__).parents[3] / "specs").rglob("*.recon"))


def formatted(text: str) -> str:
    return format_page(parse(Source("page.recon", text)))


def docs(items: tuple[Item, ...]) -> list[object]:
    return [
        (item.doc, docs(item.body or ()) if isinstance(item, Statement) else None)
        for item in items
        if isinstance(item, Statement | Binding)
    ]


def check_round_trip(text: str) -> str:
    """Formatting keeps the tree, the comments and the docs, and formatting again changes nothing."""
    before = parse(Source("before", text))
    once = format_page(before)
    after = parse(Source("after", once))
    assert after == before
    assert sorted(c.text for c in after.comments) == sorted(c.text for c in before.comments)
    assert docs(after.items) == docs(before.items)
    assert format_page(after) == once
    return once


LAYOUTS = [
    ("recon 1", "recon 1\n"),
    ("# top\n\n\nrecon   1 ; x=1;y=2 # end", "# top\n\nrecon 1\nx = 1\ny = 2  # end\n"),
    ("recon 1  # edition\n\n\n\nx = 1\n", "recon 1  # edition\n\nx = 1\n"),
    ("recon 1\nimage   x:real[ 3,4 ]{ voxel=1mm }", "recon 1\nimage x : real[3, 4] { voxel = 1mm }\n"),
    ("recon 1\nprior -2*tv(x)^ 2 @ y", "recon 1\nprior -2 * tv(x)^2 @ y\n"),
    ("recon 1\nx = ((a+b))*c + (d*e) - (f - g)", "recon 1\nx = (a + b) * c + d * e - (f - g)\n"),
    ("recon 1\nx = 0 .. 9 by 3; y = a+1..b", "recon 1\nx = 0..9 by 3\ny = a + 1 .. b\n"),
    ("recon 1\nx = image*0.02/mm; y = a / b", "recon 1\nx = image * 0.02/mm\ny = a / b\n"),
    ("recon 1\nm a { }", "recon 1\nm a {}\n"),
    ("recon 1\nm a{b=1;c=2;}", "recon 1\nm a { b = 1; c = 2 }\n"),
    ("recon 1\nm a{b=1\n\n\nc=2;d=3}", "recon 1\nm a {\n  b = 1\n\n  c = 2\n  d = 3\n}\n"),
    ("recon 1\nm a {{0}\n}".replace("{0}", " # why"), "recon 1\nm a {  # why\n}\n"),
    ("recon 1\nm a\n{ # why\n b # c\n # last\n} # end", "recon 1\nm a {  # why\n  b  # c\n  # last\n}  # end\n"),
    ("recon 1\nm a # one\n{ # two\n b }", "recon 1\nm a {  # one\n  # two\n  b\n}\n"),
    ("recon 1\nx = f(a, # one\n      b)  # two\n", "recon 1\nx = f(a, # one\n      b)  # two\n"),
    ("recon 1\nm { n { o { p } }; q in [1] }", "recon 1\nm { n { o { p } }; q in [1] }\n"),
    ('recon 1\nx = "a\\"\\\\\\n\\té"', 'recon 1\nx = "a\\"\\\\\\n\\té"\n'),
    ("recon 1\nx = (A @ B).H; y = (-a)^2; z = -a^2", "recon 1\nx = (A @ B).H\ny = (-a)^2\nz = -a^2\n"),
]


@pytest.mark.parametrize(("text", "laid_out"), LAYOUTS)
def test_layout(text: str, laid_out: str) -> None:
    assert check_round_trip(text) == laid_out


def test_a_long_list_breaks_in_its_brackets() -> None:
    short, long = ", ".join(f"metric_{i}" for i in range(8)), [f"a_metric_of_some_length_{i}" for i in range(4)]
    assert check_round_trip(f"recon 1\nmetrics [{short}] {{ of = abs(estimate) }}") == (
        f"recon 1\nmetrics [{short}] {{\n  of = abs(estimate)\n}}\n"
    )
    pair = f"{'a' * 47}, {'b' * 48}"
    assert check_round_trip(f"recon 1\nm [{pair}]") == f"recon 1\nm [\n  {pair}\n]\n"
    lines = "".join(f"\n  {name}," for name in long).rstrip(",")
    assert check_round_trip(f"recon 1\nm [{', '.join(long)}]") == f"recon 1\nm [{lines}\n]\n"


def test_nothing_that_can_break_runs_over() -> None:
    text = "recon 1\nmethod m { solver f(" + ", ".join(f"option_{i} = g(a + {i}, b)" for i in range(40)) + ") }"
    assert max(map(len, check_round_trip(text).splitlines())) <= WIDTH


def test_a_body_too_long_for_a_line_gets_one_line_each() -> None:
    text = f"recon 1\nm a {{ b = {'x' * 60}; c = {'y' * 60} }}  # why"
    assert check_round_trip(text) == f"recon 1\nm a {{\n  b = {'x' * 60}\n  c = {'y' * 60}\n}}  # why\n"


MORE = [
    "recon 1\n## doc\nparam a = 1 ## more\n## next\nb = 2",
    "recon 1\nx = [\n  # first\n  1,\n  2, # two\n]\ny = 3",
    "recon 1\nm a { # c\n x = f(1,\n  # inside\n 2)\n y = 3 }",
    "recon 1\nx = a # one\n  + b # two\n# three\n",
    "recon 1\nm {\n\n# alone\n\n}\n# end",
    "recon 1\nm a { n b { # deep\n c = 1 } ; d = 2 } # end",
    "recon 1\r\nx = 1 # c\r\n\r\n\r\ny = f(a, # d\r\n b)\r\n",
    "\ufeff# bom\nrecon 1\n\tx\t=\t1",
    "recon 1\nx = (real[3])(y) @ (2).H @ (f(a)).b @ (3mm)^-2^x",
    "recon 1\nprior 0.2 * (x ~ flow(f)) + (a <= b) - (0..1)",
    "recon 1\nm a # x\n # y\n { b\n }",
    "#\nrecon 1 #\n#\nm { #\n #\n } #\n#",
]


@pytest.mark.parametrize("text", MORE)
def test_round_trip(text: str) -> None:
    check_round_trip(text)


@pytest.mark.parametrize("file", GALLERY, ids=[f.stem for f in GALLERY])
def test_gallery(file: Path) -> None:
    check_round_trip(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    ["a @ b * c", "a @ (b * c)", "a - (b - c)", "(a^b)^c", "a^b^c", "-(a + b)", "(a ~ b) in c", "a <= (b <= c)",
     "(0..1)..2", "0..1 by (2..3)", "f(a = b <= c, d = [1, [2]])", "--a", "2^-x"],
)  # fmt: skip
def test_minimal_brackets(text: str) -> None:
    said = format_expression(parse_expression(Source("e", text)))
    assert parse_expression(Source("e", said)) == parse_expression(Source("e", text))
    assert said == text
