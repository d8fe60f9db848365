"""What a user is told about a broken page: the code, the words and the place, for known slips and for every state."""

import re

import pytest
from recon.dsl.diagnostics import SpecError
from recon.dsl.syntax.automaton import Automaton, Start
from recon.dsl.syntax.codes import CODES
from recon.dsl.syntax.failure import Failure
from recon.dsl.syntax.lexing import Token
from recon.dsl.syntax.messages import explain
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.syntax.tables import tables

# (what stands under `recon 1`, code, words of the message, marked text, words of the help)
SLIPS = [
    ("x = $ 3", "RS003", "`$` means nothing here", "$", ""),
    ("x = f('a')", "RS003", "`'` means nothing", "'", "double quotes"),
    ("x = 3 × 4", "RS003", "`×`", "×", "`*`"),
    ("x = 8 %", "RS003", "`%`", "%", "touches its number"),
    ("x = \x1b[3", "RS003", "U+001B", "\x1b", ""),
    ("λ = 3", "RS003", "`λ` cannot be a name", "λ", "letters a to z"),
    ('x = "abc', "RS004", "never closed", '"abc', "same line"),
    ('x = "abc\\"', "RS004", "never closed", '"abc\\"', ""),
    (r'x = "a\qb"', "RS005", r"`\q`", r"\q", "escapes"),
    ("x = 4.", "RS006", "`4.` ends in a dot", "4.", "`4.0`"),
    ("x = .5", "RS006", "`.5` begins with a dot", ".5", "`0.5`"),
    ("x = 1.2.3", "RS006", "`1.2.3` is not a number", "1.2.3", "one decimal point"),
    ("x = 10_000", "RS006", "`10_000` is neither", "10_000", "`10000`"),
    ("x = 2x3", "RS006", "`2x3` is neither", "2x3", ""),
    ("x = 1e999", "RS007", "too large", "1e999", "1.8e308"),
    ("x = f(a, b\ny = 3", "RS008", "`(` is never closed", "(", "`)`"),
    ("metrics [a,", "RS008", "`[` is never closed", "[", "`]`"),
    ("m a { x = 1", "RS008", "`{` is never closed", "{", "`}`"),
    ("solver f(a = 3 { b = 1 }", "RS008", "`(` is never closed", "(", ""),
    ("m a { solver f(3 }", "RS008", "`(` is never closed", "(", ""),
    ("x = f(a; b)", "RS008", "`(` is still open", "(", "comma"),
    ("x = f(a, b]", "RS009", "`(` is closed by `]`", "]", "`)`"),
    ("x = a)", "RS009", "`)` closes nothing", ")", ""),
    ("m a { b } }", "RS009", "`}` closes nothing", "}", ""),
    ("x = A x", "RS010", "between `A` and `x`", "A x", "`A @ x`"),
    ("x = f (a)", "RS010", "between `f` and `(`", "f (", "without the blank"),
    ("x = real [3]", "RS010", "between `real` and `[`", "real [", "without the blank"),
    ("x = A.H[3]", "RS010", "between `H` and `[`", "H[", "plain name"),
    ("x = 2 mm", "RS010", "between `2` and `mm`", "2 mm", "`2mm`"),
    ("x = f(a) b", "RS010", "in front of `b`", ") b", "@ b"),
    ("x = f(a b)", "RS010", "between `a` and `b`", "a b", "comma"),
    ("forward A M @ F", "RS010", "between `A` and `M`", "A M", "`forward A = ...`"),
    ("image x real[3]", "RS010", "between `x` and `real`", "x real", "`image x : ...`"),
    ("forward A = M @", "RS011", "missing value after `@`", "@", ""),
    ("forward A =\nnoise y ~ f(x)", "RS011", "missing value after `=`", "=", ""),
    ("forward A = M *\nx = 3", "RS011", "missing value after `*`", "*", ""),
    ("x = [1,,2]", "RS011", "missing value after `,`", ",", ""),
    ("x = [,1]", "RS011", "in front of `,`", ",", ""),
    ("x = (a + )", "RS011", "missing value after `+`", "+", ""),
    ("x = a + * b", "RS011", "missing value after `+`", "+", ""),
    ("x = a.", "RS011", "missing name after `.`", ".", "`A.H`"),
    ("image x :", "RS011", "missing value after `:`", ":", ""),
    ("metrics[psnr]", "RS012", "`metrics` touches `[`", "metrics[", "`metrics [...]`"),
    ("m a { solver(3) }", "RS012", "`solver` touches `(`", "solver(", ""),
    ("x = f(a = 1, b)", "RS013", "without a name", "b", "in front of `a`"),
    ("x = f(a = 1, a = 2)", "RS014", "`a` is given twice", "a", ""),
    ("x ~ f(y)", "RS015", "begins with its kind", "x ~", "`prior x ~ ...`"),
    ("x in 0..1", "RS015", "begins with its kind", "x in", "`prior x in ...`"),
    ("x >= 3", "RS015", "begins with its kind", "x >=", "`expect x >= ...`"),
    ("3 * tv(x)", "RS015", "begins with its kind", "3", "`prior 10 * tv(x)`"),
    ("x : real[3]", "RS015", "needs its kind", "x", "`image x : real[...]`"),
    ("a.b = 3", "RS015", "begins with its kind", "a", "no dots"),
    ("m a { y ~ f(y) }", "RS015", "begins with its kind", "y ~", ""),
    ("x = f(a: 3)", "RS016", "`:` stands only", ":", "`a = ...`"),
    ("s { b : 3 }", "RS016", "`:` stands only", ":", "`b = ...`"),
    ("s { run.seed = 3 }", "RS016", "`=` gives a name its value", "=", "path in"),
    ("expect mean(psnr) = 34dB", "RS016", "`=` gives a name its value", "=", "`==` compares"),
    ("x = [a = 3]", "RS016", "`=` gives a name its value", "=", "list"),
    ("x == 3", "RS016", "`==` compares", "==", "`x = ...`"),
    ("x = a**2", "RS016", "`**` is not an operator", "**", "`a^b`"),
    ("x = a // b", "RS016", "`//` is not an operator", "//", "`#`"),
    ("x = a < b < c", "RS017", "comparisons cannot be chained", "<", "two claims"),
    ("x = a ~ b in c", "RS017", "`~` and `in` cannot be chained", "in", "brackets"),
    ("x = 0..1..2", "RS017", "ranges cannot be chained", "..", "by step"),
    ("x = 3 by 2", "RS017", "here is no range", "by", "a..b by step"),
    ("x = " + "a + " * 200 + "a", "RS018", "nests more than 100 deep", None, "names of their own"),
    ("m {" * 21 + "}" * 21, "RS018", "bodies nest", "{", ""),
    ("in = 3", "RS019", "`in` is a word of the language", "in", "`in_`"),
    ("x = f(by = 3)", "RS019", "`by` is a word of the language", "by", ""),
    ("x = 3 { a = 3 }", "RS020", "only a statement has a body", "{", "`forward x = ...`"),
    ("s { a in b { c = 1 } }", "RS020", "belongs to a statement", "{", ""),
    ("m a { } m b { }", "RS021", "ends at its `}`", "m", "line end or `;`"),
    ("m a { } + 3", "RS022", "expected the end of the statement, found `+`", "+", ""),
]  # fmt: skip
EDITIONS = [
    ("", "RS001", "does not say its edition"),
    ("image x : real[3]", "RS001", "does not say its edition"),
    ("x = 1\nrecon 1", "RS001", "must come first"),
    ("recon 1\nrecon 1", "RS001", "twice"),
    ("recon 99", "RS002", "edition 99 is not known"),
    ("recon 1 { }", "RS002", "stands alone"),
    ("recon", "RS002", "needs the number"),
]


