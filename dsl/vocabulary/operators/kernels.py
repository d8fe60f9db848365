"""Kernels of convolutions: blurs by formula, measured ones, and the caustics of a diffuser."""

from __future__ import annotations

from math import ceil, cos, sin
from typing import ClassVar, Literal

from annotated_types import Ge

from ...model.fields import Angle, Annotated, Auto, Count, Field, FilePath, Positive, Real, Seed
from ...model.files import FileError, Picture, picture_header
from ...model.space import SpaceError
from ...model.word import Kernel


class _Symmetric(Kernel):
    """A blur that sums to one and is the same in both directions along each axis."""

    @property
    def averages(self) -> bool:
        return True

    @property
    def symmetric(self) -> bool:
        return True


class GaussianKernel(_Symmetric):
    """A Gaussian blur, cut off at four standard deviations and normalised to sum one."""

    word: ClassVar[str] = "gaussian"
    formula: ClassVar[str] = r"k(r) \propto e^{-|r|^2 / (2 w^2)}"
    reference: ClassVar[str] = "Heckel 2024, 1.3"
    example: ClassVar[str] = "conv(gaussian(width = 2))"

    width: Positive = Field(description="standard deviation in pixels")

    def extents(self, dimensions: int) -> tuple[int, ...]:
        return (2 * ceil(4 * self.width) + 1,) * dimensions


class Triangle(_Symmetric):
    """A triangle along each axis, normalised to sum one: the kernel of linear and bilinear interpolation."""

    formula: ClassVar[str] = r"k(r) \propto \prod_i \max(0, 1 - |r_i| / R)"
    reference: ClassVar[str] = "Heckel 2024, 11.1"
    example: ClassVar[str] = "conv(triangle(radius = 4))"

    radius: Positive = Field(description="where it reaches zero, in pixels")

    def extents(self, dimensions: int) -> tuple[int, ...]:
        return (2 * max(ceil(self.radius) - 1, 0) + 1,) * dimensions


class Disc(_Symmetric):
    """The blur of a lens out of focus: the part of each pixel that a disc covers, normalised to sum one."""

    formula: ClassVar[str] = r"k(r) \propto \text{area of pixel } r \text{ inside the disc of radius } R"
    reference: ClassVar[str] = "Hansen, Nagy, O'Leary 2006, 3.2"
    example: ClassVar[str] = "conv(disc(radius = 4.5))"

    radius: Positive = Field(description="radius in pixels")

    def extents(self, dimensions: int) -> tuple[int, ...]:
        if dimensions != 2:
            raise SpaceError("blurs images with rows and columns")
        return (2 * max(ceil(self.radius - 0.5), 0) + 1,) * 2


class Motion(Kernel):
    """Motion blur along a straight line, antialiased and normalised to sum one."""

    formula: ClassVar[str] = r"k(r) \propto \text{length of the segment inside pixel } r"
    reference: ClassVar[str] = "Heckel 2024, 1.3, Fig. 1.7"
    example: ClassVar[str] = "conv(motion(length = 15, angle = 30deg))"

    length: Positive = Field(description="length of the path in pixels")
    angle: Angle = Field(0.0, description="direction, counter-clockwise from the columns' axis")
    size: Count | Auto = Field("auto", description="extent of the kernel; `auto` just holds the path")

    @property
    def averages(self) -> bool:
        return True

    @property
    def symmetric(self) -> bool:
        return min(abs(cos(self.angle)), abs(sin(self.angle))) < 1e-15  # along the rows or the columns

    def extents(self, dimensions: int) -> tuple[int, ...]:
        if dimensions != 2:
            raise SpaceError("blurs images with rows and columns")
        if self.size == "auto":
            return (2 * ceil(self.length / 2) + 1,) * 2
        reach = self.length / 2 * max(abs(cos(self.angle)), abs(sin(self.angle)))
        if reach > (self.size - 1) // 2 + 0.5 + 1e-9:
            raise SpaceError(f"has a path of {self.length:g} pixels, which leaves its array of `size = {self.size}`")
        return (self.size, self.size)


class ArrayKernel(Kernel):
    """A measured kernel from a `.npy` file, or a stack of them along its first axis."""

    word: ClassVar[str] = "array"
    formula: ClassVar[str] = r"k = \text{the file's array}"
    reference: ClassVar[str] = "Heckel 2024, 1.1.4, 1.3"
    example: ClassVar[str] = 'conv(array("psf.npy", normalise = sum))'

    file: FilePath = Field(description="a .npy file with as many axes as are convolved; with one more it is a stack")
    normalise: Literal["none", "sum"] = Field(
        "none", description="use the numbers as they are, or divide each kernel by the sum of its entries"
    )

    @property
    def averages(self) -> bool:
        return self.normalise == "sum" and self.file.header().dtype[1:2] in ("u", "b")

    @property
    def complex_valued(self) -> bool:
        return self.file.header().complex_valued

    def extents(self, dimensions: int) -> tuple[int, ...]:
        shape = self.file.header().shape
        if len(shape) not in (dimensions, dimensions + 1):
            raise SpaceError(
                f"has a kernel with {len(shape)} axes, and convolves {dimensions}; a stack of kernels has one more"
            )
        return shape[-dimensions:]

    def stack(self, dimensions: int) -> int | None:
        shape = self.file.header().shape
        return shape[0] if len(shape) == dimensions + 1 else None


