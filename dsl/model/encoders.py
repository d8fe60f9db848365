"""The names of timm's models, read off its text: importing it takes seconds, and PyTorch with it."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

_REGISTERED = re.compile(r"^@register_model\s+def (\w+)\(", re.MULTILINE)


@cache
def encoder_names() -> frozenset[str]:
    """The models of the timm that is installed; none where it is not."""
    found = importlib.util.find_spec("timm")
    names: set[str] = set()
    for root in (found.submodule_search_locations or ()) if found is not None else ():
        for file in Path(root, "models").glob("*.py"):
            names.update(_REGISTERED.findall(file.read_text(encoding="utf-8")))
    return frozenset(names)
