"""The explanation of one code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """Why a page gets the code, lines of a page that do, and the same lines put right.

    The lines are those of a page that otherwise holds `image x : real[64, 64]`, `data d = sample("camera")`,
    `forward A = identity()` and `noise y ~ gaussian(A @ x, sigma = 0.1)`.
    """

    why: str
    wrong: str
    right: str

    @property
    def text(self) -> str:
        """The paragraph and both examples."""

        def block(title: str, lines: str) -> str:
            return f"{title}\n" + "\n".join("  " + line for line in lines.split("\n"))

        return f"{self.why}\n\n{block('wrong:', self.wrong)}\n{block('right:', self.right)}"
