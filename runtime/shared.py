"""What several computations have in common, kept while there is room: the least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

ROOM = 2**30  # bytes


class Shared:
    """Values by key, at most `room` bytes of them together. A value larger than that is made anew each time.

    Keys say all that a value depends on (digests of what the page says, seeds, precision, device), so that who finds a
    value finds what it would have made.
    """

    def __init__(self, room: int = ROOM) -> None:
        self.room = room
        self._held: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._size = 0

    def take(self, key: str, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """The value of that key; `make` makes it where it is not held, and `size` tells its bytes."""
        if key in self._held:
            self._held.move_to_end(key)
            found: T = self._held[key][0]
            return found
        value = make()
        self.keep(key, value, size(value))
        return value

    def find(self, key: str) -> Any:
        """The value of that key; None where it is not held."""
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def keep(self, key: str, value: object, size: int) -> None:
        """Hold a value, dropping others until there is room."""
        if size > self.room:
            return
        if key in self._held:
            self._size -= self._held.pop(key)[1]
        while self._size + size > self.room:
            _, (_, freed) = self._held.popitem(last=False)
            self._size -= freed
        self._held[key] = (value, size)
        self._size += size
