"""Particles of a RELION STAR file: its tables as text, its images from the stacks that it names."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from .files import MAX_BYTES, Array, DataError, DataFile, checked_row, finite, naming, regular_file
from .volumes import mrc

MOST_BYTES = 2**30  # of text
_TOKEN = re.compile(r"'[^']*'(?=\s|$)|\"[^\"]*\"(?=\s|$)|\S+")
Table = dict[str, list[str]]


def tables(text: str) -> dict[str, Table]:
    """The tables of a STAR file by the names of their blocks: columns by label, entries as text.

    A block of single entries is a table of one row. Raises ValueError where a row has another number of entries than
    the loop has labels.
    """
    out: dict[str, Table] = {}
    block, looping, labels = "", False, list[str]()
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].strip() if not raw.lstrip().startswith("_") else raw.strip()
        if not line:
            continue
        if line.startswith("data_"):
            block, looping, labels = line[5:], False, []
            out[block] = {}
        elif line == "loop_":
            looping, labels = True, []
        elif line.startswith("_"):
            label, *rest = line.split(None, 1)
            out.setdefault(block, {})[label[1:]] = []
            labels.append(label[1:])
            if not looping:
                value = _TOKEN.findall(rest[0].split("#")[0]) if rest else []
                out[block][label[1:]] = [value[0].strip("'\"")] if value else [""]
        else:
            entries = _TOKEN.findall(line)
            if not looping or len(entries) != len(labels):
                raise ValueError(f"line {number} has {len(entries)} entries, and its table {len(labels)} columns")
            for name, entry in zip(labels, entries, strict=True):
                out[block][name].append(entry.strip("'\""))
    return out


@dataclass(frozen=True)
class StarRows:
    """The particles of a file; numbers are in base units."""

    file: DataFile
    root: Path
    names: tuple[str, ...]
    """Of the stack of each particle, relative to root."""
    sections: tuple[int, ...]
    values: dict[str, Array]
    columns: list[str]

    def __len__(self) -> int:
        return len(self.names)

    def read(self, row: int) -> dict[str, Array]:
        checked_row(row, len(self))
        return {name: self._image(row) if name == "image" else self.values[name][row] for name in self.columns}

    def _image(self, row: int) -> Array:
        stack = regular_file(self.names[row], self.root)
        with naming(stack):
            volume = mrc(stack)
            n = self.sections[row]
            size = volume.itemsize * math.prod(volume.shape if volume.packed else volume.shape[1:])
            if size > MAX_BYTES:
                raise DataError(f"{stack}: an image takes {size} bytes, more than the {MAX_BYTES} allowed")
            if not 0 <= n < volume.shape[0]:
                raise DataError(f"{stack}: has {volume.shape[0]} images, and {self.file} asks for number {n + 1}")
            return finite(f"{stack}, image {n + 1}", volume.plane(0, n).astype(np.float32))


def star(path: str | Path, root: Path, *, columns: Sequence[str]) -> StarRows:
    """The particles of a STAR file, of RELION 3.1 or later, or of before.

    Args:
        path: the file, relative to root.
        root: the folder that neither it nor its stacks may lie outside of.
        columns: those in use.

    Raises:
        DataError: the file is missing, damaged, too large, has no particles or not the columns.
    """
    file = regular_file(path, root)
    if file.path.stat().st_size > MOST_BYTES:
        raise DataError(f"{file}: takes {file.path.stat().st_size} bytes, more than the {MOST_BYTES} allowed for text")
    with naming(file):
        found = tables(file.path.read_text(encoding="utf-8"))
    particles = next((t for t in found.values() if "rlnImageName" in t), None)
    if particles is None or not particles["rlnImageName"]:
        raise DataError(f"{file}: has no table of particles, which a column `rlnImageName` would tell")
    count = len(particles["rlnImageName"])
    optics = next((t for t in found.values() if "rlnOpticsGroup" in t and t is not particles), {})
    with naming(file):
        number = _lookup(file, particles, optics, count)
        values = {name: _MADE[name](number) for name in columns if name != "image"}
    for name, v in values.items():
        finite(f"{file}, {name}", v)
    beside = Path(file.path).parent.relative_to(root.resolve())
    names, sections = [], []
    for entry in particles["rlnImageName"]:
        at, _, stack = entry.rpartition("@")
        if at and not at.isdigit():
            raise DataError(f"{file}: `{entry[:60]}` is no image; one is written 000001@stack.mrcs")
        sections.append(int(at or 1) - 1)
        names.append((beside / stack).as_posix())
    return StarRows(file, root, tuple(names), tuple(sections), values, list(columns))


Lookup = Callable[..., Array]


def _lookup(file: DataFile, particles: Table, optics: Table, count: int) -> Lookup:
    """A function that gives a column as numbers: of the particles, else of their optics groups, else its default."""
    group = [optics["rlnOpticsGroup"].index(g) for g in particles["rlnOpticsGroup"]] if optics else []

    def number(*labels: str, default: float | None = None) -> Array:
        for label in labels:
            if particles.get(label):
                return np.array([float(v) for v in particles[label]])
            if optics.get(label):
                return np.array([float(optics[label][g]) for g in group])
        if default is None:
            raise DataError(f"{file}: has no column {labels[0]}")
        return np.full(count, default)

    return number


def _offset(number: Lookup) -> Array:
    """Where a particle lies; the file holds the shift that brings it to the middle."""
    try:
        return np.stack([number("rlnOriginYAngst"), number("rlnOriginXAngst")], 1) * -1e-10
    except DataError:
        pixels = np.stack([number("rlnOriginY"), number("rlnOriginX")], 1)
        return np.asarray(-pixels * _pixel(number)[:, None])


def _pixel(number: Lookup) -> Array:
    try:
        return number("rlnImagePixelSize") * 1e-10
    except DataError:  # before RELION 3.1: the detector's pixel over the magnification, in micrometres
        return number("rlnDetectorPixelSize") * 1e-6 / number("rlnMagnification")


def _rotation(number: Lookup) -> Array:
    angles = np.stack([number(f"rlnAngle{a}", default=0.0) for a in ("Rot", "Tilt", "Psi")], 1)
    matrices: Array = Rotation.from_euler("ZYZ", angles, degrees=True).inv().as_matrix()
    return matrices


_MADE: dict[str, Callable[[Lookup], Array]] = {
    "rotation": _rotation,
    "offset": _offset,
    "defocus": lambda n: (n("rlnDefocusU") + n("rlnDefocusV", "rlnDefocusU")) / 2 * 1e-10,
    "defocus_u": lambda n: n("rlnDefocusU") * 1e-10,
    "defocus_v": lambda n: n("rlnDefocusV", "rlnDefocusU") * 1e-10,
    "astigmatism": lambda n: np.radians(n("rlnDefocusAngle", default=0.0)),
    "voltage": lambda n: n("rlnVoltage") * 1e3,
    "cs": lambda n: n("rlnSphericalAberration") * 1e-3,
    "amplitude": lambda n: n("rlnAmplitudeContrast"),
    "pixel": _pixel,
}
