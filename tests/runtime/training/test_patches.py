"""Patches: where they are cut, and how they are changed."""

from __future__ import annotations

import math

import pytest
import torch
from recon.dsl.vocabulary import augmentation
from recon.runtime.training.augment import FlipChange, PhaseChange, ScaleChange, TurnChange
from recon.runtime.training.patches import Patches, resampled
from torch import Tensor


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def labelled(rows: int, cols: int, first: int) -> Tensor:
    """A picture whose pixels say where they are."""
    return torch.arange(first, first + rows * cols, dtype=torch.float64).reshape(rows, cols)


def test_places_are_drawn_evenly_from_pictures_drawn_evenly() -> None:
    a, b = labelled(6, 9, 0), labelled(20, 5, 100)
    draws = 12_000
    corners = Patches([a, b], 4).draw(draws, generator())[:, 0, 0]
    for picture, places in ((a, 3 * 6), (b, 17 * 2)):
        inside = corners[(corners >= picture.min()) & (corners <= picture.max())]
        spread = math.sqrt(draws * 0.25)
        assert abs(len(inside) - draws / 2) < 5 * spread
        found, counts = inside.unique(return_counts=True)
        assert len(found) == places
        expected = len(inside) / places
        # Chi-square with places - 1 degrees of freedom, five standard deviations.
        chi = float(((counts - expected) ** 2 / expected).sum())
        assert chi < places - 1 + 5 * math.sqrt(2 * (places - 1))


def test_a_patch_is_a_part_of_the_picture() -> None:
    picture = labelled(7, 8, 0)
    for patch in Patches([picture], 3).draw(50, generator()):
        top, left = divmod(int(patch[0, 0]), 8)
        assert torch.equal(patch, picture[top : top + 3, left : left + 3])


def test_channels_stay_together() -> None:
    picture = torch.stack([labelled(6, 6, 0), labelled(6, 6, 1000)])
    patches = Patches([picture], 4, [FlipChange(), TurnChange()]).draw(20, generator())
    assert patches.shape == (20, 2, 4, 4)
    assert torch.equal(patches[:, 1] - patches[:, 0], torch.full((20, 4, 4), 1000.0, dtype=torch.float64))


def test_flips_and_turns_give_the_eight_symmetries_evenly() -> None:
    square = labelled(3, 3, 0)
    draws = 4000
    found = Patches([square], 3, [FlipChange(), TurnChange()]).draw(draws, generator()).flatten(1)
    kinds, counts = found.unique(dim=0, return_counts=True)
    assert len(kinds) == 8
    expected = draws / 8
    assert float(((counts - expected) ** 2 / expected).sum()) < 7 + 5 * math.sqrt(14)


def test_what_is_not_square_is_turned_by_half_turns_alone() -> None:
    assert Patches([labelled(3, 5, 0)], None, [TurnChange()]).draw(8, generator()).shape == (8, 3, 5)


def test_a_smaller_picture_shows_more_and_keeps_its_mean() -> None:
    rows = torch.arange(400, dtype=torch.float64)[:, None].expand(400, 400).contiguous()
    wide = Patches([rows], 32, [ScaleChange(0.5, 0.5)]).draw(5, generator())
    assert wide.shape == (5, 32, 32)
    inner = wide[:, 4:-4]
    assert torch.allclose(inner[:, 1:, 0] - inner[:, :-1, 0], torch.full((5, 23), 2.0, dtype=torch.float64))


def test_factors_lie_between_their_ends() -> None:
    picture = torch.arange(300.0)[:, None].expand(300, 300).contiguous()
    steps = Patches([picture], 40, [ScaleChange(0.5, 1)]).draw(200, generator())
    slopes = (steps[:, 30, 0] - steps[:, 10, 0]) / 20
    assert 0.97 < float(slopes.min()) < 1.1
    assert 1.8 < float(slopes.max()) < 2.03


def test_shrinking_removes_what_would_alias() -> None:
    checks = ((torch.arange(64)[:, None] + torch.arange(64)) % 2).double()
    small = resampled(checks, (32, 32))
    assert float((small[2:-2, 2:-2] - 0.5).abs().max()) < 0.02


def test_a_phase_turns_complex_numbers_smoothly_and_keeps_their_size() -> None:
    picture = torch.full((40, 40), 0.7, dtype=torch.complex128)
    patches = Patches([picture], 24, [PhaseChange(2.0, 1.0)]).draw(400, generator())
    assert torch.allclose(patches.abs(), torch.full_like(patches.abs(), 0.7))
    steps = (patches[:, 1:] / patches[:, :-1]).angle()
    # Each of three waves has slope at most 2 pi / 23 times a third of the strength.
    assert float(steps.abs().max()) <= 2.0 * 2 * math.pi / 23 + 1e-9
    mean = (patches[:, 0, 0] / 0.7).mean()
    assert float(mean.abs()) < 5 / math.sqrt(400)


def test_a_patch_larger_than_a_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="an extent of 20"):
        Patches([torch.zeros(64, 64), torch.zeros(20, 90)], 32)
    with pytest.raises(ValueError, match="differ in extents"):
        Patches([torch.zeros(64, 64), torch.zeros(20, 90)], None)


def test_the_words_mean_these_changes() -> None:
    from recon.runtime.meaning import meaning

    made = [
        meaning(word)(word)
        for word in (
            augmentation.Flip(),
            augmentation.Rotate90(),
            augmentation.Rescale.model_validate({"low": 0.6, "high": 0.9}),
            augmentation.Phase.model_validate({"strength": 1.5}),
        )
    ]
    assert [type(m) for m in made] == [FlipChange, TurnChange, ScaleChange, PhaseChange]
    assert (made[2].low, made[2].high, made[3].strength, made[3].waves) == (0.6, 0.9, 1.5, 1.0)
