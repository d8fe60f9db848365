"""Explanations: every word has what a user needs to use it, and its facts are those of the word."""

import json

import pytest
from recon.dsl import vocabulary
from recon.dsl.elaborate.reader import kind_in_words
from recon.dsl.show.explain import card_text, cards, example_word, listing_text, suggestion, words_by_kind
from recon.dsl.show.readable import readable
from recon.dsl.syntax.parse import parse, parse_expression
from recon.dsl.syntax.source import Source


def test_a_name_of_several_kinds_has_a_card_for_each() -> None:
    assert {c.kind for c in cards("gaussian")} == {"law", "kernel", "operator", "density"}
    assert cards("nothing") == []


@pytest.mark.parametrize("key", sorted(vocabulary.words()), ids="-".join)
def test_every_card_is_complete(key: tuple[str, str]) -> None:
    card = next(c for c in cards(key[1]) if c.kind == key[0])
    text = card_text(card)
    assert card.summary.endswith((".", ".)"))
    assert kind_in_words(key[0]) in text
    for p in card.parameters:
        assert p.takes
        assert "a value" not in p.takes or p.name in ("of", "mean", "show"), p
        assert p.description, f"{p.name} has no description"
        assert p.name in text
    assert json.loads(json.dumps(card.to_json()))["name"] == key[1]


@pytest.mark.parametrize("key", sorted(vocabulary.words()), ids="-".join)
def test_every_example_parses_and_uses_the_word(key: tuple[str, str]) -> None:
    cls = vocabulary.words()[key]
    if not cls.example:
        pytest.skip("it has none")
    assert cls.word in cls.example or key == ("set", "box")
    try:
        parse(Source("example", f"recon 1\n{cls.example}\n"))
    except Exception:
        parse_expression(Source("example", cls.example))


def test_parameters_show_type_unit_bounds_and_default() -> None:
    motion = {p.name: p for p in cards("motion")[0].parameters}
    assert motion["length"].takes == "a number > 0"
    assert motion["length"].default == ""
    assert motion["angle"].takes == "an angle such as `30deg`"
    assert motion["angle"].default == "0deg"
    assert motion["size"].takes == "a whole number > 0 or `auto`"
    cartesian = {p.name: p for p in cards("cartesian")[0].parameters}
    assert cartesian["accel"].takes == "a number >= 1"
    assert cartesian["center"].takes == "a number from 0 to 1"
    assert cartesian["lines"].takes.startswith("`random` or")


def test_facts_on_an_example_domain() -> None:
    (fft2,) = cards("fft2")
    assert [e.domain for e in fft2.examples] == ["complex[row 64, col 64]"]
    assert fft2.examples[0].facts == ("unitary", "|A| = 1")
    (wavelet,) = cards("wavelet")
    assert wavelet.examples[0].domain.startswith("real")
    assert example_word(vocabulary.words()["set", "nonnegative"]) is not None


@pytest.mark.parametrize(
    ("tex", "plain"),
    [
        (r"\frac{1}{2 \sigma^2} \|A x - y\|_2^2", "1/(2 sigma^2) |A x - y|_2^2"),
        (r"\hat x = A^H y", "x_hat = A^H y"),
        (r"v_i \ge 0", "v_i >= 0"),
        (r"\mathrm{prox}_{t g}(z)", "prox_(t g)(z)"),
        (r"m^{-1/2}", "m^(-1/2)"),
        (r"\cos\gamma \cdot y", "cos gamma * y"),
        (r"\arg\min_x p(x \mid y)", "argmin_x p(x | y)"),
        (r"8 \times 8", "8 x 8"),
    ],
)
def test_readable_formulas(tex: str, plain: str) -> None:
    assert readable(tex) == plain


def test_no_formula_keeps_a_backslash() -> None:
    for cls in vocabulary.words().values():
        assert "\\" not in readable(cls.formula), cls.word


def test_listing_and_suggestions() -> None:
    listing = listing_text()
    assert all(name in listing for _, name in vocabulary.words())
    assert sum(map(len, words_by_kind().values())) == len(vocabulary.words())
    assert suggestion("fistaa") == "fista"
    assert suggestion("foward") == "forward"
    assert suggestion("qqqqqqqqq") is None
