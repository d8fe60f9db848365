"""The LALR(1) automaton: shifts and reduces by the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from .lexing import Token
from .tables import tables

Start = Literal["item", "expression"]
Actions = Sequence[Callable[..., Any] | None]


def actions_of(builder: object) -> Actions:
    """For each rule of the grammar the builder's method, or None where a value is passed on."""
    return [getattr(builder, action) if action else None for _, _, action in tables().rules]


class Automaton:
    """A parse under way. Without actions it builds nothing and only tells whether tokens fit."""

    def __init__(self, start: Start, actions: Actions | None = None) -> None:
        self._table = tables().states
        self._rules = tables().rules
        self._actions = actions if actions is not None else [None] * len(self._rules)
        self._end = tables().end[start]
        self._states = [tables().start[start]]
        self._values: list[Any] = []

    def feed(self, token: Token) -> bool:
        """Take one token; False if it does not fit, and then the parse is over. `$END` closes it."""
        kind, table, states, values = token.type, self._table, self._states, self._values
        while True:
            move = table[states[-1]].get(kind)
            if move is None:
                return False
            if move >= 0:
                states.append(move)
                values.append(token)
                return True
            made, size, _ = self._rules[~move]
            action = self._actions[~move]
            if action is not None:
                values[-size:] = [action(*values[-size:])]
            elif size > 1:
                del values[1 - size :]
            del states[-size:]
            states.append(table[states[-1]][made])
            if kind == "$END" and states[-1] == self._end:
                return True

    @property
    def result(self) -> Any:
        """What the builder made of everything, after `$END`."""
        return self._values[-1]

    @property
    def states(self) -> tuple[int, ...]:
        """The states on its stack; it is in the last one."""
        return tuple(self._states)

    def fits(self, terminal: str) -> bool:
        """Whether a token of this type could come next."""
        trial = object.__new__(Automaton)
        trial.__dict__.update(self.__dict__, _states=self._states[:], _values=self._values[:])
        trial._actions = [None] * len(self._rules)
        return trial.feed(Token(terminal, "", 0, 0))


def expected(start: Start, tokens: Iterable[Token]) -> frozenset[str]:
    """The types of token that may follow the given ones, which must fit themselves; `$END` is the end."""
    automaton = Automaton(start)
    for token in tokens:
        automaton.feed(token)
    terminals = {symbol for state in tables().states for symbol in state if symbol.isupper()}
    return frozenset(terminal for terminal in terminals if automaton.fits(terminal))
