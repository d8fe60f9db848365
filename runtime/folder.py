"""A run's folder: it appears whole under its name, or not at all."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import re
import shutil
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

REASONS = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EEXIST: "something else of that name exists",
    errno.ENAMETOOLONG: "the name is too long",
}
MANIFEST = "manifest.json"  # every run writes it, so it tells a run's folder from any other
UNFINISHED = ".unfinished"  # the part of a folder that a run goes on from, `<number>.json` and more for each job done
LONGEST_NAME = 100  # bytes, which leaves room for suffixes within the 255 that file systems allow


class FolderError(Exception):
    """A file or folder of a run could not be written. The message is one line with the path and the reason."""


def reason(error: OSError) -> str:
    """Why an operation on a file failed, in plain words."""
    return REASONS.get(error.errno or 0) or error.strerror or str(error) or type(error).__name__


def run_name(experiment: str, digest: str) -> str:
    """`<experiment>-<first 8 of digest>` as the name of a folder: what is not a letter, digit, `.`, `_` becomes `-`."""
    plain = re.sub(r"[^\w.]+", "-", experiment).strip("-.") or "run"
    short = plain.encode("utf-8", "replace")[:LONGEST_NAME].decode("utf-8", "ignore")
    return f"{short}-{digest[:8]}"


class RunFiles:
    """Writes the files of a run into a folder that is there, each whole or not at all.

    All methods raise FolderError with the path and the reason where the file system refuses.
    """

    def __init__(self, path: Path) -> None:
        self._at = path

    @property
    def path(self) -> Path:
        """Where the files lie."""
        return self._at

    def write_text(self, name: str, text: str) -> Path:
        """Writes UTF-8 text with the newlines as they are; a lone surrogate, as in odd file names, becomes `?`."""
        return self.write_bytes(name, text.encode("utf-8", "replace"))

    def write_json(self, name: str, value: object) -> Path:
        """Writes JSON with sorted keys. Raises TypeError for what `plain` cannot convert."""
        text = json.dumps(plain(value), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
        return self.write_text(name, text + "\n")

    def write_array(self, name: str, array: npt.NDArray[Any]) -> Path:
        """Writes an array as `.npy`, without pickling. Raises ValueError for arrays of Python objects."""
        if array.dtype.hasobject:
            raise ValueError(f"{name}: an array of Python objects is not written")
        header = io.BytesIO()
        contiguous = np.asarray(array, order="C")
        np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(contiguous))
        # not np.save: its error for a full disk does not carry the reason
        return self._write(name, header.getvalue(), contiguous.reshape(-1).view(np.uint8).data)

    def write_bytes(self, name: str, content: bytes) -> Path:
        """Writes a file; `name` may lead into subfolders with `/`, which are made. Returns where it lies for now.

        Raises ValueError for a name that leads out of the folder.
        """
        return self._write(name, content)

    def _write(self, name: str, *parts: bytes | memoryview) -> Path:
        steps = PurePosixPath(name).parts
        if not steps or ".." in steps or name.startswith("/") or "\\" in name or ":" in name or "\0" in name:
            raise ValueError(f"{name!r} does not name a file within the run's folder")
        path = self.path.joinpath(*steps)
        growing = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(growing, "wb") as file:
                for part in parts:
                    file.write(part)
            # an interrupted run is kept, and must not hold half a file under its full name
            os.replace(growing, path)
        except BaseException as error:
            with suppress(OSError):
                growing.unlink()
            if isinstance(error, OSError):
                raise FolderError(f"cannot write {path}: {reason(error)}") from error
            raise
        return path


class RunFolder(RunFiles):
    """Collects a run's files in a hidden folder beside the final one and renames it when all are there.

        with RunFolder(Path("runs"), run_name("knee", digest)) as folder:
            folder.write_json("manifest.json", manifest)
            final = folder.commit()

    parent: folder of runs, made if need be.
    name: of the final folder. If it is taken, `commit` appends `-2`, `-3`, ...
    replace: the final folder has exactly this name; an earlier run's folder (one with a `manifest.json`) or an empty
        folder there gives way, and anything else is refused, on entering and again by `commit`.

    resumes: whether this run can go on from an unfinished one, told from its folder. The newest such folder is taken
        over, with the files in it.

    While the run lasts its files lie in `.<name>.partial-<host>-<pid>`. Leaving the block without `commit` or
    `keep_partial` removes them, unless there is something in them to go on from. Entering tidies up what processes of
    this machine that no longer run have left behind in `parent`: see `tidy`. All methods raise FolderError with the
    path and the reason where the file system refuses.
    """

    def __init__(
        self, parent: Path, name: str, *, replace: bool = False, resumes: Callable[[Path], bool] | None = None
    ) -> None:
        if not name or name.startswith(".") or name != PurePosixPath(name).name or "\\" in name:
            raise ValueError(f"{name!r} is not the name of a folder")
        self.parent = parent
        self.name = name
        self.replace = replace
        self.resumes = resumes
        self._partial: Path | None = None

    @property
    def path(self) -> Path:
        """Where the files lie now. Raises ValueError outside the `with` block and after the folder was closed."""
        if self._partial is None:
            raise ValueError("this run's folder is not open")
        return self._partial

    def __enter__(self) -> RunFolder:
        try:
            self.parent.mkdir(parents=True, exist_ok=True)
            self._refuse_foreign(self.parent / self.name)
            self._partial = _new_folder(self.parent / f".{self.name}.partial-{_owner(os.getpid())}")
            self._take_over()
            tidy(self.parent)
        except OSError as error:
            raise FolderError(f"cannot make a folder in {self.parent}: {reason(error)}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._partial is not None and _unfinished(self._partial):
            with suppress(FolderError):
                self.keep_partial("stopped by an error" if error is None else f"stopped by an error: {error}")
        if self._partial is not None:
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial = None

    def _take_over(self) -> None:
        """Puts the newest unfinished folder that this run can go on from in the place of the new one."""
        if self.resumes is None:
            return
        partial = re.compile(re.escape(f".{self.name}.partial-") + _OWNED)
        kept = re.compile(re.escape(f"{self.name}-interrupted") + r"(-\d+)?")
        found = [p for p in self.parent.iterdir() if kept.fullmatch(p.name) or _abandoned(p, partial)]
        for path in sorted(found, key=lambda p: p.stat().st_mtime, reverse=True):
            if path.is_dir() and not path.is_symlink() and _unfinished(path) and self.resumes(path):
                os.rmdir(self.path)
                os.rename(path, self.path)
                (self.path / "INTERRUPTED.txt").unlink(missing_ok=True)
                return

    # --- ends

    def commit(self) -> Path:
        """Gives the folder its final name and returns it. Nothing can be written afterwards."""
        final = self.parent / self.name
        shutil.rmtree(self.path / UNFINISHED, ignore_errors=True)
        if not self.replace:
            return self._rename(self.name)
        self._refuse_foreign(final)
        try:
            old = self._set_aside(final)
            try:
                os.rename(self.path, final)
            except BaseException:
                if old is not None:
                    os.rename(old, final)  # the earlier run stays where it was
                raise
        except OSError as error:
            raise FolderError(f"cannot put the run in {final}: {reason(error)}") from error
        self._partial = None
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
        return final

    def keep_partial(self, reason: str) -> Path:
        """Keeps what there is as `<name>-interrupted`, with the reason in `INTERRUPTED.txt`. Returns the folder."""
        # the disk may be full, which may be why the run ended: its files are worth keeping all the same
        with suppress(FolderError):
            self.write_text("INTERRUPTED.txt", reason.rstrip("\n") + "\n")
        return self._rename(f"{self.name}-interrupted")

    def _rename(self, name: str) -> Path:
        """Renames the partial folder to `name`, or to the first of `name-2`, `name-3`, ... that is free."""
        count = 1
        while True:
            final = self.parent / (name if count == 1 else f"{name}-{count}")
            try:
                if not os.path.lexists(final):
                    os.rename(self.path, final)
                    self._partial = None
                    return final
            except OSError as error:
                # another run took the name in between; any other refusal stands
                if not os.path.lexists(final):
                    raise FolderError(f"cannot put the run in {final}: {reason(error)}") from error
            count += 1

    def _refuse_foreign(self, final: Path) -> None:
        """Raises FolderError where a folder that must be replaced is not a run's."""
        if not self.replace or not os.path.lexists(final):
            return
        if final.is_symlink() or not final.is_dir():
            raise FolderError(f"cannot put the run in {final}: it exists and is not a folder")
        if any(final.iterdir()) and not (final / MANIFEST).is_file():
            raise FolderError(f"cannot put the run in {final}: it exists and is not the folder of an earlier run")

    def _set_aside(self, final: Path) -> Path | None:
        """Moves an earlier run out of the way, under a name that `remove_abandoned` does not touch."""
        if not final.exists():
            return None
        count = 1
        while True:
            old = self.parent / f".{self.name}.replaced-{_owner(os.getpid())}.{count}"
            if not os.path.lexists(old):
                os.rename(final, old)
                return old
            count += 1


