"""The tree of pages and expressions: shape, precedence, line ends, docs, limits, speed."""

import time

import pytest
from recon.dsl.diagnostics import SpecError
from recon.dsl.syntax.format import format_expression
from recon.dsl.syntax.parse import parse, parse_expression
from recon.dsl.syntax.source import Source
from recon.dsl.syntax.tree import (
    Binary,
    Binding,
    Call,
    Clause,
    Dot,
    Expr,
    Follows,
    Index,
    Item,
    Member,
    Name,
    Negative,
    Number,
    Page,
    Quantity,
    Range,
    Statement,
    Text,
)

PAGE = """recon 1
## Multi-coil knee MRI.
experiment "knee"
param lam   = 20             ## weight of the prior
data  knee = "hf://d" { split = "test"; y = M @ kspace }
image x : complex[320, auto] { range = 0..1 }
forward A = M @ F {
  F = fft2(norm = "ortho")   # orthonormal
}
noise y ~ gaussian(A @ x, sigma = estimate)
simulate { noise y ~ poisson(x) }
method smooth { prior 10 * tv(x); solver pdhg(iterations = 300) }
sweep grid { lam in [2, 4]; run.seed in 0..2 }
metrics [psnr, ssim]
"""


def page(text: str) -> Page:
    return parse(Source("page.recon", text))


def items(text: str) -> tuple[Item, ...]:
    return page("recon 1\n" + text).items


def expression(text: str) -> Expr:
    return parse_expression(Source("--set", text))


def codes(text: str) -> list[str]:
    with pytest.raises(SpecError) as stop:
        page(text)
    return [d.code for d in stop.value.diagnostics]


def grouped(expr: Expr) -> str:
    """The expression with brackets around every operation."""
    match expr:
        case Binary(op=op, left=left, right=right):
            return f"({grouped(left)}{op}{grouped(right)})"
        case Negative(operand=operand):
            return f"(-{grouped(operand)})"
        case Range(start=start, stop=stop, step=step):
            return f"({grouped(start)}..{grouped(stop)}{'' if step is None else ' by ' + grouped(step)})"
        case Follows(left=left, law=law):
            return f"({grouped(left)}~{grouped(law)})"
        case Member(left=left, set=choices):
            return f"({grouped(left)} in {grouped(choices)})"
        case _:
            return format_expression(expr)


def test_statements_of_a_page() -> None:
    tree = page(PAGE)
    assert tree.edition == 1
    kinds = [item.kind for item in tree.items if isinstance(item, Statement)]
    assert " ".join(kinds) == "experiment param data image forward noise simulate method sweep metrics"
    experiment, param, data, image, forward, noise, simulate, method, sweep, metrics = tree.items
    assert experiment == Statement("experiment", None, "", Text("knee", None), None, None, None)  # type: ignore[arg-type]
    assert isinstance(param, Statement)
    assert (param.name, param.joint) == ("lam", "=")
    assert isinstance(image, Statement)
    assert (image.name, image.joint) == ("x", ":")
    assert isinstance(image.value, Index)
    assert [format_expression(i) for i in image.value.items] == ["320", "auto"]
    assert isinstance(noise, Statement)
    assert noise.body is None
    assert isinstance(noise.value, Follows)
    assert isinstance(simulate, Statement)
    assert simulate.value is None
    assert simulate.body is not None
    assert isinstance(method, Statement)
    assert isinstance(method.value, Name)
    assert method.name is None
    assert [type(i) for i in method.body or ()] == [Statement, Statement]
    assert isinstance(sweep, Statement)
    assert [type(i) for i in sweep.body or ()] == [Clause, Clause]
    assert isinstance(data, Statement)
    assert [i.name for i in data.body or () if isinstance(i, Binding)] == ["split", "y"]
    assert isinstance(forward, Statement)
    assert forward.span.text.endswith("}")
    assert isinstance(metrics, Statement)
    assert metrics.span.text == "metrics [psnr, ssim]"


def test_docs_and_comments() -> None:
    tree = page(PAGE)
    docs = {i.kind: i.doc for i in tree.items if isinstance(i, Statement) and i.doc}
    assert docs == {"experiment": "Multi-coil knee MRI.", "param": "weight of the prior"}
    assert [c.text for c in tree.comments] == ["## Multi-coil knee MRI.", "## weight of the prior", "# orthonormal"]
    assert all(c.span.text == c.text for c in tree.comments)


