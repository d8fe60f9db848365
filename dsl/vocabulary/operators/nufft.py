"""Non-Cartesian magnetic resonance imaging: trajectories through k-space and the non-uniform Fourier transform."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar, Literal

from annotated_types import Ge

from ...model.facts import Facts
from ...model.fields import Annotated, Count, Field, FilePath, Positive
from ...model.space import Axis, Space, SpaceError, distinct
from ...model.word import Compensation, Operator, Trajectory
from .basic import varied

GOLDEN = (1 + sqrt(5)) / 2
Angle = Literal["golden", "tiny_golden", "uniform"]


class Nufft(Operator):
    """The Fourier transform at the points of a trajectory, centred: image or volume to samples of k-space.

    At whole frequencies it is the entry of `fft2(norm = "ortho")`, or of `fft3`. Axes in front of the transformed ones
    are a batch. Needs the extra `nufft`.
    """

    formula: ClassVar[str] = r"(A x)_j = N^{-1/2} \sum_n x_n e^{-2 \pi i \langle k_j, n \rangle}"
    reference: ClassVar[str] = "Barnett, Magland, af Klinteberg 2019 (FINUFFT); Fessler, Sutton 2003"
    example: ClassVar[str] = "forward A = nufft(radial(spokes = 64, samples = 512)) @ coils(maps = birdcage(8))"
    needs: ClassVar[str] = "complex"
    uneven: ClassVar[bool] = True

    trajectory: Trajectory = Field(description="where k-space is sampled")
    vary: Literal["page", "frame"] = Field(
        "page", description="`frame`: the lines are shared out, the first ones to the first frame and so on"
    )

    def codomain(self, domain: Space) -> Space:
        dimensions = self.trajectory.dimensions
        names = ("z", "row", "col")[-dimensions:]
        if tuple(a.name for a in domain.axes[-dimensions:]) != names:
            raise SpaceError(f"has a trajectory in {dimensions} dimensions and needs {', '.join(names)}, not {domain}")
        axes = [Axis(name, n) for name, n in self.trajectory.axes()]
        varied(self.vary, domain)
        i = domain.axis("frame")
        frames = domain.axes[i].size if i is not None and self.vary == "frame" else 1
        if frames is not None:
            name, lines = self.trajectory.axes()[0]
            if lines % frames:
                fitting = max(lines // frames, 1) * frames
                raise SpaceError(f"cannot share {lines} lines out among {frames} frames alike; take {fitting}")
            axes[0] = Axis(name, lines // frames)
        else:
            axes[0] = Axis(axes[0].name, None)
        return Space("complex", (*domain.axes[:-dimensions], *axes), domain.unit)

    def preimage(self, codomain: Space) -> Space:
        raise SpaceError("cannot tell the image that its adjoint maps to; apply it to an argument first")

    def facts(self, domain: Space) -> Facts:
        stacked = distinct(domain, self.trajectory.dimensions)
        return Facts(apart=tuple(a for a in stacked if a != "frame" or self.vary != "frame"))


class Radial(Trajectory):
    """Straight lines through zero frequency, from one edge of k-space to the other."""

    formula: ClassVar[str] = r"k_{sj} = \frac{j - \lfloor m/2 \rfloor}{m} (\sin \theta_s, \cos \theta_s)"
    reference: ClassVar[str] = "Winkelmann et al. 2007; Wundrak et al. 2016"
    example: ClassVar[str] = "nufft(radial(spokes = 64, samples = 512, angle = golden))"

    spokes: Count = Field(description="number of lines")
    samples: Count = Field(description="samples on each line; twice the extent of the image is usual")
    angle: Angle = Field(
        "golden",
        description="step between lines: `golden` 111.2 degrees, `tiny_golden` 23.6 degrees, `uniform` 180 / spokes",
    )

    def axes(self) -> tuple[tuple[str, int], ...]:
        return (("spoke", self.spokes), ("readout", self.samples))

    @property
    def step(self) -> float:
        """The angle between one line and the next, in half turns."""
        return {"golden": 1 / GOLDEN, "tiny_golden": 1 / (GOLDEN + 6), "uniform": 1 / self.spokes}[self.angle]


class Spiral(Trajectory):
    """Interleaved spirals from zero frequency outwards, at about equal steps along the arm."""

    formula: ClassVar[str] = (
        r"k_{sj} = \tfrac12 t_j^p (\sin \phi_{sj}, \cos \phi_{sj}), \ t_j = \sqrt{j / m},"
        r" \ \phi_{sj} = 2 \pi (T t_j + s / S)"
    )
    reference: ClassVar[str] = "Glover 1999"
    example: ClassVar[str] = "nufft(spiral(interleaves = 16, samples = 2048, turns = 12))"

    interleaves: Count = Field(description="number of arms S")
    samples: Count = Field(description="samples on each arm, m")
    turns: Positive = Field(description="turns T of each arm; interleaves * turns = half the extent samples fully")
    power: Annotated[Positive, Ge(1)] = Field(1.0, description="above 1 the arms are denser in the middle")

    def axes(self) -> tuple[tuple[str, int], ...]:
        return (("interleave", self.interleaves), ("readout", self.samples))


class Kooshball(Trajectory):
    """Straight lines through zero frequency in three dimensions, in the order of the two-dimensional golden means."""

    formula: ClassVar[str] = r"k_{sj} = \frac{j - \lfloor m/2 \rfloor}{m} u_s, \ u_s \text{ on the half sphere}"
    reference: ClassVar[str] = "Chan et al. 2009"
    example: ClassVar[str] = "nufft(kooshball(spokes = 2000, samples = 128))"
    dimensions: ClassVar[int] = 3

    spokes: Count = Field(description="number of lines")
    samples: Count = Field(description="samples on each line")

    def axes(self) -> tuple[tuple[str, int], ...]:
        return (("spoke", self.spokes), ("readout", self.samples))


class TrajectoryFile(Trajectory):
    """A measured trajectory: an array of shape [lines, samples, 2] in cycles per pixel, rows before columns."""

    word: ClassVar[str] = "trajectory"
    formula: ClassVar[str] = r"k = \text{the file's array}, \ -\tfrac12 \le k \le \tfrac12"
    example: ClassVar[str] = 'nufft(trajectory("k.npy"))'

    file: FilePath = Field(description="a .npy file")

    def axes(self) -> tuple[tuple[str, int], ...]:
        header = self.file.header()
        if len(header.shape) != 3 or header.shape[-1] != 2 or header.complex_valued:
            shape = " x ".join(str(n) for n in header.shape)
            raise SpaceError(
                f"needs a trajectory of lines x samples x 2 real numbers, and {self.file.text} has {shape}"
            )
        return (("spoke", header.shape[0]), ("readout", header.shape[1]))


class PipeMenon(Compensation):
    """The area of k-space that each sample stands for, found by iteration for any trajectory."""

    formula: ClassVar[str] = r"w \leftarrow w / (C * w), \quad C(k) = \prod_d \mathrm{sinc}^2(N_d k_d)"
    reference: ClassVar[str] = "Pipe, Menon 1999"
    example: ClassVar[str] = "solver adjoint(density = pipe_menon(iterations = 30))"

    iterations: Count = Field(30, description="number of iterations")


class Ramp(Compensation):
    """The area of k-space that each sample of straight lines through the middle stands for: it grows as |k|."""

    formula: ClassVar[str] = r"w_{sj} = |k_j|\, \Delta k\, \Delta \theta_s"
    reference: ClassVar[str] = "Heckel 2024, 1.1.3; Lauterbur 1973"
    example: ClassVar[str] = "solver adjoint(density = ramp())"
    needs_lines: ClassVar[bool] = True
