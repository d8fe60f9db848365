"""Every code that the sources can give is explained, and each explanation's examples do what it says."""

import re
from pathlib import Path
from typing import Any

import pytest
import recon.dsl
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError
from recon.dsl.show.codes import ENTRIES, code_text, documented
from stated_weights import stated, zeros

SOURCES = Path(recon.dsl.__file__).parent
REST = {
    "image": "image x : real[64, 64]",
    "data": 'data d = sample("camera")',
    "forward": "forward A = identity()",
    "noise": "noise y ~ gaussian(A @ x, sigma = 0.1)",
}
_HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (64, 64), }".ljust(117) + "\n"
NPY = b"\x93NUMPY\x01\x00" + len(_HEADER).to_bytes(2, "little") + _HEADER.encode() + bytes(64 * 64 * 4)
"""An array of 64 x 64 zeros, for examples that read a file."""
WEIGHTS: dict[str, dict[str, Any]] = {"gray": {}, "colour": {"channels": 3}, "broken": {"multiple": 0}}
"""Folders of weights for examples, by what their contracts say."""
UNKNOWNS = ("image", "signal", "volume", "unknown")
PROSE = {"RN023", "RN024", "RF003", "RF004", "RF005", "RC030", "RC031"}
"""Codes whose examples need other files, more lines than one reads, or a word that no vocabulary has."""


def given() -> set[str]:
    """All codes in the sources of the language."""
    files = [f for f in SOURCES.rglob("*.py") if "codes" not in f.name]
    return {code for f in files for code in re.findall(r'"(R[A-Z]\d{3})"', f.read_text(encoding="utf-8"))}


def page(lines: str) -> str:
    """A page with these lines and what else it needs."""
    kinds = {line.split()[0] for line in lines.split("\n")}
    kinds |= {"image"} if kinds & set(UNKNOWNS) else set()
    return "\n".join(["recon 1", lines, *(line for kind, line in REST.items() if kind not in kinds)])


def codes(text: str, folder: Path) -> tuple[set[str], set[str]]:
    """The codes of all findings and those of errors."""
    try:
        findings = load(text, "page.recon", folder).findings
    except SpecError as stop:
        findings = list(stop.diagnostics)
    return {d.code for d in findings}, {d.code for d in findings if d.severity == "error"}


def test_every_code_is_explained_and_every_explanation_belongs_to_a_code() -> None:
    assert set(documented()) == given()


@pytest.mark.parametrize("code", sorted(set(ENTRIES) - PROSE))
def test_the_wrong_example_gives_the_code_and_the_right_one_no_error(code: str, tmp_path: Path) -> None:
    entry = ENTRIES[code]
    (tmp_path / "y.npy").write_bytes(NPY)
    for name, changes in WEIGHTS.items():
        stated(tmp_path / f"{name}-weights", zeros(dict.fromkeys("ab", (1000,))), **changes)
    assert code in codes(page(entry.wrong), tmp_path)[0]
    found, errors = codes(page(entry.right), tmp_path)
    assert code not in found
    assert not errors


def test_pages_in_use_that_are_broken_or_use_themselves(tmp_path: Path) -> None:
    (tmp_path / "broken.recon").write_text("recon 1\nforward A = (\n")
    (tmp_path / "page.recon").write_text('recon 1\nuse me = "./page.recon"\n')
    assert "RF005" in codes(page('use b = "./broken.recon"'), tmp_path)[0]
    assert "RF004" in codes(page('use me = "./page.recon"'), tmp_path)[0]
    assert "RF003" in codes(page("use base = page"), tmp_path)[0]


def test_other_examples_in_prose(tmp_path: Path) -> None:
    lines = ["a0 = identity() @ identity()", *(f"a{i + 1} = a{i} @ a{i}" for i in range(16)), "forward A = a16"]
    assert "RN023" in codes(page("\n".join(lines)), tmp_path)[0]
    lines = ["b0 = identity()", *(f"b{i + 1} = b{i} @ identity()" for i in range(130)), "forward A = b130"]
    assert "RN024" in codes(page("\n".join(lines)), tmp_path)[0]
    assert "RC030" in codes("recon 1\nimage x : real[64, 64]", tmp_path)[0]


def test_text_has_both_examples() -> None:
    text = code_text("RK007")
    assert text is not None
    assert "wrong:\n  prior -2 * sq(x)" in text
    assert "right:\n  prior 2 * sq(x)" in text
    assert code_text("RS001")
    assert code_text("RX999") is None
