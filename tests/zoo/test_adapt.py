"""A network fitted to images of any extents, range and kind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from recon.dsl.model.contract import Architecture, Contract, Licences, NoiseLevels
from recon.zoo.adapt import Adapted, reflected
from recon.zoo.networks import DRUNet
from torch import Tensor, nn

COLOUR = ("channel", "row", "col")
AXES = (
    ("row", "col"),
    COLOUR,
    ("z", "row", "col"),
    ("frame", "row", "col"),
    ("channel", "frame", "row", "col"),
    ("frame", "channel", "z", "row", "col"),
)


class Probe(nn.Module):
    """Keeps what it was given and answers with a function of it."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor, sigma: Tensor | None = None) -> Tensor:
        self.seen, self.sigma = x, sigma
        return self.factor * x


def contract(**more: Any) -> Contract:
    given: dict[str, Any] = {
        "network": Architecture(name="dncnn"),
        "role": "denoiser",
        "channels": 1,
        "sha256": "0" * 64,
        "licences": Licences(weights="", code="", data=""),
    }
    return Contract(**{**given, **more})


def noise(conditional: bool = True) -> NoiseLevels:
    return NoiseLevels(conditional=conditional, levels=(0.0, 0.3))


def test_images_come_back_with_their_axes() -> None:
    for axes in AXES:
        x = torch.rand(2, *(3 + k for k in range(len(axes))))
        torch.testing.assert_close(Adapted(Probe(), contract(), axes=axes)(x), x)


def test_extents_are_padded_by_reflection_and_cut_again() -> None:
    probe = Probe(2.0)
    x = torch.rand(1, 9, 13)
    out = Adapted(probe, contract(multiple=8))(x)
    assert probe.seen.shape == (1, 1, 16, 16)
    torch.testing.assert_close(out, 2 * x)
    torch.testing.assert_close(probe.seen[0, 0, 9:, :13], x[0].flip(0)[1:8])


def test_padding_larger_than_the_image_reflects_again() -> None:
    x = torch.arange(3.0).reshape(1, 1, 1, 3)
    wide = reflected(x, (0, 5, 0, 3))
    assert wide[0, 0, 0].tolist() == [0, 1, 2, 1, 0, 1, 2, 1]
    assert wide.shape == (1, 1, 4, 8)
    assert torch.equal(wide[0, 0, 0], wide[0, 0, 3])


def test_values_are_brought_to_the_range_and_noise_with_them() -> None:
    probe = Probe()
    adapted = Adapted(probe, contract(range=(-1.0, 1.0), noise=noise()), range=(0.0, 255.0))
    x = torch.tensor([[[0.0, 255.0]]])
    out = adapted(x, 25.5)
    torch.testing.assert_close(probe.seen[0, 0, 0], torch.tensor([-1.0, 1.0]))
    assert probe.sigma is not None
    torch.testing.assert_close(probe.sigma, torch.tensor([0.2]))
    torch.testing.assert_close(out, x)


def test_levels_may_differ_from_row_to_row() -> None:
    probe = Probe()
    adapted = Adapted(probe, contract(noise=noise()), axes=COLOUR)
    adapted(torch.rand(2, 3, 4, 4), torch.tensor([0.1, 0.2]))
    assert probe.sigma is not None
    torch.testing.assert_close(probe.sigma, torch.tensor([0.1, 0.1, 0.1, 0.2, 0.2, 0.2]))


def test_a_level_that_is_needed_is_asked_for() -> None:
    with pytest.raises(ValueError, match="noise level"):
        Adapted(Probe(), contract(noise=noise()))(torch.rand(1, 4, 4))


def test_a_real_network_takes_the_parts_of_complex_numbers_apart() -> None:
    probe = Probe(0.5)
    x = torch.randn(2, 5, 6, dtype=torch.complex64)
    out = Adapted(probe, contract(noise=noise()))(x, 0.1)
    assert probe.seen.shape == (4, 1, 5, 6)
    # The parts of a modulus in 0..1 lie in -1..1, and are brought to 0..1 with the noise on them.
    torch.testing.assert_close(probe.seen[:2, 0], (torch.stack([x[0].real, x[0].imag]) + 1) / 2)
    assert probe.sigma is not None
    assert probe.sigma.tolist() == pytest.approx([0.05] * 4)
    torch.testing.assert_close(out, 0.5 * (x + 1 + 1j) - (1 + 1j))


def test_a_complex_network_takes_both_parts_at_once() -> None:
    probe = Probe(0.5)
    adapted = Adapted(probe, contract(channels=2, value="complex"))
    x = torch.randn(2, 5, 6, dtype=torch.complex64)
    torch.testing.assert_close(adapted(x), 0.5 * x)
    assert probe.seen.shape == (2, 2, 5, 6)
    torch.testing.assert_close(probe.seen[:, 0], x.real)
    torch.testing.assert_close(probe.seen[:, 1], x.imag)
    real = torch.rand(2, 5, 6)
    torch.testing.assert_close(adapted(real), 0.5 * real)
    assert float(probe.seen[:, 1].abs().max()) == 0


