"""Sparse models of small patches of images, with dictionaries that are learned from the patches themselves."""

from __future__ import annotations

from typing import ClassVar

from annotated_types import Ge, Le
from pydantic import model_validator

from ..model.fields import Annotated, Count, Field, NonNegative, Positive, Whole
from ..model.problem import Problem
from ..model.solver import Misfit, Solver
from ..model.space import Space

PatchSide = Annotated[int, Ge(2), Le(64)]


class Ksvd(Solver):
    """Denoise by a dictionary that K-SVD learns from the patches of the noisy image itself.

    Each patch less its mean is coded with as few atoms as bring its squared error down to n (gain sigma)^2, n the
    pixels of a patch; by turns with the codes, each atom becomes the best one for the patches that use it. The image
    is the mean of all its overlapping patches and of the noisy image. Colours, frames and slices are images side by
    side that share one dictionary. It starts from cosines, and with `iterations = 0` it stays with them.
    """

    role: ClassVar[str] = "direct"
    formula: ClassVar[str] = (
        r"\min_{D, z, x}\ \tfrac{\kappa}{2} \|x - y\|_2^2 + \sum_j \tfrac12 \|D z_j - R_j x\|_2^2, \quad "
        r"\min \|z_j\|_0 \text{ s.t. } \|D z_j - R_j y\|_2^2 \le n (c \sigma)^2"
    )
    reference: ClassVar[str] = "Heckel 2024, 4.1, 4.2; Aharon, Elad, Bruckstein 2006; Elad, Aharon 2006"
    example: ClassVar[str] = "solver ksvd(atoms = 256, patch = 8, iterations = 10)"

    atoms: Count = Field(256, description="how many atoms the dictionary has")
    patch: PatchSide = Field(8, description="side of the square patches in pixels")
    iterations: Whole = Field(10, description="rounds of learning; 0 keeps the cosines that it starts from")
    gain: Positive = Field(1.15, description="a patch is met to within so many sigma for each pixel, c")
    training: Count = Field(40000, description="patches to learn from, drawn at random where there are more")
    keep: NonNegative = Field(1.0, description="weight of the noisy image beside each patch that covers a pixel, kappa")

    @model_validator(mode="after")
    def _teachable(self) -> Ksvd:
        if self.training < self.atoms:
            raise ValueError(
                f"{self.training} patches cannot teach {self.atoms} atoms; give `training` at least as many"
            )
        return self

    def misfit(self, problem: Problem) -> Misfit | None:
        if not problem.data:
            return Misfit(None, f"`{self.word}` needs a noise line", "add `noise y ~ gaussian(x, sigma = ...)`")
        term, *others = problem.data
        if others:
            return Misfit(others[0], f"`{self.word}` denoises one measurement, and `{others[0].label}` is a second")
        if not (term.plain and term.function.quadratic):
            reason = f"`{self.word}` removes white Gaussian noise from an image, and `{term.label}` is something else"
            return Misfit(term, reason)
        space = next(iter(term.blocks.values())).domain
        if space.field != "real":
            return Misfit(term, f"`{self.word}` denoises real images, and this is {space}")
        try:
            self.fit(space)
        except ValueError as e:
            return Misfit(term, str(e), self._smaller(space))
        return None

    def fit(self, space: Space) -> None:
        """Raise ValueError where images of this space, as far as their extents are known, cannot teach the atoms."""
        if len(space.axes) < 2:
            raise ValueError(f"`{self.word}` cuts images into patches, and this is {space}")
        short = [a for a in space.axes[-2:] if a.size is not None and a.size < self.patch]
        if short:
            raise ValueError(f"patches of {self.patch} x {self.patch} pixels do not fit into {space}")
        count = self.patches(space)
        if count is not None and count < self.atoms:
            raise ValueError(f"{count} patches cannot teach {self.atoms} atoms: there are no more in {space}")

    def patches(self, space: Space) -> int | None:
        """How many overlapping patches there are; None while an extent is unknown."""
        if not space.known:
            return None
        *front, rows, cols = space.sizes
        count = (rows - self.patch + 1) * (cols - self.patch + 1)
        for n in front:
            count *= n
        return count

    def _smaller(self, space: Space) -> str:
        count = self.patches(space) if len(space.axes) >= 2 else None
        if count is None or count < 1 or min(space.sizes[-2:]) < self.patch:
            return ""
        return f"write `{self.word}(atoms = {max(count // 4, 1)})`, or fewer: each needs several patches that use it"
