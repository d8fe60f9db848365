"""The weights that install with recon."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def packaged_weights() -> Path:
    """The folder that holds them, one folder of the zoo each; found without importing the package.

    An editable installation may be a folder of links to single files: then it is the folder that these lead to, since
    what links out of a folder of the zoo is refused.
    """
    spec = find_spec("recon.zoo")
    assert spec is not None, "recon.zoo is installed together with recon.dsl"
    assert spec.origin
    return Path(spec.origin).resolve().parent / "weights"


def packaged_names() -> list[str]:
    """Their names, sorted."""
    root = packaged_weights()
    return sorted(p.name for p in root.iterdir() if (p / "config.json").is_file()) if root.is_dir() else []
