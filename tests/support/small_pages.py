"""Pages of the gallery made so small that they run in about a second."""

from __future__ import annotations

from pathlib import Path

from recon.dsl.syntax.parse import parse, parse_expression
from recon.dsl.syntax.source import Source
from recon.dsl.syntax.tree import Argument, Binding, Call, Expr, Index, Name, Number, Page, Statement

SPECS = Path(__file__).parents[2] / "specs"
PAGES = sorted(SPECS.rglob("*.recon"))
SMALL = {"n": "64", "draws": "5", "m": "32", "k": "3", "views": "20", "side": "24", "frames": "6", "scan": "1s"}

OFTEN = {"iterations": "4", "rounds": "2"}
LONG = ("measured-denoiser-complex", "measured-denoiser-gray", "measured-dncnn-25", "tune-baselines")
"""Pages of BM3D or of thirty cells on many pictures, which take long however small these are."""


def page_of(path: Path) -> Page:
    return parse(Source(path.name, path.read_text()))


def iterating(statements: tuple[object, ...] | None, path: str = "") -> list[tuple[str, str]]:
    """Overrides of the options of solvers that say how often something is done."""
    out = []
    for s in statements or ():
        if isinstance(s, Statement) and s.kind == "method" and isinstance(s.value, Name):
            out += iterating(s.body, f"{s.value.id}.")
        elif isinstance(s, Statement) and s.kind == "solver" and isinstance(s.value, Call):
            given = [a.name for a in s.value.arguments if isinstance(a, Argument) and a.name in OFTEN]
            out += [(f"{path}solver.{name}", OFTEN[name]) for name in given]
    return out


def training(statements: tuple[object, ...] | None, path: str = "") -> list[str]:
    """Paths of the options `steps` and `batch` of the `train` lines of a page."""
    out = []
    for s in statements or ():
        if isinstance(s, Statement) and s.kind == "method" and isinstance(s.value, Name):
            out += training(s.body, f"{s.value.id}.")
        elif isinstance(s, Statement) and s.kind == "train":
            given = {b.name for b in s.body or () if isinstance(b, Binding)}
            out += [f"{path}train.{name}" for name in ("steps", "batch") if name in given]
    return out


def whole_pictures(page: Page) -> list[tuple[str, str]]:
    """Overrides of images that are as large as the pictures they are scored on."""
    out = []
    for s in page.items:
        if isinstance(s, Statement) and s.kind == "image" and isinstance(s.value, Index):
            of, extents = s.value.base, s.value.items
            if (
                isinstance(of, Name)
                and s.name is not None
                and all(isinstance(e, Name) and e.id == "auto" for e in extents)
            ):
                out.append((s.name, f"{of.id}[64, 64]"))
    return out


def too_large(param: Statement) -> bool:
    """Whether a parameter is an extent or a count above that of small runs."""
    if param.kind != "param" or param.name not in SMALL:
        return False
    given = param.value
    return not isinstance(given, Number) or given.value > float(SMALL[param.name])


def small(page: Page) -> list[tuple[str, Expr]]:
    """Overrides that make a page run in about a second."""
    settings = [(s.name, SMALL[s.name]) for s in page.items if isinstance(s, Statement) and too_large(s)]
    settings += iterating(page.items)
    steps = training(page.items)
    settings += [(p, "2") for p in steps]
    settings += whole_pictures(page) if steps else []
    return [(p, parse_expression(Source(f"--set {p}", v))) for p, v in settings if p is not None]
