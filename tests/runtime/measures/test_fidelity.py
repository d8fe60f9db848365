"""VIF against sewar and torchmetrics."""

import pytest
import sewar
import skimage.data
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recon.runtime.measures import vif
from skimage.filters import gaussian

from .peers import functional_image


def picture(rows: int = 97, columns: int = 80) -> torch.Tensor:
    return torch.tensor(skimage.data.astronaut()[60 : 60 + rows, 180 : 180 + columns] / 255.0).movedim(-1, 0)[None]


def noisy(t: torch.Tensor, sigma: float = 0.05) -> torch.Tensor:
    return t + sigma * torch.randn(t.shape, dtype=t.dtype, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("extent", [(97, 80), (41, 41), (42, 55)])
@pytest.mark.parametrize("noise", [2.0, 0.4])
def test_as_sewar_and_torchmetrics(extent: tuple[int, int], noise: float) -> None:
    t = picture(*extent)
    blurred = torch.tensor(gaussian(t.numpy(), (0, 0, 1.5, 1.5)))
    for e in (noisy(t), blurred, 1.3 * t, 1 - t, torch.full_like(t, 0.5), noisy(torch.full_like(t, 0.5))):
        ours = vif(e, t, range=1, sigma_n_sq=noise)
        expected = functional_image().visual_information_fidelity(255 * e, 255 * t, sigma_n_sq=noise, reduction="none")
        # Where a gain is clipped, an expectation of 1e-10 is rounded in another order.
        assert torch.allclose(ours, expected, atol=1e-8)
        colours = [v[0].movedim(0, -1).numpy() * 255 for v in (t, e)]
        assert ours.item() == pytest.approx(float(sewar.vifp(*colours, sigma_nsq=noise)), abs=1e-8)


def test_rows_frames_and_slices() -> None:
    t = torch.cat([picture(), picture().flip(2)])
    e = noisy(t)
    together = vif(e, t, range=torch.tensor([1.0, 2.0]))
    apart = [vif(e[i : i + 1], t[i : i + 1], range=float(i + 1)).item() for i in range(2)]
    assert together.tolist() == pytest.approx(apart, abs=1e-12)
    channels = [vif(e[:1, c], t[:1, c], range=1).item() for c in range(3)]
    assert together[0].item() == pytest.approx(sum(channels) / 3, abs=1e-12)


def test_slices_that_tell_nothing_do_not_count() -> None:
    t = picture()
    e = noisy(t)
    empty = torch.zeros_like(t[:, :1])
    assert torch.allclose(vif(torch.cat([e, empty], 1), torch.cat([t, empty], 1), range=1), vif(e, t, range=1))
    assert vif(empty, empty, range=1).isnan().all()
    assert vif(e, t, range=0).isnan().all()
    broken = e.clone()
    broken[0, 1, 5, 5] = torch.nan
    assert vif(torch.cat([e, broken]), torch.cat([t, t]), range=1).isnan().tolist() == [False, True]


@settings(max_examples=20)
@given(st.integers(0, 2**31), st.floats(1e-3, 1e3))
def test_one_for_equal_images_and_free_of_scale(seed: int, scale: float) -> None:
    e, t = torch.rand(2, 1, 41, 43, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    value = vif(e, t, range=1)
    assert torch.allclose(vif(scale * e, scale * t, range=scale), value, rtol=1e-6)
    # Up to the floor of 1e-10 under variances, beside the noise of seeing of 2.
    assert vif(t, t, range=1).item() == pytest.approx(1, abs=1e-9)
    assert 0 <= value.item() < 1
    assert vif(0.5 * t, t, range=1).item() < 1 < vif(2 * t, t, range=1).item()


def test_what_cannot_be_compared() -> None:
    t = picture()
    with pytest.raises(ValueError, match="at least 41 along each axis; these are 40 x 80"):
        vif(t[..., :40, :], t[..., :40, :], range=1)
    with pytest.raises(ValueError, match="take abs"):
        vif(t + 0j, t, range=1)
    with pytest.raises(ValueError, match="positive"):
        vif(t, t, range=1, sigma_n_sq=0)


def test_differentiable() -> None:
    e, t = (v[:, 0].clone() for v in (noisy(picture(42, 41)), picture(42, 41)))
    direction = torch.randn(e.shape, dtype=e.dtype, generator=torch.Generator().manual_seed(1))
    (slope,) = torch.autograd.grad(vif(e.requires_grad_(), t, range=1).sum(), e)
    h = 1e-5
    with torch.no_grad():
        quotient = (vif(e + h * direction, t, range=1) - vif(e - h * direction, t, range=1)) / (2 * h)
    assert (slope * direction).sum().item() == pytest.approx(quotient.item(), rel=1e-5)
