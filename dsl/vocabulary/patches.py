"""Sparse models of small patches of images, with dictionaries that are learned from the patches themselves."""

from __future__ import annotations

from typing import ClassVar, Literal

from annotated_types import Ge, Le
from pydantic import field_validator, model_validator

from ..model.fields import Annotated, Count, Field, FilePath, NonNegative, Positive, Whole
from ..model.files import FileError, picture_header
from ..model.problem import Problem
from ..model.solver import Misfit, Solver
from ..model.space import Space, SpaceError
from ..model.word import Array
from .sources.pictures import FACES, Sample

PatchSide = Annotated[int, Ge(2), Le(64)]


class KsvdAtoms(Array):
    """The atoms of a dictionary that K-SVD learns from patches of clean pictures: an array [atoms, patch, patch].

    Pictures are gray and in 0..1, and as many patches are drawn from each. A patch less its mean is coded with few
    atoms; by turns with the codes, each atom becomes the best one for the patches that use it. The first atom is
    constant and stands for the mean. With `iterations = 0` the others are the cosines that learning starts from, and no
    picture is needed.
    """

    word: ClassVar[str] = "ksvd"
    formula: ClassVar[str] = (
        r"\min_{D, z} \sum_j \|D z_j - R_j x\|_2^2 \text{ s.t. } \|z_j\|_0 \le k, \quad \|d_i\|_2 = 1"
    )
    reference: ClassVar[str] = "Heckel 2024, 4.1; Aharon, Elad, Bruckstein 2006"
    example: ClassVar[str] = 'solver ksvd(start = ksvd(pictures = "clean/*.png"), iterations = 0)'
    exclusive: ClassVar[tuple[str, ...] | None] = ("pictures", "sample")

    pictures: tuple[FilePath, ...] | None = Field(None, description="files to learn from; a pattern names many")
    sample: str = Field(
        "*", description='without files, the picture of `sample` to learn from, or "*" for those of its training part'
    )
    atoms: Annotated[Count, Ge(2)] = Field(256, description="how many atoms there are, the constant one among them")
    patch: PatchSide = Field(8, description="side of the square patches in pixels")
    iterations: Whole = Field(10, description="rounds of learning; 0 keeps the cosines that it starts from")
    nonzeros: Count = Field(6, description="atoms that a patch takes at most, k")
    tolerance: NonNegative = Field(
        0.01, description="a patch that is met to within so much for each pixel takes no further atom"
    )
    training: Count = Field(40000, description="patches to learn from, drawn at random where there are more")
    seed: Whole = Field(0, description="seed of the draw of patches")

    @field_validator("sample")
    @classmethod
    def _known(cls, sample: str) -> str:
        if sample == FACES:
            raise ValueError(f"the faces of `{FACES}` are too small to learn from")
        return Sample.model_validate({"name": sample}).name

    @model_validator(mode="after")
    def _teachable(self) -> KsvdAtoms:
        if self.training < self.atoms:
            raise ValueError(
                f"{self.training} patches cannot teach {self.atoms} atoms; give `training` at least as many"
            )
        return self

    def shape(self, domain: Space) -> tuple[int, ...]:
        """Raises SpaceError for files that are no pictures, or too small to teach so many atoms."""
        if self.pictures and self.iterations:
            count = sum(self._patches(file) for file in self.pictures)
            if count < self.atoms:
                raise SpaceError(f"has {count} patches to learn from, which cannot teach {self.atoms} atoms")
        return (self.atoms, self.patch, self.patch)

    def _patches(self, file: FilePath) -> int:
        try:
            header = picture_header(file.path)
        except FileError as e:
            raise SpaceError(f"cannot read {file.text}: {e}") from e
        rows, columns = header.rows - self.patch + 1, header.columns - self.patch + 1
        if rows < 1 or columns < 1:
            cut = f"{self.patch} x {self.patch}"
            raise SpaceError(f"cuts {cut} pixels out of {file.text}, which has {header.rows} x {header.columns}")
        return rows * columns


class Ksvd(Solver):
    """Denoise by a dictionary that K-SVD learns from the patches of the noisy image itself.

    Each patch less its mean is coded with as few atoms as bring its squared error down to n (gain sigma)^2, n the
    pixels of a patch; by turns with the codes, each atom becomes the best one for the patches that use it. The image
    is the mean of all its overlapping patches and of the noisy image. Colours, frames and slices are images side by
    side that share one dictionary. It starts from cosines, or from given atoms, and with `iterations = 0` it stays with
    them.
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
    iterations: Whole = Field(10, description="rounds of learning; 0 keeps the atoms that it starts from")
    gain: Positive = Field(1.15, description="a patch is met to within so many sigma for each pixel, c")
    training: Count = Field(40000, description="patches to learn from, drawn at random where there are more")
    keep: NonNegative = Field(1.0, description="weight of the noisy image beside each patch that covers a pixel, kappa")
    start: Array | Literal["cosines"] = Field(
        "cosines", description='the atoms that it starts from, such as `ksvd(sample = "astronaut")`'
    )

    @model_validator(mode="after")
    def _teachable(self) -> Ksvd:
        if self.training < self.atoms:
            raise ValueError(
                f"{self.training} patches cannot teach {self.atoms} atoms; give `training` at least as many"
            )
        return self

    def _starts(self, space: Space) -> None:
        """Raise ValueError where the atoms that it starts from are others than it says."""
        if self.start == "cosines":
            return
        shape, expected = self.start.shape(space), (self.atoms, self.patch, self.patch)
        if shape != expected or self.start.complex_valued:
            found = " x ".join(map(str, shape)) if shape else "an array that follows the image"
            raise ValueError(f"`start` is {found}, and `{self.word}` has {' x '.join(map(str, expected))} real numbers")

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
        try:
            self._starts(space)
        except ValueError as e:
            return Misfit(None, str(e), "give `atoms` and `patch` as the array has them")
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
