"""The documents of the project name files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "specs/README.md", "benchmarks/RESULTS.md"])
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text())
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []


def test_pages_named_in_the_coverage_table_are_there() -> None:
    rows = [line for line in (ROOT / "README.md").read_text().splitlines() if re.match(r"\| [A-Z]\d", line)]
    named = {name for row in rows for name in re.findall(r"`([\w/-]+)`", row.rsplit("|", 2)[1])}
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / "specs" / f"{name}.recon").exists()] == []
