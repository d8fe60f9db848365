"""The weights that install with recon."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def packaged_weights() -> Path:
    """The folder that holds them, one folder of the zoo each; found without importing the package."""
    spec = find_spec("recon.zoo")
    assert spec is not None, "recon.zoo is installed together with recon.dsl"
    assert spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations))) / "weights"


def packaged_names() -> list[str]:
    """Their names, sorted."""
    root = packaged_weights()
    return sorted(p.name for p in root.iterdir() if (p / "config.json").is_file()) if root.is_dir() else []
