"""Characters to tokens, and line ends to statement ends.

A line end or `;` ends a statement, except inside ( ) and [ ], behind an operator and in front of one (`=`, `,` and `:`
count as operators), and in front of `{`. A name in column 1 ends any bracket left open, so that the error stands where
the bracket is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from ..diagnostics import Diagnostic, error
from .source import Source, Span
from .tables import tables

SIGNS = {
    "EQUAL",
    "COLON",
    "COMMA",
    "TILDE",
    "DOTDOT",
    "DOT",
    "PLUS",
    "MINUS",
    "STAR",
    "SLASH",
    "AT",
    "CARET",
    "COMPARE",
}
OPERATORS = frozenset(SIGNS | {"IN", "BY"})
JOINS_NEXT_LINE = OPERATORS | {"BODY_OPEN"}
JOINS_LAST_LINE = OPERATORS | {"BODY_OPEN", "BODY_CLOSE"}
NUMBER_PARTS = re.compile(r"([0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(.*)", re.DOTALL)
CLOSED_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


class Token(NamedTuple):
    """A terminal of the grammar, its text and its place [start, end). UNKNOWN is a run of characters of no terminal."""

    type: str
    text: str
    start: int
    end: int

    def span(self, source: Source) -> Span:
        return Span(self.start, self.end, source)


class RawComment(NamedTuple):
    """A comment with its `#`; `alone` where nothing else stands on its line."""

    text: str
    start: int
    end: int
    alone: bool


@dataclass
class Lexed:
    """The tokens and comments of a source, and what is wrong inside single tokens.

    `docs_behind[e]` is the `##` text that follows, on the same line, a token that ends at e. `docs_on_line[n]` is the
    `##` text that has line n to itself.
    """

    tokens: list[Token] = field(default_factory=list)
    comments: list[RawComment] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)
    docs_behind: dict[int, str] = field(default_factory=dict)
    docs_on_line: dict[int, str] = field(default_factory=dict)


@cache
def _scanner() -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in tables().terminals))


def at_margin(source: Source, token: Token) -> bool:
    """Whether the token is a name in column 1."""
    return token.type == "NAME" and (token.start == 0 or source.text[token.start - 1] == "\n")


def lex(source: Source) -> Lexed:
    """The tokens of a source, with END where a statement ends. Never fails: findings say what is wrong in a token."""
    out = Lexed()
    tokens = out.tokens
    brackets = 0  # open ( and [
    ending: Token | None = None  # a statement end that the next token may still take back
    forced = False  # whether it stands, come what may: `;`, or a name in column 1 with a bracket open
    for token in _scan(source):
        kind = token.type
        if kind == "COMMENT":
            _comment(source, token, out)
            continue
        if kind == "LINE":
            if not brackets and ending is None:
                ending = Token("END", "\n", token.start, token.start)
            continue
        if kind == "END":
            if brackets:
                tokens.append(token)
            elif not forced:
                ending, forced = token, True
            continue
        if brackets and at_margin(source, token):
            brackets = 0
            ending, forced = Token("END", "\n", token.start - 1, token.start - 1), True
        if ending is not None:
            last = tokens[-1].type if tokens else "BODY_OPEN"
            joined = last in JOINS_NEXT_LINE or kind in JOINS_LAST_LINE
            if last != "BODY_OPEN" and kind != "BODY_CLOSE" and (forced or not joined):
                tokens.append(ending)
            ending, forced = None, False
        if kind in ("OPEN", "OPEN_LIST"):
            brackets += 1
            token = _touching(token, tokens)
        elif kind in ("CLOSE", "CLOSE_LIST"):
            brackets = max(0, brackets - 1)
        elif kind == "NUMBER":
            token = _number(source, token, out.findings)
        elif kind == "STRING":
            _string(source, token, out.findings)
        elif kind == "NAME":
            token = _name(source, token, out.findings)
        tokens.append(token)
    return out


def _scan(source: Source) -> list[Token]:
    """Everything in the text but blanks; characters that fit nothing become UNKNOWN."""
    found = []
    text, position = source.text, 0
    for match in _scanner().finditer(text):
        start, end = match.span()
        if start > position:
            found.append(Token("UNKNOWN", text[position:start], position, start))
        if match.lastgroup != "BLANK":
            found.append(Token(match.lastgroup or "", match.group(), start, end))
        position = end
    if position < len(text):
        found.append(Token("UNKNOWN", text[position:], position, len(text)))
    return found


def _touching(token: Token, tokens: list[Token]) -> Token:
    """A bracket that touches what it calls or indexes is another terminal than one that stands alone."""
    if tokens and tokens[-1].end == token.start:
        if token.type == "OPEN" and tokens[-1].type in ("NAME", "CLOSE"):
            return token._replace(type="CALL_OPEN")
        if token.type == "OPEN_LIST" and tokens[-1].type == "NAME":
            return token._replace(type="INDEX_OPEN")
    return token


def _comment(source: Source, token: Token, out: Lexed) -> None:
    text = token.text.rstrip()
    line, column = source.position(token.start)
    alone = not source.text[token.start - column + 1 : token.start].strip(" \t\r\f\u00a0\ufeff")
    out.comments.append(RawComment(text, token.start, token.start + len(text), alone))
    if text.startswith("##"):
        doc = text[2:].strip()
        if alone:
            out.docs_on_line[line] = doc
        elif out.tokens:
            out.docs_behind[out.tokens[-1].end] = doc


def split_number(text: str) -> tuple[float, str]:
    """The value of a number and what stands right behind it: `0.7mm` is 0.7 and `mm`."""
    match = NUMBER_PARTS.match(text)
    assert match is not None
    return float(match[1]), match[2]


def _number(source: Source, token: Token, findings: list[Diagnostic]) -> Token:
    value, unit = split_number(token.text)
    span = token.span(source)
    if value == float("inf"):
        findings.append(
            error(
                "RS007", f"`{_short(token.text)}` is too large for a number", span, help="numbers reach about 1.8e308"
            )
        )
    if not unit:
        return token
    if unit != "%" and not unit.replace("°", "d").isalpha():
        digits = token.text.replace("_", "")
        fix = f"write `{digits}`" if digits.isdigit() else "put an operator behind the number, or mend the unit"
        findings.append(
            error("RS006", f"`{_short(token.text)}` is neither a number nor a number with a unit", span, help=fix)
        )
    return token._replace(type="QUANTITY")


def _string(source: Source, token: Token, findings: list[Diagnostic]) -> None:
    if not CLOSED_STRING.fullmatch(token.text):
        findings.append(
            error(
                "RS004", "this text is never closed", token.span(source), help='write `"` at its end, on the same line'
            )
        )
        return
    for match in re.finditer(r"\\(.)", token.text, re.DOTALL):
        if match[1] not in ESCAPES:
            start = token.start + match.start()
            findings.append(
                error(
                    "RS005",
                    f"`{match[0]}` means nothing in a text",
                    Span(start, start + 2, source),
                    help=r"the escapes are `\"`, `\\`, `\n` and `\t`; write `\\` for a backslash",
                )
            )


def unescape(text: str) -> str:
    """What a string in double quotes says."""
    inner = text[1:-1] if CLOSED_STRING.fullmatch(text) else text[1:]
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), inner, flags=re.DOTALL)


def _name(source: Source, token: Token, findings: list[Diagnostic]) -> Token:
    if not token.text.isascii():
        findings.append(
            error(
                "RS003",
                f"`{_short(token.text)}` cannot be a name",
                token.span(source),
                help="names are made of the letters a to z and A to Z, digits and `_`",
            )
        )
    keyword = tables().keywords.get(token.text)
    return token._replace(type=keyword) if keyword else token


def _short(text: str) -> str:
    return text if len(text) <= 30 else text[:27] + "..."
