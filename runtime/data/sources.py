"""The meaning of source words: rows of named columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from recon.dsl.model.options import DataOptions
from recon.dsl.model.space import Space
from recon.dsl.vocabulary import sources

from ..meaning import meaning_of
from . import arrays, images, phantoms, pictures, synthetic
from .files import DataError, Rows
from .hdf5 import hdf5 as hdf5_rows

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Request:
    """What a source is asked for: rows for an unknown of this space, from this folder, with this seed.

    space: that of the unknown or measurement that the first binding of a column is for; extents may be unknown.
    columns: the columns that the bindings use, those of that first binding first. Files with other columns need not
        be whole.
    """

    folder: Path
    space: Space
    seed: int
    options: DataOptions
    columns: tuple[str, ...] = ()

    @property
    def channels(self) -> int | None:
        """Channels of the unknown; one where it has no axis of channels."""
        i = self.space.axis("channel")
        return 1 if i is None else self.space.shape[i]

    @property
    def extents(self) -> tuple[int, ...] | None:
        """Extents of the spatial axes, or None while one is `auto`."""
        sizes = [a.size for a in self.space.axes if a.name not in ("channel", "frame")]
        known = [n for n in sizes if n is not None]
        return tuple(known) if len(known) == len(sizes) else None

    def needed_extents(self, word: str) -> tuple[int, ...]:
        """The extents, which a source that draws cannot do without. Raises DataError."""
        if self.extents is None:
            raise DataError(f"`{word}` is drawn at the unknown's extents, and one of them is `auto`")
        return self.extents

    def shaped(self, picture: Array) -> Array:
        """A picture [channels, ...] in the unknown's axes: without channels where the unknown has none."""
        return picture[0] if self.space.axis("channel") is None else picture


@dataclass(frozen=True)
class Drawn:
    """Rows made by a function of the row's number."""

    columns: list[str]
    count: int
    make: Callable[[int], dict[str, Array]]

    def __len__(self) -> int:
        return self.count

    def read(self, row: int) -> dict[str, Array]:
        if not 0 <= row < self.count:
            raise IndexError(row)
        return self.make(row)


@meaning_of(sources.Sample)
def sample(word: sources.Sample, request: Request) -> Rows:
    """Pictures that install with scikit-image, fitted to the unknown; `*` is all of them, or those of the split."""
    names = [word.name]
    if word.name == "*":
        splits = [request.options.split] if request.options.split else ["train", "test"]
        names = [n for s in splits for n in pictures.picture_names(s)]
    else:
        try:
            pictures.sample_picture(word.name)
        except ValueError as e:
            raise DataError(str(e)) from e
    if request.space.axis("z") is not None or len(request.space.axes) < 2:
        raise DataError(f'`sample("{word.name}")` is a picture, and the unknown is {request.space}')

    def make(row: int) -> dict[str, Array]:
        extents = request.extents
        plane = None if extents is None else (extents[-2], extents[-1])
        picture = pictures.fit_picture(pictures.sample_picture(names[row]), request.channels, plane)
        return {"image": request.shaped(picture)}

    return Drawn(["image"], len(names), make)


@meaning_of(sources.Phantom)
def phantom(word: sources.Phantom, request: Request) -> Rows:
    """Phantoms at the unknown's extents, the same in every channel."""
    extents = request.needed_extents("phantom")
    if len(extents) not in (2, 3):
        raise DataError(f"a phantom has two or three axes, and the unknown is {request.space}")

    def make(row: int) -> dict[str, Array]:
        if word.kind == "shepp_logan":
            picture = phantoms.shepp_logan(extents)
        elif word.kind == "ellipses":
            picture = phantoms.ellipses(extents, request.seed, row)
        else:
            picture = phantoms.blobs(extents, request.seed + row)
        head = [a.size or 1 for a in request.space.axes if a.name in ("channel", "frame")]
        return {"image": np.broadcast_to(picture, (*head, *extents)).copy()}

    return Drawn(["image"], word.count, make)


@meaning_of(sources.Folder)
def folder(word: sources.Folder, request: Request) -> Rows:
    """The pictures of a folder, as they are; where the unknown has extents, brought to them like sample pictures."""
    rows = images.folder(word.pattern, request.folder)

    def make(row: int) -> dict[str, Array]:
        picture = rows.read(row)["image"]
        extents = request.extents
        plane = None if extents is None else (extents[-2], extents[-1])
        return {"image": request.shaped(pictures.fit_picture(picture, request.channels, plane))}

    return Drawn(["image"], len(rows), make)


@meaning_of(sources.Npy)
def npy(word: sources.Npy, request: Request) -> Rows:
    """One array, or one for each entry of its first axis where it has an axis more than the unknown."""
    axes = len(arrays.npy_shape(word.file.text, request.folder))
    wanted = len(request.space.axes)
    if axes not in (wanted, wanted + 1):
        raise DataError(
            f"{word.file.text} has {axes} axes, and {request.space} has {wanted}: one more counts rows, "
            "any other number does not fit"
        )
    return arrays.npy(word.file.text, request.folder, rows=axes == wanted + 1)


@meaning_of(sources.Npz)
def npz(word: sources.Npz, request: Request) -> Rows:
    """The arrays of an archive; first axes count rows where the first array has one more than what it is bound to."""
    shapes = arrays.npz_shapes(word.file.text, request.folder, request.columns or None)
    first = request.columns[0] if request.columns else next(iter(shapes))
    by_row = len(shapes[first]) == len(request.space.axes) + 1
    return arrays.npz(word.file.text, request.folder, rows=by_row, columns=request.columns or None)


@meaning_of(sources.Hdf5)
def hdf5(word: sources.Hdf5, request: Request) -> Rows:
    """The data sets of a file, their first axis counting rows."""
    return hdf5_rows(word.file.text, request.folder, columns=request.columns or None)


@meaning_of(sources.Sparse)
def sparse(word: sources.Sparse, request: Request) -> Rows:
    """Sparse signals of the unknown's extents."""
    shape = request.needed_extents("sparse")
    if word.nonzeros > int(np.prod(shape)):
        raise DataError(f"a signal of {int(np.prod(shape))} entries cannot have {word.nonzeros} that are not zero")
    return Drawn(
        ["signal"], word.count, lambda row: {"signal": synthetic.sparse(shape, word.nonzeros, request.seed, row)}
    )


@meaning_of(sources.Smooth)
def smooth(word: sources.Smooth, request: Request) -> Rows:
    """Smooth signals of the unknown's extents."""
    shape = request.needed_extents("smooth")

    def make(row: int) -> dict[str, Array]:
        try:
            return {"signal": synthetic.smooth(shape, word.width, request.seed, row)}
        except ValueError as e:
            raise DataError(f"`smooth`: {e}") from e

    return Drawn(["signal"], word.count, make)


@meaning_of(sources.CosinesAndSpikes)
def cosines_and_spikes(word: sources.CosinesAndSpikes, request: Request) -> Rows:
    """Coefficients of cosines and of spikes."""
    shape = request.needed_extents("cosines_and_spikes")
    if len(shape) != 1:
        raise DataError(f"cosines and spikes make a signal, and the unknown is {request.space}")
    for name, entries in (("cosines", word.cosines), ("spikes", word.spikes)):
        if entries > shape[0]:
            raise DataError(f"a signal of {shape[0]} entries cannot have {entries} {name}")

    def make(row: int) -> dict[str, Array]:
        return dict(synthetic.cosines_and_spikes(shape[0], word.cosines, word.spikes, request.seed, row))

    return Drawn(["cosines", "spikes"], word.count, make)
