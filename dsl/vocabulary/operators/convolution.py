"""Convolution, its kernels, and downsampling."""

from __future__ import annotations

from math import ceil, cos, sin
from typing import ClassVar, Literal

from ...model.facts import Diagonal, Facts, Norm, embed, identity
from ...model.fields import Angle, Auto, Count, Field, FilePath, Positive
from ...model.space import Space, SpaceError
from ...model.word import Kernel, Operator
from .fourier import spatial_count


class Conv(Operator):
    """Convolve every channel with a kernel over the spatial axes; the size stays."""

    formula: ClassVar[str] = r"A x = k * x"
    reference: ClassVar[str] = "Heckel 2024, 1.3, Fig. 1.7"
    example: ClassVar[str] = 'forward A = conv(gaussian(width = 2), boundary = "circular")'

    kernel: Kernel = Field(description="the kernel; its centre is the middle of its array")
    boundary: Literal["circular", "zero"] = Field("circular", description="what stands beyond the edge")

    def codomain(self, domain: Space) -> Space:
        n = spatial_count(domain)
        extents = self.kernel.extents(n)
        for have, axis in zip(extents, domain.axes[-n:], strict=True):
            if axis.size is not None and have > axis.size:
                raise SpaceError(f"has a kernel of {have} entries along {axis.name}, longer than {domain}")
        field = "complex" if self.kernel.complex_valued else domain.field
        return Space(field, domain.axes, domain.unit)

    def facts(self, domain: Space) -> Facts:
        circular = self.boundary == "circular"
        basis = Diagonal("fourier", axes=spatial_count(domain)) if circular else None
        mass = 1.0 if self.kernel.averages else None  # |k|_1 bounds the norm; for k >= 0 it is attained at frequency 0
        facts = Facts(
            gram=basis,
            cogram=basis,
            diagonal=basis,
            norm=Norm(mass, exact=circular and mass is not None),
            signs=self.kernel.averages,
        )
        return embed(facts) if domain.field == "real" and self.kernel.complex_valued else facts


class GaussianKernel(Kernel):
    """A Gaussian blur, cut off at four standard deviations and normalised to sum one."""

    word: ClassVar[str] = "gaussian"
    formula: ClassVar[str] = r"k(r) \propto e^{-|r|^2 / (2 w^2)}"
    reference: ClassVar[str] = "Heckel 2024, 1.3"
    example: ClassVar[str] = "conv(gaussian(width = 2))"

    width: Positive = Field(description="standard deviation in pixels")

    averages: ClassVar[bool] = True

    def extents(self, dimensions: int) -> tuple[int, ...]:
        return (2 * ceil(4 * self.width) + 1,) * dimensions


class Motion(Kernel):
    """Motion blur along a straight line, antialiased and normalised to sum one."""

    formula: ClassVar[str] = r"k(r) \propto \text{length of the segment inside pixel } r"
    reference: ClassVar[str] = "Heckel 2024, 1.3, Fig. 1.7"
    example: ClassVar[str] = "conv(motion(length = 15, angle = 30deg))"

    length: Positive = Field(description="length of the path in pixels")
    angle: Angle = Field(0.0, description="direction, counter-clockwise from the columns' axis")
    size: Count | Auto = Field("auto", description="extent of the kernel; `auto` just holds the path")

    averages: ClassVar[bool] = True

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
    """A measured kernel from a `.npy` file, used as it is."""

    word: ClassVar[str] = "array"
    formula: ClassVar[str] = r"k = \text{the file's array}"
    reference: ClassVar[str] = "Heckel 2024, 1.3"
    example: ClassVar[str] = 'conv(array("psf.npy"))'

    file: FilePath = Field(description="a .npy file with as many axes as the image has spatial ones")

    @property
    def complex_valued(self) -> bool:
        return self.file.header().complex_valued

    def extents(self, dimensions: int) -> tuple[int, ...]:
        shape = self.file.header().shape
        if len(shape) != dimensions:
            raise SpaceError(f"has a kernel with {len(shape)} axes, but the argument {dimensions} spatial ones")
        return shape


class Downsample(Operator):
    """Fewer pixels along each spatial axis: every n-th one, or the mean of each n x n block."""

    formula: ClassVar[str] = r"(A x)_{i} = x_{n i} \quad\text{or}\quad (A x)_i = n^{-d} \sum_{j \in B_i} x_j"
    reference: ClassVar[str] = "Heckel 2024, 6.5.2"
    example: ClassVar[str] = "forward A = downsample(2) @ conv(gaussian(width = 1))"

    factor: Count = Field(description="how many pixels of the fine grid along one of the coarse grid")
    kind: Literal["stride", "average"] = Field("stride", description="keep every n-th pixel, or average blocks")

    def codomain(self, domain: Space) -> Space:
        n = spatial_count(domain)
        for axis in domain.axes[-n:]:
            if axis.size is not None and axis.size % self.factor:
                raise SpaceError(f"by {self.factor} does not divide {axis.name} {axis.size}")
        extents = tuple(None if a.size is None else a.size // self.factor for a in domain.axes[-n:])
        return domain.resized(extents)

    def preimage(self, codomain: Space) -> Space:
        n = spatial_count(codomain)
        return codomain.resized(tuple(None if a.size is None else a.size * self.factor for a in codomain.axes[-n:]))

    def facts(self, domain: Space) -> Facts:
        n = spatial_count(domain)
        c = 1.0 if self.kind == "stride" else float(self.factor) ** -n
        gram = Diagonal("pixel") if self.kind == "stride" else None
        return Facts(gram=gram, cogram=identity(c), norm=Norm(c**0.5, exact=True), signs=True)
