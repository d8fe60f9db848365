"""Random spaces, words and terms for the tests of operators, drawn from the words' own parameters.

`word(draw, cls, setting)` reads the annotations and bounds of the pydantic fields of `cls`. Only what they do not say
stands in `OVERRIDES`: numbers in a useful range, and files with an array that has a chance to fit.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import annotated_types
import numpy as np
from hypothesis import strategies as st
from PIL import Image
from pydantic.fields import FieldInfo
from recon.dsl import vocabulary
from recon.dsl.model.fields import FilePath, Interval
from recon.dsl.model.place import MisfitError, Placed, place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Adjoint, Compose, Leaf, OperatorTerm, Scaled, SumOf, ValueTerm
from recon.dsl.model.units import ANGLE, LENGTH, PLAIN, TIME, VOLTAGE, Dimension, Quantity, Unit
from recon.dsl.model.word import Operator, Word
from recon.dsl.vocabulary import arrays, draws
from recon.dsl.vocabulary import patches as dictionaries
from recon.dsl.vocabulary.operators import (
    basic,
    convolution,
    dynamics,
    electrons,
    fourier,
    frames,
    kernels,
    mri,
    nufft,
    patches,
    resampling,
    sampling,
    sensing,
    sparsity,
    tomography,
    whitening,
)
from recon.dsl.vocabulary.operators.fourier import spatial_count

Draw = Callable[[st.SearchStrategy[Any]], Any]

OPERATORS: list[type[Operator]] = [cls for cls in vocabulary.words().values() if issubclass(cls, Operator)]


@dataclass
class Setting:
    """Where a word is drawn: the domain it should fit, a folder for files, and how deep terms may still nest."""

    domain: Space
    folder: Path
    depth: int = 1
    count: list[int] = field(default_factory=lambda: [0])

    def on(self, domain: Space) -> Setting:
        return Setting(domain, self.folder, max(self.depth - 1, 0), self.count)

    def fresh(self) -> str:
        """A name that no other place or file has."""
        self.count[0] += 1
        return f"n{self.count[0]}"


_SIZES = {1: [8, 16, 24, 1, 2, 3, 5], 2: [4, 6, 8, 1, 2, 3, 5, 7], 3: [2, 4, 3, 1]}
_HEADS = {1: [(), (), (), ("frame",)], 2: [(), (), ("channel",), ("frame",), ("frame", "channel")], 3: [(), ("frame",)]}


NEEDED: set[tuple[type[Word], str]] = {
    (electrons.Project, "tilts"),
    (patches.Patches, "step"),
    *((dictionaries.KsvdAtoms, name) for name in ("atoms", "iterations")),
}
"""Parameters that may be left out only where another one is given, which is not drawn here."""

DIMENSIONS: dict[type[Word], int] = {
    electrons.Project: 3,
    electrons.Rotate: 3,
    electrons.CentralSlice: 3,
    tomography.Conebeam: 3,
    patches.Patches: 3,
}
"""Words for domains of so many spatial axes only, which the others would seldom be."""


def space(draw: Draw, largest: int = 72, dimensions: int | None = None) -> Space:
    """A signal, image or volume, with or without channels, frames and a voxel size, of at most so many numbers."""
    dimensions = dimensions or draw(st.sampled_from([1, 1, 2, 2, 2, 3]))
    head = draw(st.sampled_from(_HEADS[dimensions]))
    names = {1: ("sample",), 2: ("row", "col"), 3: ("z", "row", "col")}[dimensions]
    voxel = draw(st.sampled_from([None, 7e-4])) if dimensions > 1 else None
    sizes = [draw(st.sampled_from(_SIZES[dimensions])) for _ in names]
    heads = [draw(st.integers(1, 2)) for _ in head]
    while math.prod(sizes) * math.prod(heads) > largest:
        sizes[sizes.index(max(sizes))] //= 2
    axes = [Axis(name, n) for name, n in zip(head, heads, strict=True)]
    axes += [Axis(name, n, voxel) for name, n in zip(names, sizes, strict=True)]
    unit = draw(st.sampled_from([PLAIN, Unit(1000.0, (-1, 0, 0, 0, 0))])) if voxel else PLAIN
    return Space(draw(st.sampled_from(["real", "complex"])), tuple(axes), unit)


def vectors(draw: Draw) -> Space:
    """A field of vectors on a grid, with as many components as the grid has axes."""
    grid = space(draw, largest=36)
    return grid.with_axes((Axis("direction", spatial_count(grid)), *grid.axes))


DOMAINS: dict[type[Word], Callable[[Draw], Space]] = {sparsity.SymmetricGradient: vectors}
"""Words for domains that are no images."""


def domain(draw: Draw, cls: type[Word]) -> Space:
    """A domain that the word has a chance to fit."""
    return DOMAINS[cls](draw) if cls in DOMAINS else space(draw, dimensions=DIMENSIONS.get(cls))


def word(draw: Draw, cls: type[Word], setting: Setting) -> Any:
    """A word of this class. Optional parameters keep their default now and then."""
    values = {}
    for name, info in cls.model_fields.items():
        if not info.is_required() and (cls, name) not in NEEDED and draw(st.integers(0, 3)) == 3:
            continue
        override = OVERRIDES.get((cls, name)) or OVERRIDES.get((cls.__mro__[1], name))
        values[name] = override(draw, setting) if override else parameter(draw, info, setting)
    return cls(**values)


def parameter(draw: Draw, info: FieldInfo, setting: Setting) -> Any:
    return typed(draw, info.annotation, list(info.metadata), setting)


def typed(draw: Draw, annotation: Any, metadata: list[Any], setting: Setting) -> Any:
    """A value of an annotated type, inside the bounds that its metadata name."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        for extra in annotation.__metadata__:
            metadata = [*metadata, *(extra.metadata if isinstance(extra, FieldInfo) else [extra])]
        return typed(draw, annotation.__origin__, metadata, setting)
    if origin is Literal:
        return draw(st.sampled_from(arguments))
    if origin in (Union, types.UnionType):
        # Values known of a row have tests of their own: here each parameter is drawn from its other types.
        fixed = [a for a in arguments if a is not ValueTerm]
        return typed(draw, draw(st.sampled_from(fixed)), metadata, setting)
    if origin is tuple:
        return tuple(typed(draw, arguments[0], [], setting) for _ in range(draw(st.integers(1, 3))))
    if annotation in (int, float):
        low, high = bounds(metadata, 6 if annotation is int else 3.0)
        return draw(st.integers(int(low), int(high))) if annotation is int else draw(st.floats(low, high))
    if annotation is Interval:
        start, length = draw(st.floats(-4, 4)), draw(st.floats(0.1, 7))
        return Interval(start, start + length, None, ANGLE)
    if annotation is FilePath:
        shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
        return array(draw, tuple(shape), setting)
    if annotation is Quantity:
        return Quantity(draw(st.floats(2e-4, 2e-3)), LENGTH)
    if isinstance(annotation, type) and issubclass(annotation, Word):
        kinds = [c for c in vocabulary.words().values() if issubclass(c, annotation)]
        return word(draw, draw(st.sampled_from(kinds)), setting)
    if annotation is OperatorTerm:
        return term(draw, setting.on(setting.domain))
    raise TypeError(f"no way to draw {annotation}: extend tests/runtime/operators/drawing.py")


