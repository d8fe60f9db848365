"""The kernels on machines with shorter vectors: their own tests, once more, compiled for those."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from recon.runtime.native import library, native

TESTS = Path(__file__).parents[1]
KERNELS = [f"transforms/test_{name}.py" for name in ("wavelet", "coils", "differences", "winograd")]


@pytest.mark.slow
@pytest.mark.skipif(native() is None, reason="no kernels on this machine")
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the flags are those of another processor")
@pytest.mark.parametrize("without", ["-mno-avx512f", "-mno-avx"])
def test_kernels_with_shorter_vectors(without: str, tmp_path: Path) -> None:
    command = shlex.join([*library.compiler(), without])
    env = {**os.environ, "CXX": command, "XDG_CACHE_HOME": str(tmp_path)}
    files = [str(TESTS / name) for name in [*KERNELS, "algorithms/test_rows.py"]]
    run = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-rs", *files]
    done = subprocess.run(run, env=env, capture_output=True, text=True, timeout=600, cwd=TESTS.parents[1])
    assert done.returncode == 0, done.stdout[-2000:]
    assert "no kernels" not in done.stdout
    assert list(tmp_path.rglob("*.so"))