def tidy(parent: Path) -> list[Path]:
    """Clears partial folders in `parent` away whose process, on this machine, no longer runs. Returns them.

    Those with something to go on from get the name `<name>-interrupted`, and the others are removed. Folders of other
    machines that share the disk are left alone, for their processes cannot be seen from here.
    """
    cleared = []
    for path in sorted(parent.iterdir()):
        match = _abandoned(path, _PARTIAL)
        if match is None or not path.is_dir() or path.is_symlink():
            continue
        cleared.append(path)
        if _unfinished(path):
            kept = parent / f"{match[1]}-interrupted"
            if not os.path.lexists(kept):
                os.rename(path, kept)
        else:
            shutil.rmtree(path, ignore_errors=True)
    return cleared


def _unfinished(path: Path) -> bool:
    """Whether a folder holds something that a run can go on from."""
    return any((path / UNFINISHED).glob("[0-9]*.json"))


def _abandoned(path: Path, pattern: re.Pattern[str]) -> re.Match[str] | None:
    """The match of a partial folder's name whose process no longer runs."""
    match = pattern.fullmatch(path.name)
    # elsewhere there is no way to ask for a process without touching it
    return match if match and os.name == "posix" and not _runs(int(match["pid"])) else None


def _owner(pid: int) -> str:
    host = re.sub(r"[^\w]+", "-", socket.gethostname()) or "host"
    return f"{host[:60]}-{pid}"


