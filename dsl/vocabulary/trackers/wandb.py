"""Weights & Biases."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from ...model.fields import Field, Whole
from ...model.word import TrackerWord

LONGEST = {"project": 128, "tag": 64}
"""Characters that W&B takes."""


def _project(text: str) -> str:
    if not text.strip():
        raise ValueError('needs a name, such as `"knee-4x"`')
    wrong = sorted(set(re.findall(r"[/\\#?%:\x00-\x1f]", text)))
    if wrong:
        raise ValueError(f"cannot hold {' '.join(repr(c) for c in wrong)}")
    if len(text) > LONGEST["project"]:
        raise ValueError(f"has at most {LONGEST['project']} characters, and this has {len(text)}")
    return text


def _entity(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,127}", text, re.ASCII):
        raise ValueError("is the name of a user or a team: letters, digits, `-`, `_` and `.`")
    return text


def _tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    if any(not t.strip() or len(t) > LONGEST["tag"] for t in tags):
        raise ValueError(f"takes texts of 1 to {LONGEST['tag']} characters")
    return tuple(dict.fromkeys(tags))


class Wandb(TrackerWord):
    """Weights & Biases: each method in each cell and on each data set is a run, and all of them are one group.

    Sent are the page with its digests, params and seed, the manifest, the metrics with those of each row, the tables,
    the trace along the iterations, training curves, and pictures of the first `images` rows. Never sent are arrays,
    code, the state of a repository and what W&B measures of a machine; its client adds its own version, Python's, the
    platform, and where the files of an artifact lie. Each run is written into the folder of the run (or that of
    WANDB_DIR) first; it goes to the server where `mode` and WANDB_MODE are not against it, a key is there, and the
    page is one's own or runs with `--log`: training while it goes on, the rest once it is on disk.
    """

    example: ClassVar[str] = 'log wandb { project = "knee-4x"; images = 8; tags = ["tv", "sweep"] }'
    remote: ClassVar[bool] = True

    project: Annotated[str, AfterValidator(_project)] = Field(description="the project that runs go to")
    images: Whole = Field(8, description="of how many rows pictures are sent, in each run")
    tags: Annotated[tuple[str, ...], AfterValidator(_tags)] = Field((), description="labels to find runs by")
    entity: Annotated[str, AfterValidator(_entity)] | None = Field(
        None, description="the user or team whose project it is; left out: the one whose key it is"
    )
    mode: Literal["auto", "offline", "disabled"] = Field(
        "auto", description="`auto` sends what it may; `offline` only writes; `disabled` does nothing"
    )