def test_docs_of_several_lines_and_in_bodies() -> None:
    a, b, c = items("## one\n## two\na = 1\n\n## far\n\nb = 2\nrun { ## runs\n  seed = 3 ## the seed\n} ## end\n")
    assert isinstance(a, Binding)
    assert a.doc == "one\ntwo"
    assert isinstance(b, Binding)
    assert b.doc == ""
    assert isinstance(c, Statement)
    assert c.doc == "runs\nend"
    assert c.body is not None
    assert isinstance(c.body[0], Binding)
    assert c.body[0].doc == "the seed"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a + b - c", "((a+b)-c)"),
        ("a @ b * c / d", "(((a@b)*c)/d)"),
        ("a + b @ c", "(a+(b@c))"),
        ("-x^2", "(-(x^2))"),
        ("a^b^c", "(a^(b^c))"),
        ("2^-x", "(2^(-x))"),
        ("-a * b", "((-a)*b)"),
        ("a - -b", "(a-(-b))"),
        ("0..n + 1 by 2 * k", "(0..(n+1) by (2*k))"),
        ("x in 0..1", "(x in (0..1))"),
        ("y ~ a + b", "(y~(a+b))"),
        ("A.H @ f(x).y", "(A.H@f(x).y)"),
        ("(a + b) * c", "((a+b)*c)"),
        ("inner @ bypass", "(inner@bypass)"),
    ],
)
def test_precedence(text: str, meaning: str) -> None:
    assert grouped(expression(text)) == meaning


def test_comparison_is_loosest() -> None:
    assert format_expression(expression("(a ~ b) <= (c in d)")) == "a ~ b <= c in d"


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [("8%", 8, "%"), ("34dB", 34, "dB"), ("0.7mm", 0.7, "mm"), ("10Å", 10, "Å"), ("2e3µm", 2000, "µm"),
     ("2e", 2, "e"), ("90°", 90, "°"), ("2x", 2, "x")],
)  # fmt: skip
def test_quantities(text: str, value: float, unit: str) -> None:
    assert expression(text) == Quantity(value, unit, text, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["4", "2e-3", "0.5", "1E5", "2e3", "007", "1.5e+2"])
def test_numbers(text: str) -> None:
    node = expression(text)
    assert isinstance(node, Number)
    assert node.value == float(text)
    assert node.text == text


def test_a_unit_below_a_stroke_is_a_quotient() -> None:
    node = expression("0.02/mm")
    assert isinstance(node, Binary)
    assert (node.op, node.right) == ("/", expression("mm"))


def test_strings() -> None:
    assert expression(r'"a\"b\\c\nd\te # no comment; {"') == Text('a"b\\c\nd\te # no comment; {', None)  # type: ignore[arg-type]


def test_calls_and_dots() -> None:
    node = expression("G(z)(1, b = [2, 3,],).H")
    assert isinstance(node, Dot)
    assert node.member == "H"
    assert isinstance(node.base, Call)
    assert isinstance(node.base.function, Call)
    assert [a.name for a in node.base.arguments] == [None, "b"]
    assert node.base.arguments[1].name_span is not None
    assert node.base.arguments[1].name_span.text == "b"


def test_spans_cover_what_was_written() -> None:
    (item,) = items("x = (a + b) * f(c)\n")
    assert isinstance(item, Binding)
    assert isinstance(item.value, Binary)
    assert (item.span.text, item.name_span.text, item.value.op_span.text) == ("x = (a + b) * f(c)", "x", "*")
    assert item.value.left.span.text == "(a + b)"


@pytest.mark.parametrize(
    "text",
    [
        "x = a + b",
        "x = a +\n  b",
        "x = a\n  + b",
        "x =\n\n  a # why\n  + b",
        "x = (a\n+ b\n)",
        "x = a + b;",
        ";;x = a + b\n;\n",
        "x = a + b\r\n",
        "\ufeffx = a + b",
        "x\t=\ta\u00a0+ b",
        "x = a +\nb",
    ],
)
def test_line_ends(text: str) -> None:
    assert items(text) == items("x = a + b")


