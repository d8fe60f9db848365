"""Files that a page names and that are something else than readable files."""

import os
from pathlib import Path

import pytest
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError


def said(source: str, folder: Path) -> tuple[str, str]:
    """Code and message of the only error of a page whose data come from `source`."""
    text = f"recon 1\ndata d = {source}\nimage x : real[8, 8]\nnoise y ~ gaussian(x, sigma = 0.1)\n"
    with pytest.raises(SpecError) as e:
        load(text, "page.recon", folder)
    (found,) = [d for d in e.value.diagnostics if d.severity == "error"]
    assert not any("did you mean" in line for line in found.help)
    return found.code, found.message


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "d.npy").mkdir()
    assert said('npy("d.npy")', tmp_path) == ("RF002", "`d.npy` is a folder, not a file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.npy")
    assert said('npy("p.npy")', tmp_path) == ("RF002", "`p.npy` is a pipe or a device, not a file")


@pytest.mark.parametrize("source", ["npy", "folder"])
def test_a_name_of_thousands_of_letters(source: str, tmp_path: Path) -> None:
    code, message = said(f'{source}("{"a" * 5000}")', tmp_path)
    assert code == "RF002"
    assert "too long" in message
    assert len(message) < 150


@pytest.mark.parametrize("pattern", ["pictures", "pictures/", "."])
def test_a_folder_of_pictures_needs_a_pattern(pattern: str, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    code, message = said(f'folder("{pattern}")', tmp_path)
    assert code == "RF002"
    assert f'"{pattern.rstrip("/")}/*.png"' in message
