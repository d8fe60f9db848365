"""All words, found by importing every module of this package once. Adding a module adds its words."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ..model.word import Word, snake


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
        for key, cls in _words_of(name).items():
            if key in table:
                raise TypeError(f"two words are called `{cls.word}` ({cls.expression_kind})")
            table[key] = cls
    return table


def _words_of(module: str) -> dict[tuple[str, str], type[Word]]:
    """The words of one module. Raises TypeError where two of them share kind and name."""
    table: dict[tuple[str, str], type[Word]] = {}
    for cls in vars(importlib.import_module(module)).values():
        if not (isinstance(cls, type) and issubclass(cls, Word) and cls.__module__ == module):
            continue
        if cls.__name__.startswith("_"):
            continue  # a base shared by the words of one module
        key = (cls.expression_kind, cls.word)
        if key in table:
            raise TypeError(f"two words are called `{cls.word}` ({cls.expression_kind})")
        table[key] = cls
    return table


_NAMED = re.compile(r'^class (\w+)\(|^    word: ClassVar\[str\] = "(\w+)"', re.MULTILINE)


@cache
def _places() -> dict[str, tuple[str, ...]]:
    """The modules that may hold a word of each name, read off their text, since importing all of them takes long."""
    places: dict[str, tuple[str, ...]] = {}
    root = Path(__path__[0])
    for file in sorted(root.rglob("*.py")):
        module = ".".join((__name__, *file.relative_to(root).with_suffix("").parts))
        for cls, name in _NAMED.findall(file.read_text(encoding="utf-8")):
            named = name or snake(cls)
            if module not in places.get(named, ()):
                places[named] = (*places.get(named, ()), module)
    return places


@cache
def find(kind: str, name: str) -> type[Word] | None:
    """The word of that kind and name, or None. Imports the modules that may hold it and no others."""
    for module in _places().get(name, ()):
        found = _words_of(module).get((kind, name))
        if found is not None:
            return found
    return None


def names(kind: str) -> list[str]:
    """The names of all words of a kind."""
    return [n for k, n in words() if k == kind]


def kinds_of(name: str) -> list[str]:
    """The kinds that have a word of that name."""
    return [k for k, n in words() if n == name]