class StackOf(Kernel):
    """Measured kernels from pictures, one for each depth or channel: the pages of the files in natural order."""

    formula: ClassVar[str] = r"k_j = \text{picture } j"
    reference: ClassVar[str] = "Heckel 2024, 1.1.4; Antipa et al. 2018"
    example: ClassVar[str] = 'psf = stack_of("psf/*.tif")'

    files: tuple[FilePath, ...] = Field(description="grey pictures of one size; a pattern names many", min_length=1)
    normalise: Literal["none", "sum"] = Field(
        "sum", description="divide each kernel by the sum of its entries, or use the numbers as they are"
    )

    def headers(self) -> list[Picture]:
        """The size and number of pages of each file. Raises SpaceError where they differ or cannot be read."""
        out = []
        for file in self.files:
            try:
                out.append(picture_header(file.path))
            except FileError as e:
                raise SpaceError(f"cannot read {file.text}: {e}") from e
            if out[-1].colour:
                raise SpaceError(f"needs grey pictures, and {file.text} is in colour")
            if (out[-1].rows, out[-1].columns) != (out[0].rows, out[0].columns):
                sizes = [f"{f.text} of {h.rows} x {h.columns}" for f, h in ((self.files[0], out[0]), (file, out[-1]))]
                raise SpaceError(f"needs pictures of one size, not {' and '.join(sizes)}")
        return out

    def extents(self, dimensions: int) -> tuple[int, ...]:
        if dimensions != 2:
            raise SpaceError("convolves rows and columns; write `axes = [row, col]`")
        first = self.headers()[0]
        return (first.rows, first.columns)

    def stack(self, dimensions: int) -> int | None:
        return sum(h.pages for h in self.headers())


class Caustics(Kernel):
    """The light that a smooth random diffuser throws onto the sensor from a point source, for a number of depths.

    A ray through r on the diffuser, whose height is h, lands at u = s r + f grad h(r): bundles that meet are caustics.
    s grows from one for the farthest source, depth 0, to `zoom` for the nearest, whose pattern just fills the array.
    h is white noise under a Gaussian blur, scaled so that its curvatures have unit variance; f = `focus`.
    """

    formula: ClassVar[str] = r"k_z(u) \propto \int \delta\bigl(u - s_z r - f \nabla h(r)\bigr) \, dr"
    reference: ClassVar[str] = "Heckel 2024, 1.1.4; Antipa et al. 2018"
    example: ClassVar[str] = "psf = caustics(depths = 16, size = [96, 144])"
    random: ClassVar[bool] = True

    depths: Count = Field(description="number of depths, one for each entry of the axis in front of rows and columns")
    size: tuple[Count, ...] = Field(description="rows and columns of each pattern", min_length=2, max_length=2)
    zoom: Annotated[Real, Ge(1)] = Field(2.0, description="size of the nearest depth's pattern over the farthest's")
    grain: Positive | Auto = Field(
        "auto", description="width of the diffuser's bumps in pixels; `auto`: 1/32 of the smaller extent"
    )
    focus: Positive = Field(1.5, description="distance of the sensor in focal lengths of a typical bump")
    seed: Seed = Field("auto", description="seed of the draw; `auto` derives it from `run.seed` and the place")

    @property
    def averages(self) -> bool:
        return True

    @property
    def bumps(self) -> float:
        """The width of the bumps in pixels."""
        return min(self.size) / 32 if self.grain == "auto" else self.grain

    def extents(self, dimensions: int) -> tuple[int, ...]:
        if dimensions != 2:
            raise SpaceError("convolves rows and columns; write `axes = [row, col]`")
        if self.bumps * self.focus > min(self.size) / 8:
            raise SpaceError(
                f"throws light further than its pattern of {self.size[0]} x {self.size[1]} reaches: "
                f"`grain` times `focus` is at most {min(self.size) / 8:g} there"
            )
        return self.size

    def stack(self, dimensions: int) -> int | None:
        return self.depths


class Airy(_Symmetric):
    """The diffraction pattern of a round pupil, cut off at four times its first dark ring and normalised to sum one."""

    formula: ClassVar[str] = r"k(r) \propto \Bigl(\frac{2 J_1(v)}{v}\Bigr)^2, \quad v = 3.8317 \, |r| / R"
    reference: ClassVar[str] = "Airy 1835; Goodman 2005, 4.4.2"
    example: ClassVar[str] = "conv(airy(radius = 2.5))"

    radius: Positive = Field(description="radius R of the first dark ring in pixels; 1.22 wavelengths times f-number")

    def extents(self, dimensions: int) -> tuple[int, ...]:
        if dimensions != 2:
            raise SpaceError("blurs images with rows and columns")
        return (2 * ceil(4 * self.radius) + 1,) * 2
