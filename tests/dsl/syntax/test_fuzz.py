"""Any text is a page or a SpecError; any tree is written so that it reads back."""

import unicodedata
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recon.dsl.diagnostics import SpecError
from recon.dsl.diagnostics.render import render, to_json
from recon.dsl.syntax.format import format_expression, format_page
from recon.dsl.syntax.parse import parse, parse_expression
from recon.dsl.syntax.source import Source, Span
from recon.dsl.syntax.tree import (
    Argument,
    Binary,
    Binding,
    Call,
    Clause,
    Compare,
    Dot,
    Expr,
    Follows,
    Index,
    Member,
    Name,
    Negative,
    Number,
    Quantity,
    Range,
    Sequence,
    Statement,
    Text,
    walk,
)

NOWHERE = Source("nowhere", "")
HERE = NOWHERE.span(0, 0)
APART = NOWHERE.span(1, 2)
ESTABLISHED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])

PAGE = """recon 1
## Sparse view.
param photons = 1e4    ## incident
data  ldct = folder("slices/*.png") { x = image * 0.02/mm }  # only x
image x : real[512, auto] { voxel = [1mm, 0.7mm]; unit = 1/mm }
forward A = M @ (F.H + 0.2 * S) {
  F = fft2(norm = "ortho", center = 8%)   # a comment
}
noise y ~ poisson(photons * exp(-A @ x)^2)
train ssdu(loss = l1 + l2) {
  optimizer = adam(lr = 3e-4, betas = [0, 0.9]); epochs = 50
  critic { every = 5 }
}
sweep grid { run.seed in 0..2; accel in 2..8 by 2 }
expect mean(psnr) >= 34dB
"""


def check(text: str) -> None:
    """The text parses, or is refused with errors at places inside it that can be shown."""
    source = Source("fuzz", text)
    try:
        tree = parse(source)
    except SpecError as stop:
        check_errors(stop, text)
        return
    for item in tree.items:
        check_spans(item, len(text))
    again = parse(Source("again", format_page(tree)))
    assert again == tree
    assert len(again.comments) == len(tree.comments)
    assert format_page(again) == format_page(tree)


def check_errors(stop: SpecError, text: str) -> None:
    """At least one error, each with places inside the text, shown without control characters."""
    assert stop.diagnostics
    for diagnostic in stop.diagnostics:
        assert diagnostic.labels
        assert to_json(diagnostic)["line"] >= 1
        for label in diagnostic.labels:
            assert 0 <= label.span.start <= label.span.end <= len(text)
    shown = render(stop.diagnostics, color=False)
    assert all(c == "\n" or c.isprintable() or unicodedata.category(c) == "Zs" for c in shown)


def check_spans(item: Statement | Binding | Clause, length: int) -> None:
    spans: list[Span] = [item.span]
    if item.value is not None:
        spans += [node.span for node in walk(item.value)]
    if isinstance(item, Statement):
        for inner in item.body or ():
            assert item.span.start < inner.span.start <= inner.span.end < item.span.end
            check_spans(inner, length)
    assert all(0 <= s.start < s.end <= length for s in spans)


@given(st.text(max_size=80))
@ESTABLISHED
def test_any_text(text: str) -> None:
    check(text)
    check("recon 1\n" + text)


WORDS = (
    PAGE.split() + list("()[]{};:,.=+-*/@^~<>#\n\"'\\ \t\r%") + ["..", "##", "in", "by", "x", "2", "0.5", "é", "\x1b"]
)


@given(st.lists(st.sampled_from(WORDS), max_size=40), st.sampled_from(["", " ", "\n"]))
@ESTABLISHED
def test_any_row_of_words(words: list[str], between: str) -> None:
    check("recon 1\n" + between.join(words))


