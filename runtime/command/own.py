"""Whose a page is: what sends something away acts by itself only in folders that the user has called his own."""

from __future__ import annotations

import os
from pathlib import Path

OWN = "RECON_OWN"
"""Folders, separated as in PATH, whose pages may publish and log to elsewhere without being told so."""


def is_own(page: str) -> bool:
    """Whether a page is a file below a folder of RECON_OWN, links followed; a page of the Hub or of a pipe is not."""
    if page == "-" or page.startswith("hf://"):
        return False
    folders = [Path(f).expanduser().resolve() for f in os.environ.get(OWN, "").split(os.pathsep) if f]
    return any(folder in Path(page).resolve().parents for folder in folders)
