"""Examples that a page makes: their noise, its levels, and what the network is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from recon.dsl.check.page import CheckedExperiment, load
from recon.dsl.vocabulary.losses import Supervised
from recon.runtime.data.pictures import TRAIN_PICTURES, fit_picture, sample_picture
from recon.runtime.experiment.gather import build_for
from recon.runtime.training.pairs import Pairs
from recon.runtime.training.simulated import Simulated, pictures, simulated
from torch import Tensor

PAGE = """recon 1
data fit = sample("*") {{ split = "train"; x = image }}
data test = sample("camera")
image x : {space}
{forward}
noise y ~ gaussian(A @ x, sigma = {sigma})
solver network(learned({network}), input = {input})
train supervised() {{ data = fit; steps = 9; batch = {batch}; {options} }}
"""


def checked(
    space: str = "real[auto, auto]",
    forward: str = "forward A = identity()",
    sigma: str = "0.1",
    network: str = "dncnn()",
    input: str = "adjoint",
    batch: int = 8,
    options: str = "patches = 16",
) -> CheckedExperiment:
    return load(PAGE.format(**locals()), "page.recon", Path())


def examples(page: CheckedExperiment, seed: int = 0) -> Simulated:
    loss = page.experiment.methods[""].train
    assert isinstance(loss, Supervised)
    solver = page.experiment.methods[""].learned[0].network
    build = replace(build_for(page.experiment, torch.device("cpu")), seed=seed)
    return simulated(page, "", loss, Path(), build, solver.conditional)


def many(examples: Simulated, steps: int) -> Pairs:
    found = [examples.batch(k) for k in range(steps)]
    sigma = torch.cat([p.sigma for p in found if p.sigma is not None]) if found[0].sigma is not None else None
    return Pairs(torch.cat([p.input for p in found]), torch.cat([p.target for p in found]), sigma)


def test_noise_has_the_level_of_the_page() -> None:
    pairs = many(examples(checked(sigma="0.07")), 30)
    noise = (pairs.input - pairs.target).double()
    n = noise.numel()
    assert float(noise.mean().abs()) < 5 * 0.07 / n**0.5
    assert float(noise.square().mean()) == pytest.approx(0.07**2, rel=5 * (2 / n) ** 0.5)
    assert float(noise.pow(4).mean()) == pytest.approx(3 * 0.07**4, rel=5 * (96 / 9 / n) ** 0.5)


def test_levels_are_drawn_evenly_for_each_patch_and_told() -> None:
    pairs = many(examples(checked(sigma="uniform(0.02, 0.3)", network="drunet()", batch=16)), 60)
    sigma = pairs.sigma
    assert sigma is not None
    n = len(sigma)
    assert len(sigma.unique()) == n
    assert 0.02 <= float(sigma.min()) < 0.03
    assert 0.29 < float(sigma.max()) <= 0.3
    spread = 0.28 / 12**0.5
    assert float(sigma.mean()) == pytest.approx(0.16, abs=5 * spread / n**0.5)
    assert float(sigma.std()) == pytest.approx(spread, rel=5 / n**0.5)
    found = (pairs.input - pairs.target).flatten(1).square().mean(1).sqrt()
    pixels = pairs.input[0].numel()
    assert float((found / sigma - 1).abs().max()) < 6 / (2 * pixels) ** 0.5


def test_complex_noise_has_that_level_in_each_part() -> None:
    pairs = many(
        examples(checked(space="complex[auto, auto]", sigma="0.2", options="patches = 16; augment = [phase]")), 30
    )
    assert pairs.input.shape[1] == 2
    noise = pairs.input - pairs.target
    n = noise[:, 0].numel()
    for part in (0, 1):
        assert float(noise[:, part].double().square().mean()) == pytest.approx(0.04, rel=5 * (2 / n) ** 0.5)
    product = (noise[:, 0] * noise[:, 1]).double().mean()
    assert abs(float(product)) < 5 * 0.04 / n**0.5
    assert float(pairs.target[:, 1].abs().mean()) > 0.1, "the phase is not zero everywhere"


def test_a_step_depends_on_its_number_and_the_seed_alone() -> None:
    page = checked(sigma="uniform(0, 0.2)", network="drunet()", options="patches = 16; augment = [flip, rescale]")
    one, two = examples(page), examples(page)
    forwards = [one.batch(k) for k in range(4)]
    backwards = [two.batch(k) for k in reversed(range(4))][::-1]
    for a, b in zip(forwards, backwards, strict=True):
        assert torch.equal(a.input, b.input)
        assert torch.equal(a.target, b.target)
    other = examples(page, seed=1).batch(0)
    assert not torch.equal(other.target, forwards[0].target)
    assert not torch.equal(other.input - other.target, forwards[0].input - forwards[0].target)


def test_a_patch_that_comes_again_has_other_noise() -> None:
    source = examples(checked(space="real[16, 16]", batch=64))
    first, second = source.batch(0), source.batch(1)
    seen = {tuple(x.flatten().tolist()): y for x, y in zip(first.target, first.input, strict=True)}
    again = [
        (y, seen[k])
        for x, y in zip(second.target, second.input, strict=True)
        if (k := tuple(x.flatten().tolist())) in seen
    ]
    assert again
    assert not any(torch.equal(a, b) for a, b in again)


def test_the_network_is_given_the_adjoint_image() -> None:
    forward = "forward A = conv(gaussian(width = 1), boundary = circular)"
    pairs = many(examples(checked(forward=forward, sigma="1e-6")), 2)
    r = torch.minimum(torch.arange(16), 16 - torch.arange(16)).double()
    line = torch.exp(-r.square() / 2)
    line[5:12] = 0 if float(line[4]) < 1e-3 else line[5:12]
    kernel = line[:, None] * line[None, :]
    transfer = torch.fft.fft2(kernel / kernel.sum()).real

    def blurred(x: Tensor) -> Tensor:
        return torch.fft.ifft2(torch.fft.fft2(x.double()) * transfer).real

    expected = blurred(blurred(pairs.target))
    assert float((pairs.input - expected).abs().max()) < 2e-3


def test_super_resolution_is_given_the_interpolated_image() -> None:
    page = checked(forward="forward A = downsample(2)", sigma="0.01", network="srcnn()", input="interpolate")
    pairs = many(examples(page), 2)
    assert pairs.input.shape == pairs.target.shape
    error = (pairs.input - pairs.target).square().mean()
    assert 0.01**2 / 4 < float(error) < 0.05


def test_masks_that_vary_with_the_row_vary_with_the_patch() -> None:
    forward = "forward A = cartesian(accel = 2, vary = row) @ fft2()"
    source = examples(checked(space="complex[auto, auto]", forward=forward, sigma="0.001", batch=2))
    pairs = source.batch(0)
    spectra = torch.fft.fft2(torch.view_as_complex(pairs.input.movedim(1, -1).contiguous())).abs()
    kept = spectra.amax(1) > 1e-4 * spectra.amax((1, 2))[:, None]  # the columns that are measured
    assert kept.sum(1).tolist() == [8, 8]
    assert not torch.equal(kept[0], kept[1])


def test_pictures_keep_their_own_extents_and_none_is_a_test_picture() -> None:
    page = checked()
    build = build_for(page.experiment, torch.device("cpu"))
    found = pictures(page, "", page.experiment.data["fit"], Path(), build)
    expected = [fit_picture(sample_picture(name), 1, None)[0] for name in TRAIN_PICTURES]
    assert [tuple(x.shape) for x in found] == [x.shape for x in expected]
    assert all(torch.equal(a, torch.from_numpy(b)) for a, b in zip(found, expected, strict=True))
    held_out = fit_picture(sample_picture("camera"), 1, None)[0]
    assert not any(a.shape == held_out.shape and torch.equal(a, torch.from_numpy(held_out)) for a in found)
