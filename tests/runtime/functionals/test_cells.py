"""Rounding, impulses and JPEG: cells that hold the truth, projections, and what libjpeg makes of the same picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
import scipy.fft
import scipy.optimize
import skimage.data
import torch
from PIL import Image
from recon.dsl.model.fields import Interval
from recon.dsl.model.problem import Affine
from recon.dsl.model.space import Axis, Space
from recon.dsl.vocabulary import cells as words
from recon.runtime.functionals.data import Cell, CosineCell
from recon.runtime.transforms.jpeg import compressed, decoded, levels, quantisation
from torch import Tensor

from .laws import LINEAR, MASK, SIZES, Sampling, X, drawn, generators, law, random

CAMERA = torch.as_tensor(skimage.data.camera() / 255.0)[None]
PICTURE = Sampling(mask=None, sizes=(512, 512))


def libjpeg(grey: np.ndarray, quality: int) -> tuple[np.ndarray, np.ndarray]:
    """What libjpeg decodes, and the table of steps in the file."""
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "jpeg", quality=quality)
    opened = Image.open(file)
    table = np.array(opened.quantization[0]).reshape(8, 8)  # type: ignore[attr-defined]
    return np.asarray(opened), table


# JPEG.


@pytest.mark.parametrize("quality", [1, 5, 20, 50, 75, 90, 100])
def test_jpeg_is_that_of_libjpeg(quality: int) -> None:
    """The tables are equal, and the pictures within a grey level but where its integers round a coefficient over."""
    grey = skimage.data.camera()[:300, :205]
    expected, table = libjpeg(grey, quality)
    assert np.array_equal(quantisation(quality).numpy(), table)
    ours = 255 * compressed(torch.as_tensor(grey / 255.0)[None], quality)[0].numpy()
    off = np.abs(ours - expected)
    assert (off <= 1).mean() > 0.98
    assert off.max() <= 2 + table.max() / 4
    assert (ours == np.round(ours)).all()


@pytest.mark.parametrize("quality", [5, 20, 75, 100])
def test_a_jpeg_cell_holds_the_truth(quality: int) -> None:
    """Of drawn data, and of a file decoded to grey levels where the steps are large beside their rounding."""
    meant = law(words.Jpeg(mean=X, quality=quality))
    y = meant.draw(CAMERA, LINEAR, PICTURE, [])
    g = meant.term(LINEAR, y, PICTURE)
    assert isinstance(g, CosineCell)
    assert g.value(CAMERA).tolist() == [0]
    assert g.value(y).tolist() == [0]
    off = CAMERA.clone()
    off[0, 8:16, 8:16] += 1.1 * float(quantisation(quality)[0, 0]) / 255 / 8
    assert g.value(off).tolist() == [torch.inf]
    if quality == 20:
        decoded_ = torch.as_tensor(libjpeg(skimage.data.camera(), quality)[0] / 255.0)[None]
        moved = (meant.term(LINEAR, decoded_, PICTURE).prox(CAMERA, 1.0) - CAMERA).abs()
        # Some coefficients lie so near the edge of a cell that libjpeg's integers round them to the next one.
        assert float((moved > 1e-12).double().mean()) < 0.03
        assert float(moved.max()) < 0.05


def test_the_range_of_a_jpeg() -> None:
    """Black and white may be any two values, and the mean may have a number added."""
    a = law(words.Jpeg(mean=X, quality=30))
    b = law(words.Jpeg(mean=X, quality=30, range=Interval(-1.0, 3.0, None)))
    torch.testing.assert_close(b.draw(4 * CAMERA - 1, LINEAR, PICTURE, []), 4 * a.draw(CAMERA, LINEAR, PICTURE, []) - 1)
    shifted = Affine({"x": None}, 0.25)
    g = b.term(shifted, 4 * a.draw(CAMERA, LINEAR, PICTURE, []) - 1, PICTURE)
    assert g.value(4 * CAMERA - 1.25).tolist() == [0]


def test_the_projection_onto_a_jpeg_cell() -> None:
    """Against a quadratic program over one block, with scipy's cosine transform as the constraint's matrix."""
    meant = law(words.Jpeg(mean=X, quality=20))
    one = Sampling(mask=None, sizes=(8, 8))
    y = meant.draw(CAMERA[:, 100:108, 200:208], LINEAR, one, [])
    g = meant.term(LINEAR, y, one)
    v = CAMERA[:, 100:108, 200:208] + 0.2 * torch.randn(1, 8, 8, dtype=torch.float64, generator=torch.Generator())
    table = quantisation(20).numpy()
    kept = np.round(scipy.fft.dctn(255 * y[0].numpy() - 128, norm="ortho") / table)
    matrix = np.stack([scipy.fft.dctn(e.reshape(8, 8), norm="ortho").ravel() for e in np.eye(64)], 1)
    middle = (kept * table).ravel() + scipy.fft.dctn(np.full((8, 8), 128.0), norm="ortho").ravel()
    found = scipy.optimize.lsq_linear(
        matrix.T,
        v[0].numpy().ravel(),
        ((middle - table.ravel() / 2) / 255, (middle + table.ravel() / 2) / 255),
        tol=1e-14,
    )
    np.testing.assert_allclose(g.prox(v, 0.3)[0].ravel(), matrix.T @ found.x, atol=1e-6)
    p = random(3)[:1, :1, :1].expand(1, 8, 8) * torch.linspace(-1, 1, 8)
    # Moreau: v = prox_{t g}(v) + t prox_{g* / t}(v / t); and the support function is attained at a corner.
    torch.testing.assert_close(g.conjugate_prox(v, 0.7), v - 0.7 * g.prox(v / 0.7, 1.0))
    conjugate = g.conjugate(p)
    assert conjugate is not None
    assert float(conjugate) == pytest.approx(float((p * g.prox(1e6 * p, 1.0)).sum()), rel=1e-9)


def test_pictures_that_cannot_be_coded_are_refused() -> None:
    word = words.Jpeg(mean=X)
    for sizes, message in (((16, 20), "20 cols are no multiple of 8"), ((13, 16), "13 rows")):
        space = Space("real", (Axis("row", sizes[0]), Axis("col", sizes[1])))
        with pytest.raises(ValueError, match=message):
            word.function(LINEAR, space)
    with pytest.raises(ValueError, match="pictures"):
        word.function(LINEAR, Space("real", (Axis("sample", 64),)))
    with pytest.raises(ValueError, match="real"):
        word.function(LINEAR, Space("complex", (Axis("row", 8), Axis("col", 8))))
    with pytest.raises(ValueError, match="mask"):
        law(word).term(LINEAR, torch.zeros(1, 6, 5), Sampling())
    with pytest.raises(ValueError, match=r"1\.\.100"):
        quantisation(0)


def test_levels_of_a_flat_picture() -> None:
    table = quantisation(50)
    kept = levels(torch.full((1, 8, 8), 200.0, dtype=torch.float64), table)
    assert kept[0, 0, 0] == round(8 * 72 / 16)
    assert kept.count_nonzero() == 1
    torch.testing.assert_close(decoded(kept, table), torch.full((1, 8, 8), 200.0, dtype=torch.float64))


# Rounding.


def test_rounding_to_bits() -> None:
    """Eight levels over 0..1; what lies beyond is recorded as the end, and bounded from one side only."""
    meant = law(words.Quantised(mean=X, bits=3))
    m = torch.linspace(-0.3, 1.3, 30, dtype=torch.float64).reshape(1, *SIZES)
    whole = Sampling(mask=None)
    y = meant.draw(m, LINEAR, whole, [])
    np.testing.assert_allclose(y.unique(), np.arange(8) / 7, atol=1e-15)
    g = meant.term(LINEAR, y, whole)
    assert isinstance(g, Cell)
    assert g.value(m).tolist() == [0]
    assert bool((y - m.clamp(0, 1)).abs().max() <= 1 / 14 + 1e-15)
    low = torch.full_like(m, -5.0)
    np.testing.assert_allclose(g.prox(low, 1.0)[y > 0], (y - 1 / 14)[y > 0])
    assert bool((g.prox(low, 1.0)[y == 0] == -5).all())
    assert bool((g.prox(-low, 1.0)[y == 1] == 5).all())


def test_rounding_to_steps() -> None:
    meant = law(words.Quantised(mean=X, step=0.25))
    m = 3 * random(1)
    y = meant.draw(m, LINEAR, Sampling(), [])
    assert torch.equal(y, 0.25 * torch.round(m / 0.25) * MASK)
    g = meant.term(Affine({"x": None}, 0.1), y, Sampling())
    assert g.value((m - 0.1) * MASK).tolist() == [0, 0]
    assert g.value((m + 0.16) * MASK).tolist() == [torch.inf] * 2
    assert g.value(m - 0.1).tolist() == [0, 0]  # what is not measured is free


def test_levels_are_stated_once() -> None:
    with pytest.raises(ValueError, match="`bits` or by `step`"):
        words.Quantised(mean=X)
    with pytest.raises(ValueError, match="less than or equal to 16"):
        words.Quantised(mean=X, bits=17)


# Impulses and bounded errors.


def test_impulses() -> None:
    mean = torch.linspace(0.1, 0.9, 30, dtype=torch.float64).reshape(1, *SIZES) * MASK
    word = words.SaltPepper(mean=X, fraction=0.3)
    y = drawn(word, mean, Sampling())[:, MASK]
    for end in (0.0, 1.0):
        assert abs(float((y == end).double().mean()) - 0.15) < 5 * (0.15 * 0.85 / y.numel()) ** 0.5
    kept = (y > 0) & (y < 1)
    assert torch.equal(y[kept], mean[:, MASK].expand_as(y)[kept])
    one = law(word).draw(mean, LINEAR, Sampling(), generators(1))
    g = law(word).term(Affine({"x": None}, 0.05), one, Sampling())
    assert g.value((mean - 0.05) * MASK).tolist() == [0]
    assert g.linearise().shape == mean.shape
    exact = g.prox(torch.full_like(mean, 7.0), 1.0)
    inside = (one > 0) & (one < 1) & MASK
    torch.testing.assert_close(exact[inside], (one - 0.05)[inside])
    assert bool((exact[~inside] == 7).all())


def test_even_errors() -> None:
    mean = random(6, rows=1) * MASK
    e = (drawn(words.Uniform(mean=X, radius=0.2), mean, Sampling()) - mean)[:, MASK].numpy()
    assert np.abs(e).max() <= 0.2
    assert abs(e.mean()) < 5 * 0.2 / (3 * e.size) ** 0.5
    # The variance r^2 / 3 has itself the variance 4 r^4 / (45 n).
    assert abs(e.var() - 0.04 / 3) < 5 * (4 * 0.2**4 / 45 / e.size) ** 0.5
    y = law(words.Uniform(mean=X, radius=0.2)).draw(mean, LINEAR, Sampling(), generators(1))
    g = law(words.Uniform(mean=X, radius=0.2)).term(LINEAR, y, Sampling())
    assert g.value(mean).tolist() == [0]
    assert g.value(y + 0.21 * MASK).tolist() == [torch.inf]


RANDOM = [words.Uniform(mean=X, radius=0.1), words.SaltPepper(mean=X, fraction=0.4)]


@pytest.mark.parametrize("word", RANDOM, ids=lambda w: w.word)
def test_rows_and_precision(word: words.Uniform) -> None:
    mean = 0.1 + 0.8 * torch.rand(4, *SIZES, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    whole = law(word).draw(mean, LINEAR, Sampling(), generators(4))
    for i in range(4):
        assert torch.equal(law(word).draw(mean[i : i + 1], LINEAR, Sampling(), generators(1, first=i))[0], whole[i])
    single = law(word).draw(mean.float(), LINEAR, Sampling(), generators(4))
    torch.testing.assert_close(single.double(), whole, rtol=1e-6, atol=1e-6)
    assert bool((whole[:, ~MASK] == 0).all())


def test_cells_are_real_and_not_empty() -> None:
    with pytest.raises(TypeError, match="real"):
        Cell(random(1, True), random(1, True))
    with pytest.raises(ValueError, match="low <= high"):
        Cell(torch.ones(1, 2), torch.zeros(1, 2))
    low = torch.tensor([[-torch.inf, 0.5, -torch.inf]])
    high = torch.tensor([[0.25, 0.5, torch.inf]])
    g = Cell(low, high)
    p: Tensor = torch.tensor([[2.0, -3.0, 0.0]])
    assert g.conjugate(p).tolist() == [2 * 0.25 - 3 * 0.5]
    assert g.conjugate(-p).tolist() == [torch.inf]
