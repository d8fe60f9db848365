"""The build of the C++ kernels: reuse, rivals, and every way in which there may be none."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from ctypes import c_int64, c_void_p
from pathlib import Path

import numpy as np
import pytest
from recon.runtime.native import library

SCALE = (
    'extern "C" void scale(const double* x, double* y, long n) { for (long i = 0; i < n; ++i) y[i] = FACTOR * x[i]; }'
)


def has_compiler() -> bool:
    try:
        return bool(library.compiler())
    except library.BuildError:
        return False


needs_compiler = pytest.mark.skipif(not has_compiler(), reason="no C++ compiler")


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    library._open.cache_clear()
    yield
    library._open.cache_clear()


def source(folder: Path, factor: float) -> Path:
    file = folder / "scale.cpp"
    file.write_text(SCALE.replace("FACTOR", str(factor)))
    return file


def times_three(path: Path) -> list[float]:
    x, y = np.arange(3.0), np.zeros(3)
    library.Kernels(path).function("scale", (c_void_p, c_void_p, c_int64))(x.ctypes.data, y.ctypes.data, 3)
    return y.tolist()


def script(path: Path, text: str) -> str:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


@needs_compiler
def test_a_build_works_and_is_reused(tmp_path: Path) -> None:
    cpp = source(tmp_path, 3.0)
    first = library.build([cpp], tmp_path / "cache", library.compiler())
    before = first.stat().st_mtime_ns
    assert times_three(first) == [0.0, 3.0, 6.0]
    assert library.build([cpp], tmp_path / "cache", library.compiler()) == first
    assert first.stat().st_mtime_ns == before
    assert list((tmp_path / "cache").iterdir()) == [first]


@needs_compiler
def test_another_source_or_other_flags_are_another_file(tmp_path: Path) -> None:
    paths = {library.build([source(tmp_path, factor)], tmp_path, library.compiler()) for factor in (3.0, 4.0)}
    paths.add(library.build([source(tmp_path, 3.0)], tmp_path, [*library.compiler(), "-DOTHER"]))
    assert len(paths) == 3


@needs_compiler
def test_flags_that_the_compiler_refuses_are_left_out(tmp_path: Path) -> None:
    real = library.compiler()[0]
    picky = script(
        tmp_path / "picky",
        f'for a in "$@"; do case "$a" in -fopenmp|-march=*) exit 1;; esac; done\nexec {real} "$@"\n',
    )
    assert times_three(library.build([source(tmp_path, 3.0)], tmp_path, [picky])) == [0.0, 3.0, 6.0]


BUILD = """
import ctypes, sys, time
from pathlib import Path
from recon.runtime.native import library

folder = Path(sys.argv[1])
while not (folder / "go").exists():
    time.sleep(0.01)
path = library.build([folder / "scale.cpp"], folder / "cache", library.compiler())
ctypes.CDLL(str(path))
print(path)
"""


@needs_compiler
def test_processes_that_build_at_once_do_not_disturb_one_another(tmp_path: Path) -> None:
    source(tmp_path, 3.0)
    command = [sys.executable, "-c", BUILD, str(tmp_path)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    (tmp_path / "go").touch()
    paths = {child.communicate(timeout=120)[0].strip() for child in children}
    assert [child.returncode for child in children] == [0, 0, 0]
    assert {str(path) for path in (tmp_path / "cache").iterdir()} == paths
    assert len(paths) == 1


def test_a_failing_compiler_is_quoted(tmp_path: Path) -> None:
    bad = script(tmp_path / "bad", 'echo "no luck today" >&2; exit 1\n')
    with pytest.raises(library.BuildError, match="no luck today"):
        library.build([source(tmp_path, 3.0)], tmp_path / "cache", [bad])


@needs_compiler
def test_a_source_that_does_not_compile_leaves_nothing_behind(tmp_path: Path) -> None:
    broken = tmp_path / "broken.cpp"
    broken.write_text("int f( {")
    with pytest.raises(library.BuildError, match=r"broken\.cpp"):
        library.build([broken], tmp_path / "cache", library.compiler())
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_compiler_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    slow = script(tmp_path / "slow", f"sleep 60 & echo $! > {tmp_path}/child; wait\n")
    begin = time.monotonic()
    with pytest.raises(library.BuildError, match="longer than 1 s"):
        library.build([source(tmp_path, 3.0)], tmp_path / "cache", [slow], timeout=1)
    assert time.monotonic() - begin < 20
    stat = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/stat")
    for _ in range(100):  # gone, or dead and not yet collected
        if not Path("/proc/self").exists() or not stat.exists() or stat.read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the compiler's child still runs")


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("CXX", "no-such-compiler", "no-such-compiler"),
        ("CXX", '"open', "is no command"),
        ("PATH", "", "no C++ compiler"),
    ],
)
def test_without_a_compiler_there_are_no_kernels_but_a_reason(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.delenv("RECON_NATIVE", raising=False)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv(variable, value)
    assert library.native() is None
    assert reason in library.native_status()


@needs_compiler
def test_a_cache_that_cannot_be_written_means_no_kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RECON_NATIVE", raising=False)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(library.platformdirs, "user_cache_dir", lambda name: str(tmp_path / "file"))
    assert library.native() is None
    assert library.native_status().startswith("not built: ")


@needs_compiler
def test_the_switch_is_read_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECON_NATIVE", "0")
    assert library.native() is None
    assert "RECON_NATIVE" in library.native_status()
    monkeypatch.delenv("RECON_NATIVE")
    kernels = library.native()
    assert kernels is not None, library.native_status()
    assert os.fspath(kernels.path) in library.native_status()
    assert kernels is library.native()


@needs_compiler
def test_an_unknown_function_is_an_attribute_error(tmp_path: Path) -> None:
    kernels = library.Kernels(library.build([source(tmp_path, 3.0)], tmp_path, library.compiler()))
    with pytest.raises(AttributeError, match="absent"):
        kernels.function("absent", ())
