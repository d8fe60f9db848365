"""A parse that stopped, and what the rules of `messages.py` ask about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from .automaton import Start, expected
from .lexing import Token
from .source import Source, Span

OPENS = {"OPEN": "CLOSE", "CALL_OPEN": "CLOSE", "OPEN_LIST": "CLOSE_LIST", "INDEX_OPEN": "CLOSE_LIST"}
ALL_OPENS = {**OPENS, "BODY_OPEN": "BODY_CLOSE"}
CLOSES = frozenset(ALL_OPENS.values())
BRACKETS = {"CLOSE": ")", "CLOSE_LIST": "]", "BODY_CLOSE": "}"}
OPERANDS = frozenset(["NAME", "NUMBER", "QUANTITY", "STRING", "OPEN", "OPEN_LIST", "CALL_OPEN", "INDEX_OPEN"])


@dataclass(frozen=True)
class Failure:
    """A parse that stopped: `tokens[index]` does not fit, and `index == len(tokens)` is the end."""

    start: Start
    tokens: Sequence[Token]
    index: int
    source: Source

    @cached_property
    def token(self) -> Token:
        """The token that does not fit, `$END` at the end."""
        if self.index < len(self.tokens):
            return self.tokens[self.index]
        at = self.tokens[-1].end if self.tokens else 0
        return Token("$END", "", at, at)

    @cached_property
    def before(self) -> Token | None:
        return self.tokens[self.index - 1] if self.index else None

    @cached_property
    def after(self) -> Token | None:
        return self.tokens[self.index + 1] if self.index + 1 < len(self.tokens) else None

    @cached_property
    def expected(self) -> frozenset[str]:
        return expected(self.start, self.tokens[: self.index])

    @cached_property
    def open(self) -> list[Token]:
        """The brackets and braces open at the failure, outermost first."""
        stack: list[Token] = []
        for token in self.tokens[: self.index]:
            if token.type in ALL_OPENS:
                stack.append(token)
            elif token.type in CLOSES:
                stack.pop()
        return stack

    @cached_property
    def item(self) -> Sequence[Token]:
        """The tokens of the innermost statement, up to the failure; empty where one should begin."""
        return self._since({"END", "BODY_OPEN"})

    @cached_property
    def part(self) -> Sequence[Token]:
        """The tokens of the innermost expression outside inner brackets, up to the failure."""
        return self._since({"END", "COMMA", "EQUAL", "COLON", *ALL_OPENS})

    def _since(self, stops: set[str]) -> Sequence[Token]:
        depth, start = 0, self.index
        kept: list[Token] = []
        while start:
            token = self.tokens[start - 1]
            if token.type in CLOSES:
                depth += 1
            elif depth == 0 and token.type in stops:
                break
            elif token.type in ALL_OPENS:
                depth = max(0, depth - 1)
            start -= 1
            kept.append(token)
        return kept[::-1]

    @property
    def in_body(self) -> bool:
        return any(token.type == "BODY_OPEN" for token in self.open)

    @property
    def wants_operand(self) -> bool:
        return "NUMBER" in self.expected

    def span(self, token: Token) -> Span:
        return token.span(self.source)

    def touches(self) -> bool:
        return self.before is not None and self.before.end == self.token.start
