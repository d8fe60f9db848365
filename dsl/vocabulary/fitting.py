"""Whether weights can be fitted to images of a space, by their contract alone."""

from __future__ import annotations

from ..model.contract import Contract
from ..model.folder import FolderError
from ..model.space import Space
from ..model.units import parts
from ..model.word import Draw, Word
from .contracts import network_word
from .draws import Uniform

NEAR = 0.05
"""By which part of itself a noise level may lie outside of those that a network knows; it is seldom known better."""


def misfit(contract: Contract, space: Space) -> tuple[str, str] | None:
    """Why the network of a contract cannot be fitted to images of a space, and what would help; None where it can.

    Volumes and sequences are taken slice by slice and frame by frame, channels together or one by one, complex images
    as planes or part by part. Any extents are padded.
    """
    if contract.scale != 1:
        reason = (
            f"the weights make an image {contract.scale} times finer than they are given, and this one keeps its grid"
        )
        return reason, "take weights of scale 1; those of `srcnn` are given an image on the fine grid"
    if [a.name for a in space.axes[-2:]] != ["row", "col"]:
        return f"networks take images, slice by slice and frame by frame, and this is {space}", ""
    at = space.axis("channel")
    count = 1 if at is None else space.axes[at].size
    taken = contract.channels // (2 if contract.value == "complex" else 1)
    if count is not None and taken not in (1, count):
        kind = f"{contract.value} images of {taken} channels"
        return (
            f"the weights are for {kind}, and this one has {count}",
            "weights for one channel take channels one by one",
        )
    try:
        return network_word(contract.network).misfit(space)
    except FolderError as e:
        return e.what, e.help


def levels_of(law: Word) -> tuple[float, float] | None:
    """The least and the largest noise level that a law says, in the measurement's unit; None where it says none."""
    drawn = getattr(law, "sigma", None)
    if isinstance(drawn, Uniform):
        return parts(drawn.low)[0], parts(drawn.high)[0]
    level = getattr(law, "level", None)
    return None if isinstance(drawn, Draw) or not isinstance(level, float) else (level, level)


def known_levels(contract: Contract, ends: tuple[float, float] | None) -> tuple[float, float] | None:
    """The noise levels that a network knows of images with values in `ends`, or in its own range; None: not known."""
    if contract.noise is None:
        return None
    low, high = ends or contract.range
    return contract.noise.levels[0] * (high - low), contract.noise.levels[1] * (high - low)


def outside(known: tuple[float, float], told: tuple[float, float]) -> float | None:
    """The first of two levels that a network is told and does not know; None where it knows both."""
    if told[0] < known[0] * (1 - NEAR):
        return told[0]
    return told[1] if told[1] > known[1] * (1 + NEAR) else None
