"""Files that a page names: each is a file of the page's own folder, or the page is told what is there instead."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from ..diagnostics import Diagnostic, SpecError, error
from ..diagnostics.nearest import nearest
from ..model.fields import FilePath
from ..model.files import FileError, inside, shortened
from ..syntax.source import Span


def existing(folder: Path, name: str, span: Span, what: str = "file") -> Path:
    """The file that `name` stands for, with links followed; `what` it should be, for messages. Raises SpecError."""
    try:
        path = inside(folder, name)
    except FileError as e:
        hint = f"a spec {'reads' if what == 'file' else 'uses'} {what}s of its own folder only"
        raise SpecError(error("RF001", str(e), span, help=hint)) from None
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise SpecError(_absent(path, name, span, what)) from None
    except OSError as e:
        reason = (e.strerror or str(e)).lower()
        raise SpecError(error("RF002", f"cannot read `{shortened(name)}`: {reason}", span)) from None
    if not stat.S_ISREG(mode):
        found = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise SpecError(error("RF002", f"`{shortened(name)}` is {found}, not a {what}", span))
    return path


def _absent(path: Path, name: str, span: Span, what: str) -> Diagnostic:
    beside = sorted(p.name for p in path.parent.iterdir() if p.suffix == path.suffix) if path.parent.is_dir() else []
    close = nearest(path.name, (n for n in beside if (path.parent / n).is_file()))
    hint = f"did you mean `{close}`?" if close else ""
    return error("RF002", f"there is no {what} `{shortened(name)}` in the folder of the spec", span, help=hint)


def matching(folder: Path, pattern: str, span: Span) -> list[FilePath]:
    """The files that match a pattern, in natural order (2 before 10), hidden ones aside. Raises SpecError for none."""
    try:
        found = [] if Path(pattern).is_absolute() else sorted(folder.glob(pattern), key=_natural)
        names = [p.relative_to(folder).as_posix() for p in found if p.is_file()]
    except (OSError, ValueError) as e:
        reason = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
        message = f"`{shortened(pattern)}` is no pattern of files: {reason.lower()}"
        raise SpecError(error("RF002", message, span)) from None
    names = [n for n in names if not any(part[0] == "." for part in Path(n).parts)]
    if not names:
        raise SpecError(error("RF002", f"no file in the folder of the spec matches `{shortened(pattern)}`", span))
    return [FilePath(n, str(existing(folder, n, span))) for n in names]


def _natural(path: Path) -> list[tuple[int, str]]:
    """Numbers by their value, and everything else as text."""
    pieces = re.split(r"([0-9]+)", path.as_posix())
    return [(int(p), "") if p.isdigit() else (-1, p) for p in pieces]
