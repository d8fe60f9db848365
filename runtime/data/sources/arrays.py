"""Rows of plain arrays."""

from __future__ import annotations

from recon.dsl.vocabulary.sources import arrays as sources

from ...meaning import meaning_of
from .. import arrays
from ..files import DataError, DataFile, Rows
from ..hdf5 import hdf5 as hdf5_rows
from . import Request


@meaning_of(sources.Npy)
def npy(word: sources.Npy, request: Request) -> Rows:
    """One array, or one for each entry of its first axis where it has an axis more than the unknown."""
    return npy_rows(word.file.text, request)


def npy_rows(file: str | DataFile, request: Request) -> Rows:
    """The rows of one file."""
    axes = len(arrays.npy_shape(file, request.folder))
    wanted = len(request.space.axes)
    if axes not in (wanted, wanted + 1):
        raise DataError(
            f"{file} has {axes} axes, and {request.space} has {wanted}: one more counts rows, "
            "any other number does not fit"
        )
    return arrays.npy(file, request.folder, rows=axes == wanted + 1)


@meaning_of(sources.Npz)
def npz(word: sources.Npz, request: Request) -> Rows:
    """The arrays of an archive; first axes count rows where the first array has one more than what it is bound to."""
    return npz_rows(word.file.text, request)


def npz_rows(file: str | DataFile, request: Request) -> Rows:
    """The rows of one file."""
    shapes = arrays.npz_shapes(file, request.folder, request.columns or None)
    first = request.columns[0] if request.columns else next(iter(shapes))
    by_row = len(shapes[first]) == len(request.space.axes) + 1
    return arrays.npz(file, request.folder, rows=by_row, columns=request.columns or None)


@meaning_of(sources.Hdf5)
def hdf5(word: sources.Hdf5, request: Request) -> Rows:
    """The data sets of a file, their first axis counting rows."""
    return hdf5_rows(word.file.text, request.folder, columns=request.columns or None)