def errors_of(text: str) -> SpecError:
    with pytest.raises(SpecError) as stop:
        parse(Source("page.recon", text))
    return stop.value


@pytest.mark.parametrize(("text", "code", "message", "marked", "help"), SLIPS, ids=[s[0][:30] for s in SLIPS])
def test_slips(text: str, code: str, message: str, marked: str | None, help: str) -> None:
    (found,) = errors_of("recon 1\n" + text).diagnostics
    assert found.code == code
    assert found.severity == "error"
    assert message in found.message
    assert marked is None or found.labels[0].span.text == marked
    assert help in "\n".join(found.help)


@pytest.mark.parametrize(("text", "code", "message"), EDITIONS)
def test_editions(text: str, code: str, message: str) -> None:
    (found,) = errors_of(text).diagnostics
    assert (found.code, message in found.message) == (code, True)


def test_labels_point_at_both_places() -> None:
    (found,) = errors_of("recon 1\nx = f(a = 1, a = 2)").diagnostics
    assert [(label.span.start, label.text) for label in found.labels] == [(21, "again"), (14, "first here")]


def test_every_code_has_a_slip_and_every_slip_a_code() -> None:
    assert {code for _, code, *_ in SLIPS} | {code for _, code, _ in EDITIONS} == set(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_the_examples_of_a_code_are_wrong_and_right(code: str) -> None:
    match = re.search(r"\nwrong:\n(.*)\nright:\n(.*)\Z", CODES[code], re.DOTALL)
    assert match is not None
    wrong, right = ("\n".join(line[2:] for line in part.split("\n")) for part in match.groups())
    edition = "" if code in ("RS001", "RS002") else "recon 1\n"
    if code == "RS018":  # said in words
        assert "..." in wrong
        return
    assert code in {d.code for d in errors_of(edition + wrong).diagnostics}
    assert parse(Source("right", edition + right))


TEXTS = {
    "NAME": "a", "NUMBER": "2", "QUANTITY": "3mm", "STRING": '"t"', "COMPARE": "<=", "IN": "in", "BY": "by",
    "EQUAL": "=", "COLON": ":", "COMMA": ",", "TILDE": "~", "DOTDOT": "..", "DOT": ".", "PLUS": "+", "MINUS": "-",
    "STAR": "*", "SLASH": "/", "AT": "@", "CARET": "^", "OPEN": "(", "CLOSE": ")", "OPEN_LIST": "[", "CLOSE_LIST": "]",
    "BODY_OPEN": "{", "BODY_CLOSE": "}", "END": ";", "CALL_OPEN": "(", "INDEX_OPEN": "[", "$END": "",
}  # fmt: skip


def _row(types: tuple[str, ...]) -> tuple[Source, list[Token]]:
    """Tokens of the given types side by side, with blanks between but where a bracket touches."""
    text, tokens = "", []
    for kind in types:
        text += "" if kind in ("CALL_OPEN", "INDEX_OPEN") else " "
        tokens.append(Token(kind, TEXTS[kind], len(text), len(text) + len(TEXTS[kind])))
        text += TEXTS[kind]
    return Source("row", text), tokens


def _shortest_ways(start: Start) -> dict[tuple[int, ...], tuple[str, ...]]:
    """For the states that tokens lead into, told apart by what lies below them, the fewest tokens that lead there."""
    ways: dict[tuple[int, ...], tuple[str, ...]] = {}
    queue: list[tuple[str, ...]] = [()]
    while queue:
        way = queue.pop(0)
        automaton = Automaton(start)
        for token in _row(way)[1]:
            automaton.feed(token)
        top = automaton.states[-2:]
        if top not in ways:
            ways[top] = way
            queue += [(*way, kind) for kind in TEXTS if kind != "$END" and automaton.fits(kind)]
    return ways


def test_every_state_has_a_message() -> None:
    """In each state each token that does not fit gets words a user knows, at a place in the page."""
    reached: set[int] = set()
    starts: tuple[Start, ...] = ("item", "expression")
    for start in starts:
        ways = _shortest_ways(start)
        reached |= {top[-1] for top in ways}
        for way in ways.values():
            for kind in TEXTS:
                automaton = Automaton(start)
                source, tokens = _row((*way, kind) if kind != "$END" else way)
                if not all(automaton.feed(t) for t in tokens[: len(way)]) or automaton.fits(kind):
                    continue
                found = explain(Failure(start, tokens, len(way), source))
                said = " ".join((found.message, *found.help, *(label.text for label in found.labels)))
                assert found.code in CODES
                assert found.message
                assert not re.search(r"\b[A-Z]{2,}(_[A-Z]+)*\b|\$END|\$root", said), said
                assert all(0 <= p.span.start <= p.span.end <= len(source.text) for p in found.labels)
    by_tokens = {move for state in tables().states for kind, move in state.items() if kind.isupper() and move >= 0}
    assert by_tokens <= reached
