"""MS-SSIM against torchmetrics and sewar, and against SSIM."""

import numpy as np
import pytest
import sewar
import skimage.data
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recon.runtime.measures import Comparison, ms_ssim, ssim
from recon.runtime.measures.windows import halved

from .peers import functional_image

MIRRORED = Comparison(border="reflect")


def pictures(rows: int, columns: int, sigma: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    t = torch.tensor(skimage.data.camera()[100 : 100 + rows, 50 : 50 + columns] / 255.0)[None]
    return t + sigma * torch.randn(t.shape, dtype=t.dtype, generator=torch.Generator().manual_seed(0)), t


@pytest.mark.parametrize("weights", [(0.0448, 0.2856, 0.3001, 0.2363, 0.1333), (0.3, 0.7), (1.0,)])
def test_even_extents_as_torchmetrics(weights: tuple[float, ...]) -> None:
    e, t = (torch.cat([v, v.flip(1), v.square()])[:, None] for v in pictures(192, 176, 0.3))
    e = torch.cat([e, 0.5 * e + 0.2], 1)  # two channels
    t = torch.cat([t, t], 1)
    expected = functional_image().multiscale_structural_similarity_index_measure(
        e, t, data_range=1.0, betas=weights, reduction="none"
    )
    assert torch.allclose(
        ms_ssim(e, t, range=1, weights=weights, by=MIRRORED), expected, atol=1e-7
    )  # its weights: float32


def test_odd_extents_as_the_authors_program() -> None:
    # sewar averages pairs from the other end: on extents of 2^k m + 1 it is the authors' program on mirrored images.
    e, t = pictures(321, 193)
    back, forth = (np.ascontiguousarray(v[0].numpy()[::-1, ::-1]) for v in (t, e))
    assert ms_ssim(e, t, range=1).item() == pytest.approx(float(sewar.msssim(back, forth, MAX=1.0)), abs=1e-9)
    weights = [0.2, 0.5, 0.3]
    expected = float(sewar.msssim(back, forth, MAX=1.0, weights=weights, ws=7, K1=0.02, K2=0.05))
    assert ms_ssim(e, t, range=1, weights=weights, by=Comparison(7, k1=0.02, k2=0.05)).item() == pytest.approx(expected)


def test_one_scale_is_ssim_and_volumes_have_windows_of_their_own() -> None:
    e, t = pictures(64, 48)
    assert torch.allclose(ms_ssim(e, t, range=1, weights=[1.0]), ssim(e, t, range=1))
    e, t = (v.reshape(1, 16, 12, 16) for v in pictures(48, 64))
    solid = Comparison(5, dimensions=3)
    weights = [0.4, 0.6]
    # By hand: the contrast of the first scale, the similarity of the second.
    ones = torch.ones(1, dtype=torch.float64)
    contrast = solid.maps(e, t, ones, "valid")[1]
    e2, t2 = (torch.nn.functional.avg_pool3d(v[:, None], 2)[:, 0] for v in (e, t))
    expected = contrast**0.4 * ssim(e2, t2, range=1, by=solid) ** 0.6
    assert torch.allclose(ms_ssim(e, t, range=1, weights=weights, by=solid), expected)


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.floats(1e-3, 1e3), st.sampled_from(["gaussian", "uniform"]))
def test_symmetric_at_most_one_and_free_of_scale(seed: int, scale: float, kind: str) -> None:
    e, t = torch.rand(2, 2, 25, 31, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    by = Comparison(7, kind=kind)  # type: ignore[arg-type]
    for measure in (ssim, lambda e, t, range, by: ms_ssim(e, t, range=range, by=by, weights=[0.3, 0.7])):
        value = measure(e, t, range=1, by=by)
        assert torch.allclose(measure(t, e, range=1, by=by), value, atol=1e-12)
        assert torch.allclose(measure(scale * e, scale * t, range=scale, by=by), value, atol=1e-9)
        assert bool((value < 1).all())
        assert torch.allclose(measure(t, t, range=1, by=by), torch.ones(2, dtype=torch.float64), atol=1e-12)


def test_limits() -> None:
    e, t = pictures(161, 161)
    assert ms_ssim(1 - t, t, range=1).item() == 0  # contrasts that contradict count as none
    assert ms_ssim(torch.cat([e, e * torch.nan]), torch.cat([t, t]), range=1).isnan().tolist() == [False, True]
    assert ms_ssim(t, t, range=0).isnan().all()
    with pytest.raises(
        ValueError, match="over 5 scales needs images of at least 161 along each axis; these are 160 x 161"
    ):
        ms_ssim(e[:, 1:], t[:, 1:], range=1)
    with pytest.raises(ValueError, match="take abs"):
        ms_ssim(e + 0j, t, range=1)
    for weights in ([], [0.5, 0.0]):
        with pytest.raises(ValueError, match="positive weight"):
            ms_ssim(e, t, range=1, weights=weights)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_halved(n: int) -> None:
    x = torch.arange(float(n))[None]
    expected = [float(np.mean(range(i, min(i + 2, n)))) for i in range(0, n, 2)]
    assert halved(x)[0].tolist() == expected
