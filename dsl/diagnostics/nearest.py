"""Did you mean: the word that a typo stands for."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate closest to a misspelt word, or None where none is close.

    Close means at most one slip (a letter left out, added, exchanged or swapped with its neighbour) for each three
    letters, capitals not counted; of equally close candidates the first wins. A longer word that the given one begins
    (three letters at least) counts as close if nothing else does: `wave` for `wavelet`.
    """
    wanted = word.casefold()
    allowed = max(1, len(wanted) // 3)
    best, beginning = None, None
    for candidate in candidates:
        folded = candidate.casefold()
        if beginning is None and len(wanted) >= 3 and folded.startswith(wanted):
            beginning = candidate
        if abs(len(folded) - len(wanted)) <= allowed:
            slips = distance(wanted, folded)
            # a word of one or two letters is never "misspelt" into something with no letter in common
            if slips <= allowed and slips < max(len(wanted), len(folded)):
                allowed, best = slips - 1, candidate
    return best or beginning


def distance(a: str, b: str) -> int:
    """How many letters must be left out, added, exchanged or swapped with their neighbour to turn a into b.

    The restricted Damerau-Levenshtein distance (optimal string alignment).
    """
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
