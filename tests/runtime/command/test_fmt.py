"""`recon fmt`: in place and whole, or not at all."""

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from recon.dsl.show.new import templates
from recon.runtime.command import fmt
from recon.runtime.command.main import group

UGLY = "recon 1\nimage   x:real[64,64]   # what is found\n\n\n\nnoise y~gaussian( x ,sigma=0.1)\n"
NEAT = "recon 1\nimage x : real[64, 64]  # what is found\n\nnoise y ~ gaussian(x, sigma = 0.1)\n"


def call(*arguments: str, **settings: object) -> Result:
    result = CliRunner().invoke(group(), list(arguments), **settings)  # type: ignore[arg-type]
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.recon"
    path.write_text(UGLY)
    return path


def test_in_place(page: Path) -> None:
    page.chmod(0o640)
    assert call("fmt", str(page)).exit_code == 0
    assert page.read_text() == NEAT
    assert stat.S_IMODE(page.stat().st_mode) == 0o640
    before = page.stat().st_mtime_ns
    assert call("fmt", str(page)).exit_code == 0
    assert page.stat().st_mtime_ns == before
    assert [p.name for p in page.parent.iterdir()] == ["page.recon"]


def test_links_stay_links(page: Path) -> None:
    link = page.parent / "link.recon"
    link.symlink_to("page.recon")
    assert call("fmt", str(link)).exit_code == 0
    assert link.is_symlink()
    assert page.read_text() == NEAT


def test_windows_line_ends_become_plain_ones(page: Path) -> None:
    page.write_bytes(NEAT.replace("\n", "\r\n").encode())
    assert call("fmt", "--check", str(page)).exit_code == 1
    call("fmt", str(page))
    assert page.read_bytes() == NEAT.encode()


def test_check_and_diff_write_nothing(page: Path) -> None:
    result = call("fmt", "--check", str(page))
    assert result.exit_code == 1
    assert "would change" in result.output
    result = call("fmt", "--diff", str(page))
    assert result.exit_code == 0
    assert "-image   x:real[64,64]   # what is found" in result.stdout
    assert "+image x : real[64, 64]  # what is found" in result.stdout
    assert call("fmt", "--diff", "--check", str(page)).exit_code == 1
    assert page.read_text() == UGLY
    page.write_text(NEAT)
    assert call("fmt", "--check", str(page)).exit_code == 0


def test_a_page_that_does_not_parse_is_left_alone(page: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.recon"
    broken.write_text("recon 1\nforward A = (\n")
    result = call("fmt", str(broken), str(page))
    assert result.exit_code == 1
    assert "error[RS008]" in result.stderr
    assert broken.read_text() == "recon 1\nforward A = (\n"
    assert page.read_text() == NEAT, "the others are formatted"


def test_standard_input() -> None:
    result = call("fmt", "-", input=UGLY)
    assert result.exit_code == 0
    assert result.stdout == NEAT


def test_a_full_disk_leaves_the_page_as_it_was(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = call("fmt", str(page))
    assert result.exit_code == 2
    assert "no space left" in result.stderr
    assert page.read_text() == UGLY
    assert [p.name for p in page.parent.iterdir()] == ["page.recon"]


def test_a_layout_that_would_say_something_else_is_never_written(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fmt, "format_page", lambda tree: "recon 1\nimage x : real[64, 65]\n")
    with pytest.raises(RuntimeError, match="left as it was"):
        call("fmt", str(page))
    assert page.read_text() == UGLY


def test_files(tmp_path: Path) -> None:
    assert call("fmt", str(tmp_path)).exit_code == 2
    assert call("fmt", "nothing.recon").exit_code == 2
    assert call("fmt").exit_code == 2


def test_templates_are_neat(tmp_path: Path) -> None:
    for name, text in templates().items():
        (tmp_path / f"{name}.recon").write_text(text)
    assert call("fmt", "--check", *map(str, sorted(tmp_path.iterdir()))).exit_code == 0
