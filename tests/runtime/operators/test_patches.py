"""Images of patches against a loop over places, and what does not fit."""

import numpy as np
import pytest
import torch
from recon.dsl.model.fields import FilePath
from recon.dsl.model.place import MisfitError, place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Adjoint, Leaf
from recon.dsl.vocabulary.arrays import ArrayFile, Vignette
from recon.dsl.vocabulary.operators.patches import Patches
from recon.dsl.vocabulary.patches import KsvdAtoms
from recon.runtime.build import Build, build_operator


def coefficients(*sizes: int) -> Space:
    return Space("real", tuple(Axis(name, n) for name, n in zip(("z", "row", "col"), sizes, strict=True)))


def cosines(atoms: int, patch: int) -> KsvdAtoms:
    return KsvdAtoms(atoms=atoms, patch=patch, iterations=0)


def test_patches_are_laid_where_they_belong(tmp_path: object) -> None:
    path = f"{tmp_path}/atoms.npy"
    atoms = np.random.default_rng(0).normal(size=(5, 4, 3))
    np.save(path, atoms)
    word = Patches(atoms=ArrayFile(file=FilePath("atoms.npy", path)), size=(10, 9), step=3)
    placed = place(Leaf(word), coefficients(5, 3, 3))
    z = np.random.default_rng(1).normal(size=(5, 3, 3))
    expected, cover = np.zeros((10, 9)), np.zeros((10, 9))
    for i in range(3):
        for j in range(3):
            expected[3 * i : 3 * i + 4, 3 * j : 3 * j + 3] += np.tensordot(z[:, i, j], atoms, 1)
            cover[3 * i : 3 * i + 4, 3 * j : 3 * j + 3] += 1
    made = build_operator(placed, Build(torch.float64)).forward(torch.from_numpy(z)[None])
    assert np.allclose(made[0].numpy(), expected / np.sqrt(cover))


def test_an_orthonormal_basis_makes_a_tight_frame() -> None:
    word = Patches(atoms=cosines(16, 4), size=(12, 16), step=2)
    d = build_operator(place(Leaf(word), coefficients(16, 5, 7)), Build(torch.float64))
    x = torch.randn(2, 12, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    # atoms are kept in single precision, and sixteen of their products add up in an entry
    bound = 16 * torch.finfo(torch.float32).eps * float(x.abs().max())
    torch.testing.assert_close(d.forward(d.adjoint(x)), x, rtol=0, atol=bound)


def test_the_adjoint_alone_knows_its_coefficients() -> None:
    word = Patches(atoms=cosines(16, 4), size=(12, 16), step=2)
    image = Space("real", (Axis("row", 12), Axis("col", 16)))
    assert place(Adjoint(Leaf(word)), image).codomain.shape == (16, 5, 7)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (Patches(atoms=cosines(16, 4), size=(12, 16), step=2), r"declare `unknown z : real\[16, 5, 7\]`"),
        (Patches(atoms=cosines(16, 4), size=(13, 16), step=2), "do not cover 13; 12 or 14 would do"),
        (Patches(atoms=cosines(16, 4), size=(3, 16), step=2), "do not cover 3; 4 would do"),
        (Patches(atoms=cosines(16, 4), size=(12, 16), step=5), "leaves gaps between patches of 4 pixels every 5"),
        (Patches(atoms=Vignette(), size=(12, 16)), "takes atoms"),
    ],
)
def test_what_does_not_fit(word: Patches, message: str) -> None:
    with pytest.raises(MisfitError, match=message):
        place(Leaf(word), coefficients(16, 5, 6))
