"""Rows that are pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from recon.dsl.vocabulary.sources import pictures as sources

from ...meaning import meaning_of
from .. import images, pictures
from ..files import Array, DataError, Rows
from ..sets import FileSet
from . import Drawn, Request


@meaning_of(sources.Sample)
def sample(word: sources.Sample, request: Request) -> Rows:
    """Pictures that install with scikit-image, fitted to the unknown; `*` and the faces come in splits."""
    if request.space.axis("z") is not None or len(request.space.axes) < 2:
        raise DataError(f'`sample("{word.name}")` is a picture, and the unknown is {request.space}')
    splits = [request.options.split] if request.options.split else ["train", "test"]
    try:
        if word.name == sources.FACES:
            faces = np.concatenate([pictures.sample_faces(s) for s in splits])
            return _fitted(len(faces), lambda row: faces[row], request)
        names = [n for s in splits for n in pictures.picture_names(s)] if word.name == "*" else [word.name]
        pictures.sample_picture(names[0])
    except ValueError as e:
        raise DataError(f'`sample("{word.name}")`: {e}') from e
    return _fitted(len(names), lambda row: pictures.sample_picture(names[row]), request)


@meaning_of(sources.Folder)
def folder(word: sources.Folder, request: Request) -> Rows:
    """The pictures of a folder, as they are; where the unknown has extents, brought to them like sample pictures."""
    rows = images.folder(word.pattern, request.folder, split=request.options.split)
    return _fitted(len(rows), lambda row: rows.read(row)["image"], request)


def picture_rows(files: FileSet, request: Request) -> Rows:
    """The pictures of a set, one a row, like those of `folder`."""
    return _fitted(len(files.names), lambda row: images.picture(files.fetch(files.names[row])), request)


def _fitted(count: int, picture: Callable[[int], Array], request: Request) -> Rows:
    """Pictures [channels, rows, cols], each brought to the unknown's channels and extents."""

    def make(row: int) -> dict[str, Array]:
        extents = request.extents
        plane = None if extents is None else (extents[-2], extents[-1])
        try:
            return {"image": request.shaped(pictures.fit_picture(picture(row), request.channels, plane))}
        except ValueError as e:
            raise DataError(str(e)) from e

    return Drawn(["image"], count, make)