def test_a_brace_on_the_next_line_continues() -> None:
    assert items("run\n{\n seed = 1\n\n\n device = auto }") == items("run { seed = 1; device = auto }")


def test_bodies_need_no_indentation() -> None:
    assert items("run {\nseed = 1\ndevice = auto\n}") == items("run { seed = 1; device = auto }")


def test_lists_over_lines() -> None:
    assert items("metrics [\n  psnr,\n  ssim,\n]") == items("metrics [psnr, ssim]")


def test_a_name_at_the_margin_ends_open_brackets() -> None:
    with pytest.raises(SpecError) as stop:
        page("recon 1\nsolver fista(iterations = 60,\nmetrics [psnr]\nx = = 2\n")
    assert [(d.code, repr(d.labels[0].span)) for d in stop.value.diagnostics] == [
        ("RS008", "page.recon:2:13"),
        ("RS011", "page.recon:4:3"),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a b c\nx = = 1\nok = 1\n3\n", ["RS010", "RS011", "RS015"]),
        ("a =\nb = c d\n", ["RS011", "RS010"]),
        ("m a {\n x = 1\nb = c d\nc = 1\nd = )", ["RS008", "RS010", "RS011"]),
        ('a = "x\nb = 1e999\nc = λ', ["RS004", "RS007", "RS003"]),
        ("m a { b c d\n e }\nx = = 1", ["RS010", "RS011"]),
        ("a = b }\nc = d }", ["RS009", "RS009"]),
    ],
)
def test_each_broken_statement_has_its_error(text: str, found: list[str]) -> None:
    assert codes("recon 1\n" + text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [("", ["RS001"]), ("x = 1", ["RS001"]), ("x = 1\nrecon 1", ["RS001"]), ("recon 1\nrecon 1", ["RS001"]),
     ("recon 2", ["RS002"]), ("recon", ["RS002"]), ("recon 1 {}", ["RS002"]), ("recon 1mm", ["RS002"])],
)  # fmt: skip
def test_editions(text: str, found: list[str]) -> None:
    assert codes(text) == found


def test_recon_is_an_ordinary_name_elsewhere() -> None:
    assert items("recon = 3\n") == (Binding("recon", Number(3, "3", None), None, None),)  # type: ignore[arg-type]


@pytest.mark.parametrize("unit", ["-", "a+", "a^", "f(", "[", "-(", "a ~ (", "a@"])
def test_depth_is_bounded_without_recursion(unit: str) -> None:
    closing = {"(": ")", "[": "]"}

    def text(times: int) -> str:
        return "x = " + unit * times + "a" + closing.get(unit[-1], "") * times

    assert items(text(49))
    assert codes("recon 1\n" + text(20_000)) == ["RS018"]


def test_brackets_alone_do_not_deepen() -> None:
    assert items("x = " + "(" * 5000 + "a" + ")" * 5000) == items("x = a")


def test_deep_bodies() -> None:
    assert items("a {" * 20 + "}" * 20)
    assert codes("recon 1\n" + "a {" * 20_000 + "}" * 200_000) == ["RS018"]


def test_the_deepest_tree_survives_comparison_and_printing() -> None:
    text = "x = " + "f(a = " * 98 + "b" + ")" * 98
    assert items(text) == items(text)
    assert repr(items(text))
    assert hash(items(text))


def test_an_expression_alone() -> None:
    assert expression("\n[1, 2]\n") == expression("[1,2]")
    for wrong in ("", "a = 1", "a; b", "a\nb", "a b", "{}", "x }"):
        with pytest.raises(SpecError):
            expression(wrong)


def test_many_errors_are_cut_off() -> None:
    assert len(codes("recon 1\n" + "x = =\n" * 1000)) == 50


def test_a_megabyte_takes_seconds() -> None:
    body = PAGE.partition("\n")[2]
    text = "recon 1\n" + body * (1_000_000 // len(body) + 1)
    began = time.process_time()
    tree = page(text)
    assert time.process_time() - began < 10
    assert len(tree.items) == 10 * (1_000_000 // len(body) + 1)