_OWNED = re.escape(_owner(0)[:-1]) + r"(?P<pid>\d+)(\.\d+)?"
_PARTIAL = re.compile(r"\.(.+)\.partial-" + _OWNED)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)  # signal 0 only asks
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # it runs as someone else
    return True


def _new_folder(path: Path) -> Path:
    """Makes the folder `path`, or `path.1`, `path.2`, ... if an earlier one is in the way."""
    count = 0
    while True:
        candidate = path.with_name(f"{path.name}.{count}") if count else path
        try:
            candidate.mkdir()
        except FileExistsError:
            count += 1
        else:
            return candidate


def plain(value: object) -> Any:
    """`value` as JSON's own types.

    Numpy and torch scalars become numbers and their arrays lists; complex numbers {"real", "imag"}; numbers that are
    not finite become null, for JSON has none; paths text; tuples and sets lists, sets sorted. Raises TypeError for
    the rest.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, complex):
        return {"real": plain(value.real), "imag": plain(value.imag)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, set | frozenset):
        return [plain(entry) for entry in sorted(value)]
    if isinstance(value, Path):
        return str(value)
    to_list = getattr(value, "tolist", None)  # numpy and torch alike, without importing torch
    if callable(to_list):
        return plain(to_list())
    raise TypeError(f"{type(value).__name__} has no form in JSON")
