"""Files that a page names and that are something else than readable files."""

import os
from pathlib import Path

import pytest
from PIL import Image
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError
from recon.dsl.model.terms import everything
from recon.dsl.vocabulary.operators.kernels import StackOf


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


def kernels(pattern: str) -> str:
    """A page whose forward model has a stack of measured kernels."""
    model = f'sum(axis = z) @ conv(stack_of("{pattern}"), axes = [row, col])'
    return f"recon 1\nvolume x : real[2, 8, 8]\nforward A = {model}\nnoise y ~ gaussian(A @ x, sigma = 0.1)\n"


def test_a_pattern_names_files_in_natural_order(tmp_path: Path) -> None:
    (tmp_path / "psf").mkdir()
    for name in ("10", "2", ".hidden"):
        Image.new("L", (3, 3), 1).save(tmp_path / "psf" / f"{name}.png")
    experiment = load(kernels("psf/*.png"), "page.recon", tmp_path).experiment
    (found,) = [w for w in everything(experiment.methods[""].operators["A"]) if isinstance(w, StackOf)]
    assert [f.text for f in found.files] == ["psf/2.png", "psf/10.png"]


@pytest.mark.parametrize("pattern", ["../*.png", "/tmp/*.png", "linked/*.png", "nothing/*.png"])
def test_a_pattern_stays_in_the_folder_of_the_spec(pattern: str, tmp_path: Path) -> None:
    Image.new("L", (3, 3), 1).save(tmp_path / "outside.png")
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "linked").symlink_to(tmp_path)
    with pytest.raises(SpecError) as e:
        load(kernels(pattern), "page.recon", folder)
    (found,) = [d for d in e.value.diagnostics if d.severity == "error"]
    assert found.code in ("RF001", "RF002")
