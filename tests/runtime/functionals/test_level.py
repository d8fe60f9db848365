"""The noise level estimated from measurements, on photographs and on their k-space."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import skimage.restoration
import torch
from recon.dsl.model.facts import Facts
from recon.dsl.model.problem import Affine
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Unknown
from recon.dsl.vocabulary import noise
from recon.runtime.functionals.data import HalfSquare
from recon.runtime.functionals.level import estimate_sigma
from recon.runtime.meaning import meaning
from recon.runtime.operators.base import IdentityOperator
from torch import Tensor

CAMERA = torch.as_tensor(skimage.data.camera() / 255.0)
MOON = torch.as_tensor(skimage.data.moon() / 255.0)


def image(field: str = "real", *names: str) -> Space:
    return Space(field, tuple(Axis(n, None) for n in (*names, "row", "col")))  # type: ignore[arg-type]


def noisy(x: Tensor, sigma: float, seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    e = torch.randn((*x.shape, 2), generator=g, dtype=torch.float64)
    return (x + sigma * (torch.view_as_complex(e) if x.is_complex() else e[..., 0]))[None]


def kspace(x: Tensor) -> Tensor:
    """Centred, orthonormal."""
    return torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(x), norm="ortho"))


def picture(name: str) -> Tensor:
    """A sample picture with values in 0..1, channels first; of the retina a part inside of its round frame."""
    values = torch.as_tensor(getattr(skimage.data, name)() / 255.0)
    if values.ndim == 2:
        return values
    values = values.movedim(-1, 0)
    return values[:, 300:812, 300:812] if name == "retina" else values


LEVELS = (0.01, 0.03, 0.1)


@pytest.mark.parametrize("name", ["camera", "coins", "brick", "moon", "chelsea", "retina", "grass"])
def test_photographs(name: str) -> None:
    """Within a tenth where half of the picture is smooth; grass is textured everywhere, as if by noise of its own."""
    x = picture(name)
    names = ("channel",) if x.ndim == 3 else ()
    for i, sigma in enumerate(LEVELS[2:] if name == "grass" else LEVELS):
        got = float(estimate_sigma(noisy(x, sigma, i), image("real", *names)))
        assert got == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize("gain", [0.003, 0.01, 0.03])
def test_noise_that_is_not_even(gain: float) -> None:
    """Shot noise, and channels of their own levels: the root of the mean variance, within a fifth and a tenth."""
    x = CAMERA if gain != 0.01 else picture("chelsea")
    g = torch.Generator().manual_seed(2)
    shot = noisy(gain * torch.poisson(x / gain, generator=g), 0.02)
    names = ("channel",) if x.ndim == 3 else ()
    expected = float((gain * x + 0.02**2).mean().sqrt())
    assert float(estimate_sigma(shot, image("real", *names))) == pytest.approx(expected, rel=0.2)
    levels = torch.tensor([0.02, 0.05, 0.15], dtype=torch.float64)[:, None, None]
    channels = MOON + levels * noisy(torch.zeros(3, 512, 512, dtype=torch.float64), 1.0)
    got = float(estimate_sigma(channels, image("real", "channel")))
    assert got == pytest.approx(float(levels.square().mean().sqrt()), rel=0.1)


def test_noise_alone() -> None:
    """The level without a picture, within 1%: 262144 numbers give it to 0.14%, a fifth of their patches to less."""
    got = float(estimate_sigma(noisy(torch.zeros(512, 512, dtype=torch.float64), 0.3), image()))
    assert got == pytest.approx(0.3, rel=0.01)


def test_sinograms_along_the_detector() -> None:
    """Views that have nothing to do with each other do not disturb the estimate."""
    t = torch.linspace(-1, 1, 2000, dtype=torch.float64)
    g = torch.Generator().manual_seed(1)
    shift = torch.rand(30, 1, generator=g, dtype=torch.float64)
    views = 5 * torch.exp(-20 * (t - shift).square())
    space = Space("real", (Axis("view", 30), Axis("detector", 2000)))
    assert float(estimate_sigma(noisy(views, 0.02), space)) == pytest.approx(0.02, rel=0.03)


def test_few_whole_patches_fall_back_to_details() -> None:
    """scikit-image's estimate, from a quarter as many numbers, where a mask leaves no patch whole."""
    keep = torch.ones(512, 512, dtype=torch.bool)
    keep[::6, ::6] = False
    y = noisy(MOON, 0.05) * keep
    got = float(estimate_sigma(y, image(), keep))
    assert got == pytest.approx(skimage.restoration.estimate_sigma(noisy(MOON, 0.05)[0].numpy()), rel=0.02)


