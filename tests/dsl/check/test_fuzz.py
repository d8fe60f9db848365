"""Random mutations of good pages, and random well-formed pages: a diagnosis or success, never another exception."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recon.dsl import vocabulary
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError
from recon.dsl.diagnostics.render import render
from recon.dsl.elaborate.names import RESERVED
from recon.dsl.elaborate.statements import SHAPES
from recon.dsl.model.units import UNITS

GOOD = Path(__file__).parent.parent.parent / "specs" / "good"
PAGES = [p.read_text(encoding="utf-8") for p in sorted(GOOD.glob("*.recon"))]
TOKEN = re.compile(r'"[^"]*"|\d[\w.%]*|\w+|\s+|\.\.|[<>=!]=|.', re.DOTALL)
WORDS = sorted({name for _, name in vocabulary.words()})
LONGEST = 5.0
"""Seconds that a check may take here; a page of this size takes a hundredth of one."""

spare = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from([*SHAPES, *RESERVED, "auto", "learned", "pi", "true", "x", "y", "A", "in", "by", "iterations"]),
    st.sampled_from([*"()[]{}=:,~@+-*/^;.#<>", "..", ">=", "\n", '"', "\\", "\t"]),
    st.sampled_from(
        ["0", "1", "-1", "0.5", "1e300", "1e9", "3.7", "0deg..180deg", "1..0", "0/0", "[1, 2]", "[]", "2^99"]
    ),
    st.builds(lambda n, u: f"{n}{u}", st.integers(-3, 300), st.sampled_from(list(UNITS))),
    st.text(max_size=4),
)


def fate(text: str) -> str:
    """What a page comes to: the codes of its errors, or "fine"."""
    start = time.perf_counter()
    try:
        found = load(text, "page.recon", GOOD).findings
        out = "fine"
    except SpecError as e:
        found = list(e.diagnostics)
        out = " ".join(d.code for d in found)
        assert any(d.severity == "error" for d in found)
    render(found, color=True)
    assert time.perf_counter() - start < LONGEST
    return out


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A good page with one to four tokens dropped, doubled, exchanged or replaced."""
    tokens = TOKEN.findall(draw(st.sampled_from(PAGES)))
    for _ in range(draw(st.integers(1, 4))):
        i = draw(st.integers(0, len(tokens) - 1))
        j = draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from(["drop", "double", "swap", "replace", "insert", "copy"])):
            case "drop" if len(tokens) > 1:
                del tokens[i]
            case "double":
                tokens.insert(i, tokens[i])
            case "swap":
                tokens[i], tokens[j] = tokens[j], tokens[i]
            case "replace":
                tokens[i] = draw(spare)
            case "insert":
                tokens.insert(i, draw(spare))
            case _:
                tokens[i] = tokens[j]
    return "".join(tokens)


@st.composite
def shuffled(draw: st.DrawFn) -> str:
    """Lines of two good pages, mixed."""
    lines = [
        line for page in draw(st.lists(st.sampled_from(PAGES), min_size=2, max_size=2)) for line in page.split("\n")
    ]
    chosen = draw(st.lists(st.sampled_from(lines[1:]), max_size=25))
    return "\n".join(["recon 1", *chosen])


names = st.sampled_from(["x", "y", "z", "A", "B", "lam", "W", "s"])
numbers = st.sampled_from(["0", "1", "2.5", "8", "64", "8%", "3mm", "30deg", "20dB", "lam", "1/2", "-1", "0..1"])


def _binary(a: str, op: str, b: str) -> str:
    return f"({a} {op} {b})"


def expressions() -> st.SearchStrategy[str]:
    """Expressions that the grammar admits, whatever they mean."""
    leaf = st.one_of(names, numbers, st.sampled_from(WORDS), st.sampled_from(["auto", "estimate", "learned", '"db4"']))

    def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        keyword = st.builds(
            lambda k, v: f"{k} = {v}", st.sampled_from(["sigma", "of", "keep", "iterations", "axis"]), inner
        )
        return st.one_of(
            st.builds(_binary, inner, st.sampled_from([*"+-*/^@~", "in", ">="]), inner),
            st.builds(lambda f, a: f"{f}({', '.join(a)})", st.sampled_from(WORDS), st.lists(inner, max_size=2)),
            st.builds(lambda f, a, k: f"{f}({a}, {k})", st.sampled_from(WORDS), inner, keyword),
            st.builds(lambda a: f"[{', '.join(a)}]", st.lists(inner, max_size=3)),
            st.builds(lambda a, m: f"{a}.{m}", names, st.sampled_from(["H", "T", "estimate", "psnr", "b"])),
            st.builds(lambda a: f"-{a}", inner),
        )

    return st.recursive(leaf, grown, max_leaves=8)


def _statement(kind: str, name: str, value: str, body: str) -> str:
    shape = SHAPES[kind]
    head = {"name =": f"{kind} {name} = {value}", "name :": f"{kind} {name} : real[{value}, 8]"}
    head |= {"name": f"{kind} {name}", "value": f"{kind} {value}", "body": kind}
    bodies = {"none": "", "clauses": f" {{ {name} in {value} }}", "statements": f" {{ prior {body}; solver fista }}"}
    return head[shape.head] + bodies.get(shape.body, f" {{ {name} = {body} }}" if name in "sW" else "")


@st.composite
def composed(draw: st.DrawFn) -> str:
    """A page of random statements whose shapes are right."""
    parts = st.builds(_statement, st.sampled_from(list(SHAPES)), names, expressions(), expressions())
    bindings = st.builds(lambda n, v: f"{n} = {v}", names, expressions())
    usual = ["image x : real[8, 8]", "noise y ~ gaussian(A @ x, sigma = 1)", "prior lam * tv(x)", "A = identity()"]
    lines = draw(st.lists(st.one_of(parts, bindings, st.sampled_from(usual)), max_size=8))
    return "\n".join(["recon 1", *lines])


checked = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@checked
@given(mutated())
def test_a_mutated_page_is_diagnosed(text: str) -> None:
    fate(text)


@checked
@given(shuffled())
def test_mixed_lines_are_diagnosed(text: str) -> None:
    fate(text)


@checked
@given(composed())
def test_a_random_page_is_diagnosed(text: str) -> None:
    fate(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.split("\n")[1][:30])
def test_the_pages_that_are_mutated_are_fine(page: str) -> None:
    assert fate(page) == "fine"