def test_planes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="takes 3 channels at once, and the image has 2"):
        Adapted(Probe(), contract(channels=3), axes=COLOUR)(torch.rand(1, 2, 4, 4))


@pytest.fixture
def told() -> DRUNet:
    """A network of any weights that is told the noise level and takes extents that are multiples of 8."""
    torch.manual_seed(0)
    return DRUNet(1, 2, 1).eval()


TOLD = contract(multiple=8, noise=noise())


def by_hand(network: nn.Module, image: Tensor, sigma: float) -> Tensor:
    """The network's answer for one plane [H, W], padded below and to the right, and cut."""
    rows, cols = image.shape
    wide = nn.functional.pad(image[None, None], (0, -cols % 8, 0, -rows % 8), mode="reflect")
    return network(wide, torch.tensor([sigma]))[0, 0, :rows, :cols]  # type: ignore[no-any-return]


@pytest.mark.parametrize("axes", AXES)
@torch.no_grad()
def test_each_slice_and_channel_is_taken_by_itself(told: DRUNet, axes: tuple[str, ...]) -> None:
    x, levels = torch.rand(2, *(2,) * (len(axes) - 2), 13, 10), torch.tensor([0.1, 0.2])
    found = Adapted(told, TOLD, axes=axes)(x, levels)
    expected = [
        by_hand(told, plane, s) for row, s in zip(x, (0.1, 0.2), strict=True) for plane in row.reshape(-1, 13, 10)
    ]
    torch.testing.assert_close(found, torch.stack(expected).reshape(x.shape), atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_parts_of_complex_images_are_taken_by_themselves(told: DRUNet) -> None:
    x = torch.randn(1, 2, 8, 11, dtype=torch.complex64)
    found = Adapted(told, TOLD, axes=COLOUR)(x, 0.1)
    for c in range(2):
        parts = [2 * by_hand(told, (part + 1) / 2, 0.05) - 1 for part in (x[0, c].real, x[0, c].imag)]
        torch.testing.assert_close(found[0, c], torch.complex(*parts), atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_values_and_levels_are_brought_to_the_range_of_the_network(told: DRUNet) -> None:
    x = 255 * torch.rand(1, 8, 8, dtype=torch.float64)
    found = Adapted(told, contract(multiple=8, noise=noise(), range=(-1.0, 1.0)), range=(0.0, 255.0))(x, 25.5)
    assert found.dtype == torch.float64
    expected = (by_hand(told, (2 * x[0] / 255 - 1).float(), 0.2) + 1) * 255 / 2
    torch.testing.assert_close(found[0].float(), expected, atol=1e-3, rtol=1e-5)


@torch.no_grad()
def test_a_network_for_colours_takes_real_and_imaginary_parts_of_all_of_them() -> None:
    torch.manual_seed(0)
    colours = nn.Conv2d(3, 3, 3, padding=1)
    x = torch.randn(2, 3, 6, 5, dtype=torch.complex64)
    found = Adapted(colours, contract(channels=3), axes=COLOUR)(x)
    parts = [2 * colours((part + 1) / 2) - 1 for part in (x.real, x.imag)]
    torch.testing.assert_close(found, torch.complex(*parts))
    film = torch.rand(2, 3, 4, 6, 5)
    found = Adapted(colours, contract(channels=3), axes=("channel", "frame", "row", "col"))(film)
    torch.testing.assert_close(found, torch.stack([colours(film[:, :, k]) for k in range(4)], 2))


@torch.no_grad()
def test_a_network_for_complex_colours_takes_pairs_of_planes() -> None:
    torch.manual_seed(0)
    pairs = nn.Conv2d(6, 6, 3, padding=1)
    x = torch.randn(2, 3, 6, 5, dtype=torch.complex64)
    found = Adapted(pairs, contract(channels=6, value="complex"), axes=COLOUR)(x)
    planes = pairs(torch.stack([x.real, x.imag], 2).reshape(2, 6, 6, 5))
    torch.testing.assert_close(found, torch.complex(planes[:, 0::2], planes[:, 1::2]))
    alone = nn.Conv2d(2, 2, 3, padding=1)
    found = Adapted(alone, contract(channels=2, value="complex"), axes=COLOUR)(x.real)
    for c in range(3):
        only = alone(torch.stack([x[:, c].real, torch.zeros(2, 6, 5)], 1))
        torch.testing.assert_close(found[:, c], only[:, 0])
