"""A network fitted to images of any extents, range and kind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from recon.dsl.model.contract import Architecture, Contract, Licences, NoiseLevels
from recon.zoo.adapt import Adapted, reflected
from torch import Tensor, nn


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
    for x, channels in ((torch.rand(2, 9, 7), False), (torch.rand(2, 3, 9, 7), True)):
        out = Adapted(Probe(), contract(), channels=channels)(x)
        torch.testing.assert_close(out, x)


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
    adapted = Adapted(probe, contract(noise=noise()), channels=True)
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
    torch.testing.assert_close(probe.seen[:2, 0], torch.stack([x[0].real, x[0].imag]))
    assert probe.sigma is not None
    assert probe.sigma.tolist() == pytest.approx([0.1] * 4)
    torch.testing.assert_close(out, 0.5 * x)


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
    with pytest.raises(ValueError, match="takes 3 planes"):
        Adapted(Probe(), contract(channels=3), channels=True)(torch.rand(1, 2, 4, 4))
