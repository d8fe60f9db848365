"""One style for everything matplotlib draws, untouched by the user's own settings and leaving none behind."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from .tables import number, superscript

INK = "#767676"  # axes and labels; in a page's curves it becomes the colour of the text around
# Okabe and Ito's palette, told apart with any colour vision, in tones that hold on white and on black
LINES = ("#2878b5", "#d55e00", "#009e73", "#c05a94", "#b08900", "#7a68c8", "#3aa0c9", "#8c6d5a")
DASHES = ("-", "--", "-.", ":")
STEPS = (1, 2, 2.5, 5, 10)  # between ticks, times a power of ten


@contextmanager
def house_style(ink: str = INK) -> Iterator[None]:
    """matplotlib's default settings and ours, for the time of a drawing. `ink`: the colour of axes and texts.

    Text is never read as mathematics ("$" in the name of a series is a dollar), and SVG files keep their text as text
    and do not depend on when they are written.
    """
    from matplotlib import style

    ours = {
        "text.parse_math": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "recon",
        "font.size": 8.5,
        "axes.edgecolor": ink,
        "axes.linewidth": 0.7,
        "axes.labelcolor": ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": ink,
        "ytick.color": ink,
        "lines.linewidth": 1.6,
    }
    with style.context(["default", ours]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*missing")  # a script that the font lacks is no failure
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="matplotlib")  # margins beyond 1e308
        yield


def tick(value: float, _position: object = None) -> str:
    """A tick label in plain text: "0.25", "1000", "10⁻⁵", "2.5·10⁷"."""
    if value == 0 or not math.isfinite(value):
        return number(value)
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.5g}"
    mantissa, exponent = f"{value:.3e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    power = "10" + superscript(int(exponent))
    return power if mantissa == "1" else f"-{power}" if mantissa == "-1" else f"{mantissa}·{power}"


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers within [low, high], at most `most` of them."""
    from matplotlib.ticker import MaxNLocator

    slack = 1e-9 * (high - low)
    values = MaxNLocator(nbins=most, steps=STEPS).tick_values(low, high)
    inside = [float(v) for v in values if low - slack <= v <= high + slack]
    return [0.0 if abs(v) < slack else v for v in inside]