@given(st.data())
@ESTABLISHED
def test_mutated_pages(data: st.DataObject) -> None:
    text = PAGE
    for _ in range(data.draw(st.integers(1, 4))):
        i = data.draw(st.integers(0, len(text)))
        j = data.draw(st.integers(i, min(len(text), i + 30)))
        k = data.draw(st.integers(0, len(text)))
        mutations: dict[str, Callable[[str, int, int, int], str]] = {
            "cut out": lambda t, i, j, k: t[:i] + t[j:],
            "double": lambda t, i, j, k: t[:j] + t[i:j] + t[j:],
            "move": lambda t, i, j, k: (t[:i] + t[j:])[:k] + t[i:j] + (t[:i] + t[j:])[k:],
            "cut off": lambda t, i, j, k: t[:k],
        }
        text = mutations[data.draw(st.sampled_from(sorted(mutations)))](text, i, j, k)
    check(text)


NAMES = st.sampled_from(["a", "x", "fista", "inner", "by_", "_", "A1"])
NUMBERS = st.sampled_from(["4", "2e-3", "0.5", "1E5"]).map(lambda t: Number(float(t), t, HERE))
QUANTITIES = st.sampled_from([("8", "%"), ("0.7", "mm"), ("10", "Å")]).map(
    lambda p: Quantity(float(p[0]), p[1], p[0] + p[1], HERE)
)
TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r"), max_size=6).map(
    lambda t: Text(t, HERE)
)


def grow(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """Every kind of node over given ones."""
    positional = st.lists(inner.map(lambda v: Argument(None, v, HERE)), max_size=2)
    keywords = st.dictionaries(NAMES, inner, max_size=2).map(lambda d: [Argument(k, v, HERE) for k, v in d.items()])
    arguments = st.tuples(positional, keywords).map(lambda p: tuple(p[0] + p[1]))
    several = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Binary, st.sampled_from("+-*/@^"), inner, inner, st.just(HERE), st.sampled_from([HERE, APART])),
        st.builds(Negative, inner, st.just(HERE)),
        st.builds(Call, inner, arguments, st.just(HERE)),
        st.builds(Dot, inner, NAMES, st.just(HERE)),
        st.builds(Index, NAMES.map(lambda n: Name(n, HERE)), several.filter(bool), st.just(HERE)),
        st.builds(Sequence, several, st.just(HERE)),
        st.builds(Range, inner, inner, st.none() | inner, st.just(HERE)),
        st.builds(Follows, inner, inner, st.just(HERE)),
        st.builds(Member, inner, inner, st.just(HERE)),
        st.builds(Compare, st.sampled_from(["<=", ">=", "<", ">", "==", "!="]), inner, inner, st.just(HERE)),
    )


EXPRESSIONS: st.SearchStrategy[Expr] = st.recursive(
    NUMBERS | QUANTITIES | TEXTS | NAMES.map(lambda n: Name(n, HERE)), grow, max_leaves=12
)


@given(EXPRESSIONS)
@ESTABLISHED
def test_any_expression_reads_back(expr: Expr) -> None:
    text = format_expression(expr)
    again = parse_expression(Source("e", text))
    assert again == expr
    assert format_expression(again) == text


@given(st.data())
@ESTABLISHED
def test_any_page_keeps_its_meaning(data: st.DataObject) -> None:
    """Items of random expressions, with blanks, line ends and comments thrown between them."""

    def gap() -> str:
        return data.draw(st.sampled_from(["\n", "; ", "\n\n\n", "  # c\n", "\n# own\n", "\n  ## doc\n", " ## doc\n\n"]))

    def item(depth: int) -> str:
        value = format_expression(data.draw(EXPRESSIONS))
        shape = data.draw(st.sampled_from(["binding", "plain", "named", "clause" if depth else "plain", "body"]))
        if shape == "binding":
            return f"b = {value}"
        if shape == "named":
            return f"forward A = {value}"
        if shape == "clause":
            return "run.seed in [1, 2]"
        if shape == "body" and depth < 3:
            count = data.draw(st.integers(0, 3))
            inner = "".join(item(depth + 1) + gap() for _ in range(count))
            return f"method {value} {{{data.draw(st.sampled_from([' ', ' # c', '']))}{gap()}{inner}}}"
        return f"prior {value}"

    check("recon 1" + gap() + "".join(item(0) + gap() for _ in range(data.draw(st.integers(0, 4)))))
