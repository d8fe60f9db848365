"""Denoising by patches: the image put together from them, what is refused, and how good it is."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
import torch
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError
from recon.dsl.model.space import Axis, Space
from recon.dsl.vocabulary.operators.basic import Identity
from recon.dsl.vocabulary.patches import Ksvd
from recon.runtime.algorithms.patches import DictionaryDenoiser, averaged, drawn_patches
from recon.runtime.functionals.quadratic import HalfSquare
from recon.runtime.operators.base import IdentityOperator
from recon.runtime.problem import Problem, Term
from skimage.util import view_as_windows
from sklearn.feature_extraction.image import extract_patches_2d, reconstruct_from_patches_2d


def denoiser(y: torch.Tensor, sigma: float | list[float], **options: float) -> DictionaryDenoiser:
    names = ("channel", "row", "col")[-(y.ndim - 1) :]
    space = Space("real", tuple(Axis(name, n) for name, n in zip(names, y.shape[1:], strict=True)))
    weight = torch.tensor(sigma, dtype=torch.float64) ** -2
    term = Term(
        HalfSquare(weight if weight.ndim else float(weight), y),
        IdentityOperator(space, space, Identity().facts(space)),
        "data",
        "y",
    )
    return DictionaryDenoiser(Problem(space, [term], len(y), y.dtype), Ksvd(**options))  # type: ignore[arg-type]


def picture(n: int = 64) -> torch.Tensor:
    return torch.tensor(skimage.data.camera()[120 : 120 + n, 180 : 180 + n] / 255.0)


def noisy(t: torch.Tensor, sigma: float, seed: int = 0) -> torch.Tensor:
    return t + sigma * torch.randn(t.shape, dtype=t.dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(9, 12), (40, 33)])
def test_patches_and_their_mean_as_in_scikit_learn(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recon.runtime.algorithms.patches.ROWS", 20)  # several bands
    image = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    patches = drawn_patches(image[None], 5, 10**6, 0)
    assert np.array_equal(patches.numpy(), extract_patches_2d(image.numpy(), (5, 5)).reshape(-1, 25))
    seen = []

    def model(vectors: torch.Tensor) -> torch.Tensor:
        seen.append(vectors)
        return vectors.square()

    made = averaged(image, 5, 0.0, model)
    assert torch.equal(torch.cat(seen), patches)
    expected = reconstruct_from_patches_2d(patches.square().reshape(-1, 5, 5).numpy(), shape)
    assert np.allclose(made.numpy(), expected)
    assert torch.allclose(averaged(image, 5, 2.0, lambda v: v), image)
    # In a corner one patch stands beside the image itself.
    corner = averaged(image, 5, 3.0, lambda v: torch.zeros_like(v))[0, 0]
    assert corner.item() == pytest.approx(3 / 4 * image[0, 0].item())


def test_patches_are_drawn_without_repetition() -> None:
    images = torch.arange(2 * 20 * 30.0).reshape(2, 20, 30)
    some, again, other = (drawn_patches(images, 4, 100, seed) for seed in (0, 0, 1))
    assert torch.equal(some, again)
    assert not torch.equal(some, other)
    assert len(torch.unique(some[:, 0])) == 100
    every = view_as_windows(images.numpy(), (1, 4, 4)).reshape(-1, 16)
    assert {tuple(v) for v in some.tolist()} <= {tuple(v) for v in every.tolist()}


def test_rows_are_problems_of_their_own() -> None:
    t = picture(40)
    y = torch.stack([noisy(t, 0.1), noisy(t.T, 0.05, 1)])
    options = {"atoms": 32, "patch": 5, "iterations": 2, "training": 500}
    together = denoiser(y, [0.1, 0.05], **options).solve()
    apart = [denoiser(y[i : i + 1], s, **options).solve() for i, s in enumerate((0.1, 0.05))]
    assert torch.equal(together, torch.cat(apart))


def test_colours_share_a_dictionary() -> None:
    t = torch.tensor(skimage.data.astronaut()[:48, 200:248] / 255.0).movedim(-1, 0)[None]
    y = noisy(t, 0.1)
    solver = denoiser(y, 0.1, atoms=64, patch=6, iterations=3)
    x = solver.solve()
    assert (x - t).square().mean() < 0.25 * (y - t).square().mean()
    assert solver.found()["atoms"].shape == (64, 6, 6)


def test_a_patch_of_one_mean_keeps_nothing_else() -> None:
    """Noise alone is met by the mean: the image becomes its moving average, but for the weight of itself."""
    y = 0.01 * noisy(torch.zeros(1, 30, 30, dtype=torch.float64), 1.0) + 0.5
    x = denoiser(y, 1.0, atoms=16, patch=4, iterations=1, keep=0).solve()
    means = extract_patches_2d(y[0].numpy(), (4, 4)).mean((1, 2), keepdims=True) * np.ones((1, 4, 4))
    assert np.allclose(x[0].numpy(), reconstruct_from_patches_2d(means, (30, 30)))


def test_learning_beats_cosines_on_what_cosines_do_not_hold() -> None:
    i, j = torch.meshgrid(torch.arange(48), torch.arange(48), indexing="ij")
    t = (((i + 2 * j) % 7 < 2) | ((3 * i - j) % 11 < 3)).double()[None]  # lines at two slants
    y = noisy(t, 0.25)
    errors = []
    for iterations in (0, 6):
        x = denoiser(y, 0.25, atoms=128, iterations=iterations).solve()
        errors.append(10 * np.log10(float((x - t).square().mean())))
    assert errors[1] < errors[0] - 3


PAGE = """recon 1
data d = phantom(blobs) {{ x = image }}
image x : {unknown}
forward A = {forward}
noise y ~ {law}
solver ksvd({options})
"""


@pytest.mark.parametrize(
    ("unknown", "forward", "law", "options", "message"),
    [
        ("real[32, 32]", "identity()", "gaussian(A @ x, sigma = 0.1)", "", ""),
        ("real[32, 32] { channels = 3 }", "identity()", "gaussian(A @ x, sigma = 0.1)", "atoms = 1875", ""),
        ("real[20, 20]", "identity()", "gaussian(A @ x, sigma = 0.1)", "", "169 patches cannot teach 256 atoms"),
        ("real[32, 32]", "identity()", "gaussian(A @ x, sigma = 0.1)", "atoms = 626", "625 patches cannot teach 626"),
        ("real[7, 32]", "identity()", "gaussian(A @ x, sigma = 0.1)", "", "do not fit"),
        ("complex[32, 32]", "identity()", "gaussian(A @ x, sigma = 0.1)", "", "real images"),
        ("real[32, 32]", "conv(gaussian(width = 1))", "gaussian(A @ x, sigma = 0.1)", "", "something else"),
        ("real[32, 32]", "identity()", "poisson(A @ x)", "", "something else"),
        ("real[32, 32]", "identity()", "gaussian(A @ x, sigma = 0.1)", "training = 255", "255 patches cannot teach"),
    ],
)
def test_what_fits(unknown: str, forward: str, law: str, options: str, message: str) -> None:
    page = PAGE.format(unknown=unknown, forward=forward, law=law, options=options)
    if not message:
        load(page, "page.recon", Path())
        return
    with pytest.raises(SpecError) as raised:
        load(page, "page.recon", Path())
    (found,) = [x for x in raised.value.diagnostics if x.severity == "error"]
    assert message in found.message


def test_extents_known_only_at_run_are_looked_at_then() -> None:
    with pytest.raises(ValueError, match="169 patches cannot teach 256 atoms"):
        denoiser(torch.zeros(1, 20, 20), 0.1)
