"""Dictionaries learned from clean pictures, of a folder or of those that install with scikit-image."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError
from recon.dsl.digest import spec_digest
from recon.dsl.model.space import Space
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.dsl.vocabulary.patches import KsvdAtoms
from recon.runtime.build import Build
from recon.runtime.experiment.run import run_page
from recon.runtime.meaning import meaning
from sklearn.feature_extraction.image import extract_patches_2d
from sklearn.linear_model import orthogonal_mp

PAGE = """recon 1
data d = npy("t.npy")
image x : real[48, 48] {{ range = 0..1 }}
noise y ~ gaussian(x, sigma = 0.1)
solver ksvd(atoms = 64, patch = 6, iterations = {iterations}, start = ksvd({options}))
metrics [psnr]
"""
OPTIONS = 'pictures = "clean/*.png", atoms = 64, patch = 6, iterations = 4, training = 2000'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clean").mkdir()
    printed = skimage.data.page()
    for k, part in enumerate((printed[20:80, 60:140], printed[80:170, 100:160])):
        Image.fromarray(part).save(tmp_path / "clean" / f"{k}.png")
    np.save(tmp_path / "t.npy", printed[None, 100:148, 250:298].astype(np.float32) / 255)
    return tmp_path


def test_atoms_of_a_folder_code_its_like_better_than_cosines(folder: Path) -> None:
    checked = load(PAGE.format(iterations=0, options=OPTIONS), "page.recon", folder)
    (choice,) = checked.choices.values()
    word = choice.solver.start  # type: ignore[attr-defined]
    assert [f.text for f in word.pictures] == ["clean/0.png", "clean/1.png"]
    atoms = meaning(word)(word, Space("real", ()), Build(torch.float64))
    assert atoms.shape == (64, 6, 6)
    assert torch.allclose(atoms.square().sum((1, 2)), torch.ones(64, dtype=torch.float64), atol=1e-5)
    assert torch.allclose(atoms[0], torch.full((6, 6), 1 / 6, dtype=torch.float64), atol=1e-6)
    assert atoms[1:].sum((1, 2)).abs().max() < 1e-3
    cosines = KsvdAtoms.model_validate({"atoms": 64, "patch": 6, "iterations": 0})
    fixed = meaning(cosines)(cosines, Space("real", ()), Build(torch.float64))
    unseen = extract_patches_2d(np.load(folder / "t.npy")[0], (6, 6), max_patches=300, random_state=0).reshape(-1, 36)
    errors = []
    for made in (atoms, fixed):  # both coded by scikit-learn, with three atoms beside the mean
        d = made[1:].flatten(1).numpy().T
        v = (unseen - unseen.mean(1, keepdims=True)).T.astype(float)
        errors.append(float(np.square(v - d @ orthogonal_mp(d, v, n_nonzero_coefs=3)).mean()))
    assert errors[0] < 0.9 * errors[1]


def test_a_page_starts_from_them(folder: Path) -> None:
    scores = []
    for options in (OPTIONS, "atoms = 64, patch = 6, iterations = 0"):
        text = PAGE.format(iterations=0, options=options)
        result = run_page(parse(Source("page.recon", text)), folder, [], out=folder / "out", device="cpu")
        scores.append(result.outcomes[0].metrics["psnr"][0])
    assert scores[0] > scores[1] > 20.5  # the measurement has 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (OPTIONS.replace("patch = 6", "patch = 5"), "`start` is 64 x 5 x 5"),
        (OPTIONS.replace("atoms = 64", "atoms = 2000"), "`start` is 2000 x 6 x 6"),
        (OPTIONS.replace("atoms = 64", "atoms = 9999"), "2000 patches cannot teach 9999 atoms"),
        (OPTIONS.replace("atoms = 64", "atoms = 9999").replace("2000", "99999"), "has 8800 patches to learn from"),
        (OPTIONS.replace("patch = 6", "patch = 64"), "cuts 64 x 64 pixels out of clean/0.png, which has 60 x 80"),
        (OPTIONS + ', sample = "coffee"', "`pictures` and `sample` say the same thing"),
        ('sample = "lfw_subset", atoms = 64, patch = 6', "too small to learn from"),
    ],
)
def test_what_cannot_be_learned(folder: Path, options: str, message: str) -> None:
    with pytest.raises(SpecError) as raised:
        load(PAGE.format(iterations=0, options=options), "page.recon", folder)
    assert any(message in d.message for d in raised.value.diagnostics)


def test_the_digest_follows_the_pictures(folder: Path) -> None:
    def digest() -> str:
        return spec_digest(load(PAGE.format(iterations=0, options=OPTIONS), "page.recon", folder).experiment)

    before = digest()
    assert digest() == before
    Image.fromarray(skimage.data.grass()[:60, :80]).save(folder / "clean" / "1.png")
    assert digest() != before
