"""`publish`: a run whose claims held, as a model of the Hub: its card, the page itself, its numbers, its weights."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from recon.dsl.model.experiment import Publish
from recon.dsl.model.folder import CONFIG, LARGEST, NEEDED
from recon.dsl.model.hub import HubPath
from recon.zoo.hub.push import Pushed, push

from ..folder import MANIFEST
from ..report.tables import to_markdown
from ..report.text import clean
from .run import DONE, RunResult

ALWAYS = ("spec.recon", MANIFEST, "metrics.json", "citations.bib")
TABLES = (".md", ".csv", ".tex")
CARD = "README.md"


def withheld(result: RunResult) -> str:
    """Why a run is not published, or nothing."""
    if result.code == DONE:
        return ""
    unmet = [v for v in result.verdicts if not v.holds]
    return f"the claim {unmet[0].claim} was not met" if unmet else "the run did not come to its end"


def publish(asked: Publish, result: RunResult) -> Pushed:
    """Push what a run found, and pull it back. Raises HubError."""
    message = f"{result.experiment.name}: a run of recon, spec {_digest(result)[:8]}"
    to = HubPath(asked.repository, "", "", "model")
    return push(to, published(asked, result), message=message, private=asked.options.private)


def published(asked: Publish, result: RunResult) -> dict[str, Path | bytes]:
    """The files that are published, by name: never arrays or pictures of the data."""
    out: dict[str, Path | bytes] = {name: result.folder / name for name in ALWAYS}
    tables = sorted(p for p in result.folder.iterdir() if p.suffix in TABLES and p.name != CARD)
    out |= {p.name: p for p in tables}
    for folder in trained(result.folder):
        below = folder.relative_to(result.folder).as_posix()
        out |= {f"{below}/{name}": folder / name for name in LARGEST if (folder / name).is_file()}
    return {**out, CARD: card(asked, result).encode()}


def trained(folder: Path) -> list[Path]:
    """The folders of the zoo that a run wrote."""
    found = {p.parent for p in folder.rglob(CONFIG)}
    return sorted(p for p in found if p != folder and all((p / name).is_file() for name in NEEDED))


def card(asked: Publish, result: RunResult) -> str:
    """The card of a published run: what it is in the Hub's own fields, then for people."""
    from huggingface_hub import EvalResult, ModelCardData

    e = result.experiment
    scores = [
        EvalResult(
            task_type="image-to-image",
            dataset_type="recon",
            dataset_name=o.data or next(iter(e.data), "simulated"),
            metric_type=name,
            metric_name=" ".join([name, *(p for p in (o.method, *o.cell.values()) if p)]),
            metric_value=sum(values) / len(values),
        )
        for o in result.outcomes
        for name, values in o.metrics.items()
        if values and all(v == v and abs(v) != float("inf") for v in values)
    ]
    data = ModelCardData(
        license=asked.options.license,
        library_name="recon",
        tags=["recon", "computational-imaging", "image-reconstruction"],
        model_name=e.name,
        eval_results=scores or None,
        ignore_metadata_errors=False,
    )
    lines = ["---", str(data.to_yaml()), "---", "", f"# {clean(e.name)}", ""]
    if e.doc:
        lines += [clean(e.doc), ""]
    lines += ["## Results", ""]
    for table in result.tables:
        lines += [to_markdown(table), ""]
    lines += [*(f"- {v}" for v in result.verdicts), ""] if result.verdicts else []
    weights = [folder.relative_to(result.folder).as_posix() for folder in trained(result.folder)]
    if weights:
        lines += ["## Weights", "", "With the commit of this card in the place of `COMMIT`:", "", "```"]
        lines += [f'weights {name.split("/")[-1]} = "hf://{asked.repository}@COMMIT/{name}"' for name in weights]
        lines += ["```", ""]
    page = (result.folder / "spec.recon").read_text(encoding="utf-8").rstrip()
    fence = max(["```", *(f"{run}`" for run in re.findall("`{3,}", page))], key=len)
    lines += ["## The page", "", fence, page, fence, ""]
    lines += [
        f"`recon run hf://{asked.repository}@COMMIT/spec.recon` runs it again. Its digest is `{_digest(result)}`."
    ]
    return "\n".join(lines) + "\n"


def _digest(result: RunResult) -> str:
    from recon.dsl.digest import spec_digest

    return spec_digest(result.experiment)


def told(done: Pushed) -> list[str]:
    """What the user is told of a published run."""
    again = f"recon run {done.address}/spec.recon"
    return [f"published, pulled back and verified: {done.address}", f"  {again}"]


def plain(done: Pushed) -> dict[str, Any]:
    """The same for programs."""
    return {"address": str(done.address), "new": done.new}
