"""Rows of published sets of photographs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from recon.dsl.vocabulary.sources import photographs as sources

from ...meaning import meaning_of
from .. import photographs as layouts
from ..files import Array, DataError, DataFile, Rows
from ..images import picture
from ..pictures import fit_picture
from ..sets import FileSet, files_of, in_split
from . import Drawn, Request


@meaning_of(sources.Bsd68)
def bsd68(word: sources.Bsd68, request: Request) -> Rows:
    """One picture a row."""
    files = files_of(word.path, request.folder, sources.PICTURES, request.options.split)
    return _rows([{"image": name} for name in files.names], files, request)


@meaning_of(sources.Div2k)
def div2k(word: sources.Div2k, request: Request) -> Rows:
    """One large picture a row, with its small version; both are cut to the same part."""
    files = files_of(word.path, request.folder, sources.PICTURES, request.options.split)
    pairs = layouts.div2k_pairs(files.names, word.factor, word.kind)
    if not pairs:
        raise DataError(f"{word.path}: holds no pictures called by numbers, as 0801.png")
    ratio = word.factor
    first_is_low = request.columns[:1] == ("low",)

    def shaped(name: str, x: Array) -> Array:
        if request.extents is None:
            return x
        rows, cols = request.extents[-2:]
        low = (rows, cols) if first_is_low else (rows // ratio, cols // ratio)
        if not first_is_low and "low" in request.columns and (rows % ratio or cols % ratio):
            raise ValueError(f"{rows} x {cols} is no multiple of the factor {ratio}")
        if name == "low":
            return layouts.cut(x, low)
        large = (low[0] * ratio, low[1] * ratio) if first_is_low else (rows, cols)
        return layouts.cut(x, large, ratio if "low" in request.columns else 1)

    return _rows(pairs, files, request, shaped)


@meaning_of(sources.Sidd)
def sidd(word: sources.Sidd, request: Request) -> Rows:
    """A noisy picture with its clean twin a row; or a block of a validation file."""
    files = files_of(word.path, request.folder, word.suffixes, None)
    blocks = layouts.sidd_blocks(files.names)
    pairs = layouts.sidd_pairs(files.names)
    if blocks is not None and (request.options.split == "val" or not pairs):
        return _blocks(blocks, files, request)
    if not pairs:
        raise DataError(f"{word.path}: holds no pictures called NOISY_SRGB, as the data set does")
    if request.options.split not in (None, "train"):
        kept = set(in_split(word.path, [p["noisy"] for p in pairs], request.options.split))
        pairs = [p for p in pairs if p["noisy"] in kept]
    return _rows(pairs, files, request)


def _blocks(pair: layouts.Pair, files: FileSet, request: Request) -> Rows:
    columns = list(pair)
    wanted = [c for c in columns if c in request.columns] or columns
    found = {c: files.fetch(pair[c]) for c in wanted}
    sizes = {c: layouts.mat_blocks(file) for c, file in found.items()}
    scenes, each = next(iter(sizes.values()))
    if len(set(sizes.values())) > 1:
        raise DataError(f"{pair['noisy']}: has other numbers of blocks than {pair['clean']}")

    def make(row: int) -> dict[str, Array]:
        out = {c: layouts.mat_block(file, row // each, row % each) for c, file in found.items()}
        return {c: _fitted(found[c], x, request) for c, x in out.items()}

    return Drawn(columns, scenes * each, make)


@meaning_of(sources.Renoir)
def renoir(word: sources.Renoir, request: Request) -> Rows:
    """A noisy picture with the clean one of its scene; or a scene, where two noisy ones are asked for."""
    files = files_of(word.path, request.folder, sources.PICTURES, None)
    scenes = layouts.renoir_scenes(files.names)
    if not scenes:
        raise DataError(f"{word.path}: holds no pictures that end in Noisy, as the data set does")
    split = request.options.split
    if split is not None:
        try:
            kept = set(in_split(word.path, [noisy[0] for noisy, _ in scenes], split))
            scenes = [s for s in scenes if s[0][0] in kept]
        except DataError:
            if split == "val":
                raise
            scenes = [s for k, s in enumerate(scenes) if (k % 5 == 4) == (split == "test")]
    pairs: list[layouts.Pair] = []
    for noisy, clean in scenes:
        truth = {"clean": clean} if clean else {}
        if "noisy_again" in request.columns:
            pairs.append({"noisy": noisy[0], **dict(zip(["noisy_again"], noisy[1:2], strict=False)), **truth})
        else:
            pairs += [{"noisy": name, **truth} for name in noisy]
    if not pairs:
        raise DataError(f"{word.path}: has {len(scenes)} scenes, and none of the split {split}")
    return _rows(pairs, files, request)


def _rows(
    pairs: Sequence[layouts.Pair],
    files: FileSet,
    request: Request,
    shaped: Callable[[str, Array], Array] | None = None,
) -> Rows:
    """The pictures of the columns in use; one that the set lacks is said when its row is read."""
    columns = list(dict.fromkeys(c for pair in pairs for c in pair))

    def make(row: int) -> dict[str, Array]:
        out: dict[str, Array] = {}
        for name in [c for c in columns if c in request.columns] or columns:
            if name not in pairs[row]:
                raise DataError(f"{next(iter(pairs[row].values()))}: the set has no `{name}` to it")
            file = files.fetch(pairs[row][name])
            out[name] = _fitted(file, picture(file), request, None if shaped is None else (name, shaped))
        shapes = {x.shape for x in out.values()}
        if shaped is None and len(shapes) > 1:
            raise DataError(f"{next(iter(pairs[row].values()))}: its pictures differ in shape, {sorted(shapes)}")
        return out

    return Drawn(columns, len(pairs), make)


def _fitted(
    file: DataFile, x: Array, request: Request, by: tuple[str, Callable[[str, Array], Array]] | None = None
) -> Array:
    """A picture in the unknown's channels, cut to its extents."""
    try:
        x = fit_picture(x, request.channels, None)
        if by is not None:
            x = by[1](by[0], x)
        elif request.extents is not None:
            x = layouts.cut(x, (request.extents[-2], request.extents[-1]))
    except ValueError as e:
        raise DataError(f"{file}: {e}") from e
    return np.ascontiguousarray(request.shaped(x))
