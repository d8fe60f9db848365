"""All words, found by importing every module of this package once. Adding a module adds its words."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache

from ..model.word import Word


def _modules(package: str, path: list[str]) -> Iterator[str]:
    for info in sorted(pkgutil.iter_modules(path), key=lambda i: i.name):
        name = f"{package}.{info.name}"
        if info.ispkg:
            yield from _modules(name, list(importlib.import_module(name).__path__))
        else:
            yield name


@cache
def words() -> dict[tuple[str, str], type[Word]]:
    """Every word by (kind of expression, name). Raises TypeError where two words share both."""
    table: dict[tuple[str, str], type[Word]] = {}
    for name in _modules(__name__, list(__path__)):
        module = importlib.import_module(name)
        for cls in vars(module).values():
            if not (isinstance(cls, type) and issubclass(cls, Word) and cls.__module__ == name):
                continue
            if cls.__name__.startswith("_"):
                continue  # a base shared by the words of one module
            key = (cls.expression_kind, cls.word)
            if key in table:
                raise TypeError(f"two words are called `{cls.word}` ({cls.expression_kind})")
            table[key] = cls
    return table


def find(kind: str, name: str) -> type[Word] | None:
    """The word of that kind and name, or None."""
    return words().get((kind, name))


def names(kind: str) -> list[str]:
    """The names of all words of a kind."""
    return [n for k, n in words() if k == kind]


def kinds_of(name: str) -> list[str]:
    """The kinds that have a word of that name."""
    return [k for k, n in words() if n == name]
