"""Augmentation: patches as they might have been, mirrored, turned, larger, or of another phase."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from recon.dsl.vocabulary import augmentation
from torch import Tensor

from ..data.phases import smooth_phase, turned
from ..meaning import meaning_of


@dataclass(frozen=True)
class Window:
    """What is cut from a picture before it is brought to the extents of a patch."""

    rows: int
    cols: int


class Change:
    """One way that patches vary; all draws are from the generator of the step."""

    def widened(self, window: Window, generator: torch.Generator) -> Window:
        """The window to cut, where it differs from the patch."""
        return window

    def changed(self, patch: Tensor, generator: torch.Generator) -> Tensor:
        """The patch [..., rows, cols], changed; its extents stay unless it is turned."""
        return patch


class FlipChange(Change):
    def changed(self, patch: Tensor, generator: torch.Generator) -> Tensor:
        axes = [axis for axis in (-2, -1) if torch.rand((), generator=generator) < 0.5]
        return patch.flip(axes) if axes else patch


class TurnChange(Change):
    def changed(self, patch: Tensor, generator: torch.Generator) -> Tensor:
        turns = int(torch.randint(4, (), generator=generator))
        if patch.shape[-2] != patch.shape[-1]:
            turns = 2 * (turns % 2)  # a quarter turn would exchange the extents
        return torch.rot90(patch, turns, (-2, -1))


class ScaleChange(Change):
    """Pictures made smaller by a factor between two ends, its logarithm even."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def widened(self, window: Window, generator: torch.Generator) -> Window:
        even = float(torch.rand((), generator=generator, dtype=torch.float64))
        factor = math.exp(math.log(self.low) + even * math.log(self.high / self.low))
        return Window(max(1, round(window.rows / factor)), max(1, round(window.cols / factor)))


class PhaseChange(Change):
    """x exp(i phi) with phi = a + sum_k b_k cos(2 pi f_k . r + c_k): a constant and a few waves longer than a patch."""

    def __init__(self, strength: float, waves: float) -> None:
        self.strength, self.waves = strength, waves

    def changed(self, patch: Tensor, generator: torch.Generator) -> Tensor:
        rows, cols = patch.shape[-2:]
        return turned(patch, smooth_phase(rows, cols, self.strength, self.waves, generator))


@meaning_of(augmentation.Flip)
def flip(word: augmentation.Flip) -> Change:
    return FlipChange()


@meaning_of(augmentation.Rotate90)
def rotate90(word: augmentation.Rotate90) -> Change:
    return TurnChange()


@meaning_of(augmentation.Rescale)
def rescale(word: augmentation.Rescale) -> Change:
    return ScaleChange(word.low, word.high)


@meaning_of(augmentation.Phase)
def phase(word: augmentation.Phase) -> Change:
    return PhaseChange(word.strength, word.waves)
