"""The command, in a process of its own or in this one."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import matplotlib
import pytest
import warm_process

FONTS = matplotlib.get_cachedir()
"""Finding the machine's fonts takes seconds, in each cache anew."""
PLAIN = {"TERM": "dumb", "OMP_NUM_THREADS": "1", "MPLCONFIGDIR": FONTS, "RECON_NATIVE": "0"}
START = "import sys; from recon.runtime.command.main import main; main()"


def recon(*arguments: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `recon` in a folder, with these variables beside those that are there."""
    warm = _warm(os.getpid())
    with tempfile.TemporaryDirectory() as place:
        out, err = Path(place, "out"), Path(place, "err")
        command = {
            "arguments": [str(a) for a in arguments],
            "folder": str(folder),
            "environment": {**os.environ, **PLAIN, **environment},
            "out": str(out),
            "err": str(err),
        }
        assert warm.stdin is not None
        assert warm.stdout is not None
        warm.stdin.write(json.dumps(command) + "\n")
        warm.stdin.flush()
        code = int(warm.stdout.readline())
        shown = (p.read_text("utf-8") for p in (out, err))
        return subprocess.CompletedProcess(command["arguments"], code, *shown)


def recon_here(*arguments: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same in this process, for commands that read all settings when they need them.

    The client of the Hub is imported once then, and not for each command.
    """
    from recon.runtime.command.main import main

    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        for name, value in {**PLAIN, **environment}.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as e:
            main([str(a) for a in arguments])
    assert isinstance(e.value.code, int)
    return subprocess.CompletedProcess(arguments, e.value.code, out.getvalue(), err.getvalue())


def recon_afresh(*arguments: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same in an interpreter that has imported nothing yet."""
    return subprocess.run(
        [sys.executable, "-c", START, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **PLAIN, **environment},
        timeout=warm_process.LIMIT,
        encoding="utf-8",
        check=False,
    )


@cache
def _warm(pid: int) -> subprocess.Popen[str]:
    """The process that commands are forked from; another one in each process that asks."""
    path = os.pathsep.join(p for p in (str(Path(__file__).parent), os.environ.get("PYTHONPATH")) if p)
    return subprocess.Popen(
        [sys.executable, "-c", warm_process.START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **PLAIN, "PYTHONPATH": path},
    )
