"""A check imports the words that its page uses and no others: all of them would take longer than the check itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LOOK = """
import sys
from pathlib import Path
from recon.dsl.check.page import load
page = Path("specs/quickstart.recon")
load(page.read_text(), page.name, page.parent)
print(*(m.rsplit(".", 1)[-1] for m in sys.modules if m.startswith("recon.dsl.vocabulary.")))
"""


def test_words_that_a_page_does_not_use_stay_where_they_are() -> None:
    root = Path(__file__).parents[3]
    found = subprocess.run([sys.executable, "-c", LOOK], cwd=root, capture_output=True, text=True, check=True)
    imported = found.stdout.split()
    assert "mri" in imported
    assert not {"electrons", "tomography", "transitions", "particles"} & set(imported)
