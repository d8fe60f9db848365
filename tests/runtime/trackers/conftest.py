"""Trackers as they are on a machine where nobody has logged in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="module")
def unknown_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home without keys and settings, and no variables of wandb."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("WANDB_") or n in ("NETRC", "RECON_OWN")]:
            patch.delenv(name)
        patch.setenv("RECON_NATIVE", "0")  # kernels would be built anew in this home
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
        yield home
