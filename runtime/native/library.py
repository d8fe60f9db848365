"""Builds every .cpp file of this folder into one shared object, keeps it in the user's cache, and opens it.

A kernel is a C function (`extern "C"`) on plain pointers and integers. The Python module that calls it declares it:

    kernels = native()
    if kernels is not None:
        smooth = kernels.function("smooth_f32", (c_void_p, c_void_p, c_int64, c_int64))
        smooth(source.data_ptr(), target.data_ptr(), source.numel(), torch.get_num_threads())

so that a new kernel is one new .cpp file and one such declaration. A kernel takes its thread count as an argument and
adds up in an order that does not depend on timing.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import platformdirs

SOURCES = Path(__file__).parent
COMPILE_SECONDS = 180.0
PROBE_SECONDS = 20.0
# No -ffast-math: the kernels round by adding and subtracting a large constant, which it would remove.
BASE_FLAGS = ("-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
FLAG_CHOICES = (("-march=native", "-fopenmp"), ("-march=native",), ("-fopenmp",), ())


class BuildError(Exception):
    """There is no shared object; the message says why."""


class Kernels:
    """The opened shared object."""

    def __init__(self, path: Path) -> None:
        """Open `path`; raises OSError if the loader refuses it."""
        self.path = path
        self._library = ctypes.CDLL(str(path))
        self._functions: dict[str, Callable[..., None]] = {}

    def function(self, name: str, argtypes: Sequence[type]) -> Callable[..., None]:
        """The C function `void name(argtypes...)`; it runs without the interpreter lock.

        Declared once per name: later calls return the same object. Raises AttributeError if the library has no `name`.
        """
        if name not in self._functions:
            entry = getattr(self._library, name)
            entry.argtypes = tuple(argtypes)
            entry.restype = None
            self._functions[name] = entry
        return self._functions[name]


def native() -> Kernels | None:
    """The kernels, built at the first call; None where there is no compiler, the build fails, or RECON_NATIVE=0.

    Never raises: `native_status` has the reason. The environment is read at every call, the build is tried once.
    """
    return None if _switched_off() else _opened()[0]


def native_status() -> str:
    """One line: where the kernels are, or why there are none. Builds them if that has not been tried yet."""
    return "switched off by RECON_NATIVE=0" if _switched_off() else _opened()[1]


def compiler() -> list[str]:
    """The C++ compiler as a command: $CXX (it may carry arguments), else c++, g++ or clang++ from PATH.

    Raises BuildError if none of them is there.
    """
    chosen = os.environ.get("CXX", "").strip()
    if chosen:
        try:
            command = shlex.split(chosen)
        except ValueError as problem:
            raise BuildError(f"CXX = {chosen!r} is no command: {problem}") from problem
        if shutil.which(command[0]) is None:
            raise BuildError(f"CXX names {command[0]!r}, which is not on PATH")
        return command
    found = next((path for name in ("c++", "g++", "clang++") if (path := shutil.which(name))), None)
    if found is None:
        raise BuildError("no C++ compiler: none of c++, g++, clang++ is on PATH")
    return [found]


def build(sources: Iterable[Path], cache: Path, command: Sequence[str], timeout: float = COMPILE_SECONDS) -> Path:
    """Compile `sources` with `command` into `cache` and return the shared object's path; reuse one that is there.

    The file's name is a hash of the sources, the headers beside them, the flags, and every macro that the compiler
    predefines under these flags: its version and, through -march=native, the instruction sets and the model of the
    processor. Flags that a compiler refuses (-fopenmp, -march=native) are left out. The object is written beside its
    place and then moved, so processes that build at the same time do not disturb one another. Raises BuildError, with
    the compiler's words, if no choice of flags works or the compiler takes longer than `timeout` seconds; OSError
    if `cache` is not writable.
    """
    files = sorted(sources)
    headers = sorted(header for folder in {file.parent for file in files} for header in folder.glob("*.h"))
    texts = [file.read_bytes() for file in (*files, *headers)]
    problem = "there is no source file"
    for extra in FLAG_CHOICES if files else ():
        flags = (*BASE_FLAGS, *extra)
        macros = _run([*command, *flags, "-dM", "-E", "-x", "c++", os.devnull], min(timeout, PROBE_SECONDS))
        if macros.returncode != 0:
            problem = macros.stderr
            continue
        target = cache / f"{_digest(*texts, ' '.join((*command, *flags)), macros.stdout, platform.machine())}.so"
        if target.exists():
            return target
        cache.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=cache, suffix=".part")
        os.close(handle)
        try:
            done = _run([*command, *flags, *map(str, files), "-o", name], timeout)
            if done.returncode == 0:
                os.replace(name, target)
                return target
            problem = done.stderr
        finally:
            Path(name).unlink(missing_ok=True)
    raise BuildError(f"{shlex.join(command)} failed: {_first_lines(problem)}")


def _switched_off() -> bool:
    return os.environ.get("RECON_NATIVE", "").strip() == "0"


_opening = threading.Lock()


def _opened() -> tuple[Kernels | None, str]:
    with _opening:
        return _open()


@functools.cache
def _open() -> tuple[Kernels | None, str]:
    try:
        path = build(SOURCES.glob("*.cpp"), Path(platformdirs.user_cache_dir("recon")) / "native", compiler())
        return Kernels(path), f"built: {path}"
    except (BuildError, OSError) as problem:
        return None, f"not built: {problem}"


def _run(command: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run `command` in a session of its own, so that a timeout also ends the passes that a compiler driver starts."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException as problem:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(problem, subprocess.TimeoutExpired):
                raise BuildError(f"{shlex.join(command[:1])} ran longer than {timeout:g} s") from problem
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _digest(*parts: bytes | str) -> str:
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "little") + data)
    return total.hexdigest()[:32]


def _first_lines(text: str, count: int = 4) -> str:
    return " | ".join(line.strip() for line in text.splitlines()[:count] if line.strip()) or "it said nothing"
