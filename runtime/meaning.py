"""The registry that joins the two halves of a word: its facts in recon.dsl and its meaning here.

`@meaning_of(words.Fft2)` registers the function that turns the word into a program. Exact types only: a subclass of
a word needs a meaning of its own, and a second registration is refused.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from recon.dsl.model.word import Word

_MEANINGS: dict[type[Word], Callable[..., Any]] = {}
_ROOMS = (
    "operators",
    "functionals",
    "algorithms",
    "data",
    "measures",
    "tuning",
    "analyses",
    "experiment",
    "training",
    "trackers",
)

F = TypeVar("F", bound=Callable[..., Any])


def meaning_of(word: type[Word]) -> Callable[[F], F]:
    """Register the decorated function as the meaning of `word`. Raises TypeError for a second registration."""

    def register(function: F) -> F:
        if word in _MEANINGS:
            raise TypeError(f"{word.__name__} already has a meaning, {_MEANINGS[word].__qualname__}")
        _MEANINGS[word] = function
        return function

    return register


def meaning(word: Word | type[Word]) -> Callable[..., Any]:
    """The meaning of a word; imports the module of the same name on first use. Raises LookupError if there is none."""
    cls = word if isinstance(word, type) else type(word)
    if cls not in _MEANINGS:
        _load(cls)
    try:
        return _MEANINGS[cls]
    except KeyError:
        raise LookupError(f"the word `{cls.word}` ({cls.expression_kind}) has no meaning in the runtime") from None


def _load(cls: type[Word]) -> None:
    """Import the runtime modules named like the word's own module, or like the package that it stands in; if that was
    not enough, all rooms."""
    modules = [m for room in _ROOMS for m in _modules(f"recon.runtime.{room}")]
    for part in reversed(cls.__module__.split(".")):
        for name in modules:
            if name.rsplit(".", 1)[-1] == part:
                importlib.import_module(name)
        if cls in _MEANINGS:
            return
    for name in modules:
        importlib.import_module(name)


def _modules(package: str) -> Iterator[str]:
    """The names of all modules of a package, those of packages inside it too."""
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        name = f"{package}.{info.name}"
        yield from _modules(name) if info.ispkg else (name,)
