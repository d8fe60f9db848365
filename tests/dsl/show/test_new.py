"""Templates check without a finding but notes, stand in canonical layout, and say what they are."""

from pathlib import Path

import pytest
from recon.dsl.check.page import load
from recon.dsl.show.new import summary, templates
from recon.dsl.syntax.format import format_page
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source


def test_the_templates() -> None:
    assert set(templates()) == {"mri", "denoise", "deblur", "ct", "compressed-sensing"}


@pytest.mark.parametrize("name", sorted(templates()))
def test_a_template_checks_and_is_formatted(name: str, tmp_path: Path) -> None:
    text = templates()[name]
    findings = load(text, name, tmp_path).findings
    assert {d.code for d in findings} <= {"RL001"}  # simulated by the model: a template has no data of its own
    assert format_page(parse(Source(name, text))) == text
    assert summary(text)
    assert text.count("\n# ") >= 4, "a template explains itself"
