"""What a network that takes an image and gives one is, in words."""

from __future__ import annotations

from ..model.space import Space
from ..model.word import Network


def sees(word: Network) -> str:
    """The part of the image that a pixel of the answer depends on."""
    field = word.receptive_field
    if field is None:
        return "the whole image"
    return f"{field} x {field} pixels" + (", and means over the whole image" if word.normalises else "")


def network_facts(word: Network, planes: int) -> tuple[str, ...]:
    """How large the network is for images of so many planes, and what it takes and sees."""
    count = word.parameters(planes)
    out = [f"{count:,} parameters"] if count is not None else []
    out.append(f"a pixel depends on {sees(word)}")
    if word.multiple > 1:
        out.append(f"extents are padded to multiples of {word.multiple}")
    if word.conditional:
        out.append("told the noise level")
    return tuple(out)


def planes(space: Space) -> int:
    """How many planes a network takes for images in a space: two for each complex channel."""
    at = space.axis("channel")
    channels = 1 if at is None else space.axes[at].size or 1
    return channels * (2 if space.field == "complex" else 1)
