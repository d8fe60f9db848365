"""Which files of a published set of photographs belong together. Names alone are looked at here, never pixels."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np

from .files import MAX_BYTES, Array, DataError, DataFile, naming

Pair = dict[str, str]
"""The file of each column."""


def sidd_pairs(names: Sequence[str]) -> list[Pair]:
    """NOISY_SRGB_010.PNG with GT_SRGB_010.PNG of the same folder."""
    known = set(names)
    pairs = []
    for name in names:
        path = PurePosixPath(name)
        if "NOISY_SRGB" in path.name:
            twin = str(path.with_name(path.name.replace("NOISY_SRGB", "GT_SRGB")))
            pairs.append({"noisy": name, **({"clean": twin} if twin in known else {})})
    return pairs


def sidd_blocks(names: Sequence[str]) -> Pair | None:
    """ValidationNoisyBlocksSrgb.mat with ValidationGtBlocksSrgb.mat; else blocks without clean ones."""
    found: Pair | None = None
    for name in names:
        path = PurePosixPath(name)
        if re.fullmatch(r"\w*NoisyBlocksSrgb\.mat", path.name):
            twin = str(path.with_name(path.name.replace("Noisy", "Gt")))
            if twin in names:
                return {"noisy": name, "clean": twin}
            found = found or {"noisy": name}
    return found


def renoir_scenes(names: Sequence[str]) -> list[tuple[list[str], str | None]]:
    """For each folder that holds a picture ...Noisy: these pictures, and the one that ends in Reference."""
    scenes: dict[str, tuple[list[str], list[str]]] = {}
    for name in names:
        stem = PurePosixPath(name).stem.lower()
        noisy, clean = scenes.setdefault(str(PurePosixPath(name).parent), ([], []))
        if stem.endswith("noisy"):
            noisy.append(name)
        elif stem.endswith("reference"):
            clean.append(name)
    return [(noisy, clean[0] if clean else None) for noisy, clean in scenes.values() if noisy]


def div2k_pairs(names: Sequence[str], factor: int, kind: str) -> list[Pair]:
    """0801.png with 0801x4.png, which lies in a folder of that kind; a letter after the number is the track's own."""
    large, low = {}, {}
    for name in names:
        path = PurePosixPath(name)
        match = re.fullmatch(r"(\d+)(?:x(\d)[a-z]?)?", path.stem)
        if match is None:
            continue
        if match[2] is None:
            large[match[1]] = name
        elif int(match[2]) == factor and (kind in str(path.parent).lower() or "lr" not in str(path.parent).lower()):
            low[match[1]] = name
    return [{"image": name, **({"low": low[n]} if n in low else {})} for n, name in large.items()]


def mat_blocks(file: DataFile, max_bytes: int = MAX_BYTES) -> tuple[int, int]:
    """How many scenes and blocks a file of SIDD holds, [scenes, blocks, rows, cols, 3]. Raises DataError."""
    with naming(file):
        _, shape = _blocks_in(file.path)
        if math.prod(shape) > max_bytes:
            raise DataError(f"{file}: takes {math.prod(shape)} bytes, more than the {max_bytes} allowed")
        return shape[0], shape[1]


def mat_block(file: DataFile, scene: int, block: int) -> Array:
    """One block as a picture [3, rows, cols] in 0..1; the file, 250 MB, is kept until another one is read."""
    with naming(file):
        blocks = _loaded(file.path, file.path.stat().st_mtime_ns)
        picture: Array = np.moveaxis(blocks[scene, block], -1, 0).astype(np.float32) / np.float32(255)
        return np.ascontiguousarray(picture)


@lru_cache(maxsize=2)
def _loaded(path: Path, _: int) -> Array:
    from scipy.io import loadmat

    name = _blocks_in(path)[0]
    blocks: Array = loadmat(str(path), variable_names=[name])[name]
    return blocks


def _blocks_in(path: Path) -> tuple[str, tuple[int, ...]]:
    """The name and the shape of the blocks. Raises ValueError where there are none."""
    from scipy.io import whosmat

    for name, shape, kind in whosmat(str(path)):
        if len(shape) == 5 and shape[-1] == 3 and kind == "uint8":
            return str(name), tuple(int(n) for n in shape)
    raise ValueError("it holds no blocks of 8-bit colour, scenes x blocks x rows x cols x 3")


def cut(picture: Array, extents: tuple[int, int], step: int = 1) -> Array:
    """The middle of a picture [C, H, W], beginning at a multiple of `step`. Raises ValueError where it is smaller."""
    h, w = picture.shape[1:]
    if extents[0] > h or extents[1] > w:
        raise ValueError(f"a picture of {h} x {w} cannot be cut to {extents[0]} x {extents[1]}")
    top, left = ((n - m) // 2 // step * step for n, m in ((h, extents[0]), (w, extents[1])))
    return picture[:, top : top + extents[0], left : left + extents[1]]