@pytest.mark.parametrize(("sigma", "above"), [(0.02, 0.30), (0.05, 0.06), (0.1, 0.03), (0.2, 0.02)])
def test_camera_in_k_space(sigma: float, above: float) -> None:
    got = float(estimate_sigma(noisy(kspace(CAMERA.to(torch.complex128)), sigma), image("complex")))
    assert 0.985 * sigma < got < (1 + above) * sigma


def test_a_complex_image_by_its_details() -> None:
    """The border of the grid holds the picture itself here, so the details give the smaller number."""
    got = float(estimate_sigma(noisy(MOON * torch.exp(1j * MOON), 0.05), image("complex")))
    assert got == pytest.approx(0.05, rel=0.02)


def test_under_masks() -> None:
    g = torch.Generator().manual_seed(3)
    keep = torch.rand(512, 512, generator=g) < 0.5
    assert float(estimate_sigma(noisy(MOON, 0.05) * keep, image(), keep)) == pytest.approx(0.05, rel=0.03)
    columns = torch.rand(512, generator=g) < 0.25
    y = noisy(kspace(MOON.to(torch.complex128)), 0.05) * columns
    assert float(estimate_sigma(y, image("complex"), columns)) == pytest.approx(0.05, rel=0.02)
    spokes = (torch.arange(512)[:, None] % 8 == 0) & columns  # no two neighbours
    assert float(estimate_sigma(y * spokes, image("complex"), spokes)) == pytest.approx(0.05, rel=0.05)


def test_rows_channels_and_precision() -> None:
    rows = torch.cat([noisy(MOON, s, i) for i, s in enumerate((0.02, 0.1, 0.4))])
    got = estimate_sigma(rows, image())
    np.testing.assert_allclose(got, [0.02, 0.1, 0.4], rtol=0.03)
    for i in range(3):
        assert torch.equal(estimate_sigma(rows[i : i + 1], image())[0], got[i])
    single = estimate_sigma(rows.float(), image())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), got, rtol=1e-3, atol=0)  # a patch may change sides
    channels = noisy(torch.stack([MOON, CAMERA, MOON]), 0.2)
    assert float(estimate_sigma(channels, image("real", "channel"))) == pytest.approx(0.2, rel=0.02)


def test_signals_and_scale() -> None:
    smooth = torch.sin(torch.linspace(0, 20, 4000, dtype=torch.float64))
    signal = Space("real", (Axis("sample", 4000),))
    got = estimate_sigma(noisy(smooth, 0.01), signal)
    # The standard error of a median of n correlated numbers is below 1.2 / n^(1/2) times 2.
    assert float(got) == pytest.approx(0.01, rel=5 * 2.4 / 4000**0.5)
    torch.testing.assert_close(estimate_sigma(1e4 * noisy(smooth, 0.01), signal), 1e4 * got)


def test_where_there_is_nothing_to_estimate_from() -> None:
    with pytest.raises(ValueError, match="unrelated"):
        estimate_sigma(torch.randn(1, 500), Space("real", (Axis("measurement", 500),)))
    lonely = torch.zeros(64, 64, dtype=torch.bool)
    lonely[::2, ::2] = True
    with pytest.raises(ValueError, match="too few"):
        estimate_sigma(torch.randn(1, 64, 64), image(), lonely)
    with pytest.raises(ValueError, match="too few"):
        estimate_sigma(torch.randn(1, 3, 3), image())
    with pytest.raises(ValueError, match="too few"):
        estimate_sigma(
            torch.randn(1, 8, 8, dtype=torch.complex64), image("complex"), torch.zeros(8, 8, dtype=torch.bool)
        )


def test_the_data_term_has_one_weight_for_each_row() -> None:
    space = Space("real", (Axis("row", 512), Axis("col", 512)))
    word = noise.Gaussian(mean=Unknown("x"), sigma="estimate")
    y = torch.cat([noisy(MOON, s) for s in (0.1, 0.2)]).float()
    term = meaning(word)(word).term(Affine({"x": None}), y, IdentityOperator(space, space, Facts()))
    assert isinstance(term, HalfSquare)
    assert isinstance(term.weight, Tensor)
    assert term.weight.dtype == torch.float32
    np.testing.assert_allclose(term.weight, [100.0, 25.0], rtol=0.05)
    assert term.prox(y, 0.3).dtype == torch.float32
    assert term.lipschitz == float(term.weight.max())