def bounds(metadata: list[Any], reach: float) -> tuple[float, float]:
    """The range that annotated bounds leave, cut off at `reach` above its low end."""
    low, high = -reach, math.inf
    for m in metadata:
        if isinstance(m, annotated_types.Ge):
            low = max(low, float(m.ge))  # type: ignore[arg-type]
        if isinstance(m, annotated_types.Gt):
            low = max(low, float(m.gt) + (1 if reach == 6 else 0.05))  # type: ignore[arg-type]
        if isinstance(m, annotated_types.Le):
            high = min(high, float(m.le))  # type: ignore[arg-type]
    return low, min(high, low + reach)


def array(draw: Draw, shape: tuple[int, ...], setting: Setting) -> FilePath:
    """A .npy file of that shape and of any type of numbers."""
    dtype = draw(st.sampled_from(["<f8", "<f4", ">f8", "<c16", "<c8", "<i4", "|u1", "|b1"]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    values = rng.integers(0, 5, shape) if np.dtype(dtype).kind in "iub" else rng.normal(size=shape)
    if values.sum() == 0:
        values.flat[0] = 1  # whole numbers may all be zero, which no kernel is divided by
    values = values + 1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else values
    name = f"{setting.fresh()}.npy"
    np.save(setting.folder / name, values.astype(dtype))
    return FilePath(name, str(setting.folder / name))


def _last(draw: Draw, setting: Setting) -> FilePath:
    sizes = setting.domain.sizes
    return array(draw, sizes[draw(st.integers(0, len(sizes) - 1)) :], setting)


def _atoms(draw: Draw, setting: Setting) -> Word:
    """Atoms of 3 x 2 pixels, one for each entry of the first of three axes."""
    shape, name = ((1, 1, *setting.domain.sizes)[-3], 3, 2), f"{setting.fresh()}.npy"
    np.save(setting.folder / name, np.random.default_rng(draw(st.integers(0, 99))).normal(size=shape))
    return arrays.ArrayFile(file=FilePath(name, str(setting.folder / name)))


def _kernel(draw: Draw, setting: Setting) -> FilePath:
    sizes = setting.domain.sizes[-spatial_count(setting.domain) :]
    return array(draw, tuple(draw(st.integers(1, n)) for n in sizes), setting)


def _pictures(draw: Draw, setting: Setting) -> tuple[FilePath, ...]:
    """Grey pictures of half the extents of the last two axes, one for each entry of the axis in front."""
    *front, rows, columns = (1, 1, *setting.domain.sizes)[-3:]
    out = []
    for _ in range(front[0]):
        name = f"{setting.fresh()}.png"
        values = np.random.default_rng(draw(st.integers(0, 99))).integers(1, 255, ((rows + 1) // 2, (columns + 1) // 2))
        Image.fromarray(values.astype(np.uint8)).save(setting.folder / name)
        out.append(FilePath(name, str(setting.folder / name)))
    return tuple(out)


def _sizes(draw: Draw, setting: Setting, larger: bool) -> tuple[int, ...]:
    sizes = setting.domain.sizes[-draw(st.integers(1, spatial_count(setting.domain))) :]
    return tuple(draw(st.integers(n, 2 * n) if larger else st.integers(1, n)) for n in sizes)


def _trajectory(draw: Draw, setting: Setting) -> FilePath:
    name = f"{setting.fresh()}.npy"
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 5)), 2)
    np.save(setting.folder / name, np.random.default_rng(draw(st.integers(0, 99))).uniform(-0.5, 0.5, shape))
    return FilePath(name, str(setting.folder / name))


def _axis(draw: Draw, setting: Setting, known: tuple[str, ...] = get_args(sparsity.AxisName)) -> str:
    names = [a.name for a in setting.domain.axes if a.name in known]
    return str(draw(st.sampled_from(names or ["row"])))


def _weights(draw: Draw, setting: Setting) -> Any:
    """One for each spatial axis, which is right where `axes` is `auto`."""
    count = spatial_count(setting.domain)
    return draw(st.sampled_from(["auto", tuple(draw(st.floats(0.1, 3)) for _ in range(count))]))


def _spatial(setting: Setting) -> tuple[int, ...]:
    return setting.domain.sizes[-spatial_count(setting.domain) :]


def _summed(draw: Draw, setting: Setting) -> str:
    known = get_args(resampling.Sum.model_fields["axis"].annotation)
    return str(draw(st.sampled_from([a.name for a in setting.domain.axes if a.name in known] or ["z"])))


def _factor(draw: Draw, setting: Setting) -> int:
    sizes = setting.domain.sizes[-spatial_count(setting.domain) :]
    fitting = [f for f in (2, 3, 4) if all(n % f == 0 for n in sizes)]
    return int(draw(st.sampled_from(fitting or [1])))


def _maps(draw: Draw, setting: Setting) -> Word:
    """Simulated maps, or any from a file."""
    if draw(st.booleans()):
        return mri.Birdcage(coils=draw(st.integers(1, 3)))
    sizes = setting.domain.sizes[-spatial_count(setting.domain) :]
    return arrays.ArrayFile(file=array(draw, (draw(st.integers(1, 3)), *sizes), setting))


def _tilts(draw: Draw, setting: Setting) -> Any:
    start, step = draw(st.floats(-4, 4)), draw(st.floats(0.05, 2))
    if draw(st.booleans()):
        return Interval(start, start + step * draw(st.integers(0, 3)), step, ANGLE)
    return tuple(Quantity(start + step * k, ANGLE) for k in range(draw(st.integers(1, 4))))


def _defocus(draw: Draw, setting: Setting) -> Any:
    """Large enough for a few zeros at the frequencies of the spaces drawn here, whose voxels are a millimetre."""
    if draw(st.booleans()):
        return draws.Uniform(low=Quantity(-1e6, LENGTH), high=Quantity(2e6, LENGTH))
    return Quantity(draw(st.floats(-3e6, 3e6)), LENGTH)


def _quantity(low: float, high: float, dimension: Dimension) -> Callable[[Draw, Setting], Quantity]:
    return lambda draw, setting: Quantity(draw(st.floats(low, high)), dimension)


def _positive(draw: Draw, n: int) -> tuple[tuple[float, ...], ...]:
    """A symmetric matrix that is well positive definite; now and then a diagonal one."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    root = rng.normal(size=(n, n))
    c = np.diag(rng.uniform(0.2, 2, n)) if draw(st.booleans()) else root @ root.T + 0.3 * np.eye(n)
    return tuple(tuple(float(v) for v in row) for row in (c + c.T) / 2)


def _covariance(draw: Draw, setting: Setting) -> Any:
    """Of the domain's coupled axis, written out or from a file, there complex for a complex domain."""
    n = setting.domain.sizes[whitening.coupled_axis(setting.domain)]
    rows = _positive(draw, n)
    if draw(st.booleans()):
        return arrays.Covariance(values=rows)
    c: Any = np.array(rows)
    if setting.domain.field == "complex":
        phases = np.exp(1j * np.random.default_rng(draw(st.integers(0, 99))).uniform(0, 6, n))
        c = c * phases[:, None] * phases.conj()
    name = f"{setting.fresh()}.npy"
    np.save(setting.folder / name, c)
    return arrays.ArrayFile(file=FilePath(name, str(setting.folder / name)))


def _length(draw: Draw, setting: Setting, low: float, high: float) -> float | Quantity:
    """In pixels, or as a length where the domain has voxels of 0.7 mm."""
    pixels = draw(st.floats(low, high))
    return pixels if setting.domain.axes[-1].voxel is None else Quantity(7e-4 * pixels, LENGTH)


OVERRIDES: dict[tuple[type[Word], str], Callable[[Draw, Setting], Any]] = {
    (dictionaries.KsvdAtoms, "pictures"): lambda d, s: None,
    (dictionaries.KsvdAtoms, "sample"): lambda d, s: "camera",
    (dictionaries.KsvdAtoms, "atoms"): lambda d, s: max((1, 1, *s.domain.sizes)[-3], 2),
    (dictionaries.KsvdAtoms, "patch"): lambda d, s: d(st.integers(2, 4)),
    (dictionaries.KsvdAtoms, "iterations"): lambda d, s: d(st.integers(0, 1)),
    (dictionaries.KsvdAtoms, "training"): lambda d, s: 200,
    (patches.Patches, "atoms"): _atoms,
    (patches.Patches, "size"): lambda d, s: tuple(
        2 * n + k for n, k in zip((1, *s.domain.sizes)[-2:], (1, 0), strict=True)
    ),
    (patches.Patches, "step"): lambda d, s: 2,
    (basic.Matrix, "file"): lambda d, s: array(d, (d(st.integers(1, 6)), s.domain.sizes[-1]), s),
    (basic.Mask, "keep"): lambda d, s: d(st.floats(0.05, 1)),
    (basic.Mask, "file"): lambda d, s: _last(d, s) if d(st.booleans()) else None,
    (arrays.ArrayFile, "file"): _last,
    (kernels.ArrayKernel, "file"): _kernel,
    (kernels.GaussianKernel, "width"): lambda d, s: d(st.floats(0.1, max(0.125 * min(s.domain.sizes), 0.11))),
    (kernels.Motion, "length"): lambda d, s: d(st.floats(0.1, max(1.0, min(s.domain.sizes[-2:]) - 1.0))),
    (kernels.Motion, "size"): lambda d, s: min(s.domain.sizes[-2:]),
    (kernels.Motion, "angle"): lambda d, s: Quantity(d(st.floats(-4, 4)), ANGLE),
    (kernels.Disc, "radius"): lambda d, s: d(st.floats(0.1, max(min(s.domain.sizes[-2:]) / 2 - 0.5, 0.2))),
    (kernels.Airy, "radius"): lambda d, s: d(st.floats(0.05, max((min(s.domain.sizes[-2:]) - 1) / 8, 0.1))),
    (kernels.StackOf, "files"): _pictures,
    (kernels.Caustics, "depths"): lambda d, s: (1, 1, *s.domain.sizes)[-3],
    (kernels.Caustics, "size"): lambda d, s: tuple(d(st.integers(1, n)) for n in (1, *s.domain.sizes)[-2:]),
    (kernels.Caustics, "grain"): lambda d, s: "auto",
    (kernels.Caustics, "focus"): lambda d, s: d(st.floats(0.1, 2)),
    (convolution.Conv, "axes"): lambda d, s: tuple({_axis(d, s): 0 for _ in range(d(st.integers(1, 3)))}),
    (resampling.Crop, "size"): lambda d, s: _sizes(d, s, larger=False),
    (resampling.Pad, "size"): lambda d, s: _sizes(d, s, larger=True),
    (resampling.Pad, "factor"): lambda d, s: None,
    (resampling.Sum, "axis"): lambda d, s: _summed(d, s),
    (resampling.Downsample, "factor"): _factor,
    (mri.Cartesian, "axis"): lambda d, s: d(st.sampled_from([_axis(d, s, get_args(mri.Direction)), "auto"])),
    (sampling.Points, "plane"): lambda d, s: d(
        st.sampled_from(["auto", tuple(a.name for a in s.domain.axes[-2:] if a.name in get_args(mri.Direction))])
    ),
    (nufft.TrajectoryFile, "file"): _trajectory,
    (nufft.Nufft, "trajectory"): lambda d, s: word(
        d, d(st.sampled_from([nufft.Radial, nufft.Spiral, nufft.Kooshball, nufft.TrajectoryFile])), s
    ),
    (sensing._RandomMatrix, "rows"): lambda d, s: d(st.integers(1, 12)),
    (mri.Coils, "maps"): _maps,
    (whitening.Whiten, "covariance"): _covariance,
    (arrays.Covariance, "values"): lambda d, s: _positive(d, d(st.integers(1, 3))),
    (sensing.RandomRows, "keep"): lambda d, s: d(st.one_of(st.floats(0.01, 1), st.integers(2, 9).map(float))),
    (sparsity.Diff, "axis"): _axis,
    (sparsity.Gradient, "axes"): lambda d, s: tuple({_axis(d, s): 0 for _ in range(d(st.integers(1, 3)))}),
    (sparsity.Gradient, "weights"): lambda d, s: _weights(d, s),
    (sparsity.SymmetricGradient, "axes"): lambda d, s: "auto",
    (sparsity.SymmetricGradient, "weights"): lambda d, s: _weights(d, s),
    (frames.Undecimated, "levels"): lambda d, s: d(st.sampled_from(["auto", 1, 2])),
    (frames.Blocks, "of"): lambda d, s: Leaf(
        d(st.sampled_from([fourier.Cosine(), basic.Identity(), sparsity.Wavelet(name="haar", levels=1)]))
    ),
    (frames.Blocks, "size"): lambda d, s: tuple(
        d(st.sampled_from([k for k in (1, 2, 3, 4) if n % k == 0])) for n in _spatial(s)
    ),
    (frames.Blocks, "step"): lambda d, s: d(st.sampled_from(["auto", 1, 2])),
    (frames.Dictionary, "size"): lambda d, s: tuple(max(n // d(st.integers(1, 2)), 1) for n in _spatial(s)),
    (frames.Dictionary, "redundancy"): lambda d, s: d(st.integers(1, 2)),
    (frames.LowFrequencies, "size"): lambda d, s: tuple(n + d(st.integers(0, 3)) for n in _spatial(s)),
    (frames.LowFrequencies, "count"): lambda d, s: _spatial(s),
    (sparsity.Wavelet, "name"): lambda d, s: d(st.sampled_from(["haar", "db1", "db2", "db4", "sym5", "coif1", "db12"])),
    (sparsity.Wavelet, "levels"): lambda d, s: d(st.sampled_from(["auto", "auto", 1, 2])),
    (dynamics.At, "frame"): lambda d, s: tuple(
        Quantity(d(st.floats(-3, 3)), TIME) for _ in range(d(st.integers(1, 5)))
    ),
    (dynamics.At, "period"): _quantity(0.2, 5, TIME),
    (electrons.Project, "tilts"): _tilts,
    (electrons.Project, "poses"): lambda d, s: None,
    (electrons.Rotate, "tilts"): _tilts,
    (electrons.Ctf, "defocus"): _defocus,
    (electrons.Ctf, "voltage"): _quantity(1e5, 3e5, VOLTAGE),
    (electrons.Ctf, "cs"): _quantity(0, 1e18, LENGTH),
    (electrons.Ctf, "amplitude"): lambda d, s: d(st.floats(0, 0.9)),
    (electrons.Ctf, "phase"): _quantity(-2, 2, ANGLE),
    (electrons.Ctf, "astigmatism"): _quantity(-1e6, 1e6, LENGTH),
    (electrons.Ctf, "axis"): _quantity(-2, 2, ANGLE),
    (electrons.Ctf, "motion"): _quantity(1e-5, 5e-4, LENGTH),
    (electrons.Translate, "shift"): lambda d, s: tuple(
        d(st.floats(-3, 3)) if s.domain.axes[-1].voxel is None else Quantity(d(st.floats(-2e-3, 2e-3)), LENGTH)
        for _ in range(2)
    ),
    (tomography._Row, "angles"): lambda d, s: typed(d, Interval, [], s),
    (tomography._Row, "pitch"): lambda d, s: _length(d, s, 0.3, 2.0),
    (tomography._Row, "offset"): lambda d, s: _length(d, s, -1.5, 1.5),
    (tomography._Row, "rays"): lambda d, s: d(st.integers(1, 3)),
    (tomography.Fanbeam, "source"): lambda d, s: _length(d, s, 6.0, 20.0),
    (tomography.Fanbeam, "detector"): lambda d, s: _length(d, s, 0.1, 9.0),
    (tomography.Conebeam, "angles"): lambda d, s: typed(d, Interval, [], s),
    (tomography.Conebeam, "detectors"): lambda d, s: (d(st.integers(1, 5)), d(st.integers(1, 5))),
    (tomography.Conebeam, "pitch"): lambda d, s: (_length(d, s, 0.3, 2.0), _length(d, s, 0.3, 2.0)),
    (tomography.Conebeam, "offset"): lambda d, s: _length(d, s, -1.5, 1.5),
    (tomography.Conebeam, "rays"): lambda d, s: d(st.integers(1, 2)),
    (tomography.Conebeam, "source"): lambda d, s: _length(d, s, 6.0, 20.0),
    (tomography.Conebeam, "detector"): lambda d, s: _length(d, s, 0.1, 9.0),
}


def leaf(draw: Draw, setting: Setting, choices: list[type[Operator]] | None = None) -> Leaf:
    """An operator word that fits the domain: the first of a few drawn ones that does, else the identity."""
    for _ in range(4):
        drawn = word(draw, draw(st.sampled_from(choices or OPERATORS)), setting)
        out = Leaf(drawn, setting.fresh())
        if placed(out, setting.domain) is not None:
            return out
    return Leaf(basic.Identity())


def term(draw: Draw, setting: Setting, largest: int = 600) -> OperatorTerm:
    """A random expression on the domain, whose value has at most `largest` numbers."""
    if setting.depth == 0:
        return leaf(draw, setting, [c for c in OPERATORS if c is not basic.Stack])
    inner = setting.on(setting.domain)
    shape = draw(st.sampled_from(["leaf", "compose", "compose", "normal", "sum", "scaled", "adjoint", "stack"]))
    a = term(draw, inner, largest)
    space_a = place(a, setting.domain).codomain
    factor = draw(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0]))
    out: OperatorTerm = a
    if shape == "compose" and space_a.known:
        out = Compose((term(draw, inner.on(space_a), largest), a))
    elif shape == "normal":
        out = Compose((Adjoint(a), a))
    elif shape == "sum":
        one = Leaf(basic.Identity())
        others = [a, Scaled(factor, a), one, Scaled(factor, one), leaf(draw, inner), Compose((Adjoint(a), a))]
        other = draw(st.sampled_from(others))
        out = SumOf((a, other) if draw(st.booleans()) else (other, a))
    elif shape == "scaled":
        out = Scaled(factor, a)
    elif shape == "adjoint":
        out = Adjoint(a)
    elif shape == "stack":
        out = Leaf(basic.Stack(parts=(a, term(draw, inner, largest))))
    fitting = placed(out, setting.domain)
    return out if fitting is not None and (fitting.codomain.count or 0) <= largest else a


def placed(out: OperatorTerm, domain: Space) -> Placed | None:
    """The term on that domain, or None where it does not fit."""
    try:
        return place(out, domain)
    except MisfitError:
        return None
