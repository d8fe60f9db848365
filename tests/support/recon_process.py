"""The command in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import matplotlib

FONTS = matplotlib.get_cachedir()
"""Finding the machine's fonts takes seconds, in each cache anew."""
PLAIN = {"TERM": "dumb", "OMP_NUM_THREADS": "1", "MPLCONFIGDIR": FONTS, "RECON_NATIVE": "0"}
START = "import sys; from recon.runtime.command.main import main; main()"


def recon(*arguments: str | Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `recon` in a folder, with these variables beside those that are there."""
    return subprocess.run(
        [sys.executable, "-c", START, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **PLAIN, **environment},
        timeout=240,
        encoding="utf-8",
        check=False,
    )
