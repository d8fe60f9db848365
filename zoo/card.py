"""The card of weights: what `config.json` says of them, in words, as the Hub and people read it.

Names and texts of a contract may be a stranger's: they stand in the card as code, in one line, without backticks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from recon.dsl.model.contract import Contract
from recon.dsl.model.folder import CARD, CONFIG, FolderError, read_contract
from recon.dsl.model.packaged import packaged_names, packaged_weights

UNSAID = "NOASSERTION"
"""In the terms of SPDX: a licence that nobody has stated."""

MOST = 200
"""Letters of a text that a card shows."""


def card(contract: Contract) -> str:
    """The text of `README.md`: the Hub's own fields, what it is and how a page uses it, results, origin, licences."""
    p = contract.provenance
    title = plain(p.get("experiment") or p.get("file") or contract.network.name)
    options = ", ".join(f"{k} = {v}" for k, v in contract.network.arguments.items() if v is not None)
    low, high = contract.range
    planes = f"{contract.channels} plane{'s' if contract.channels > 1 else ''}"
    parts = [
        _fields(contract),
        f"# {title}",
        f"{code(f'{contract.network.name}({options})')}, a {contract.role} of {contract.value} images in {planes}, of "
        f"values in {low:g}..{high:g}{_noise(contract)}.",
        'On a page, with the place where this folder lies: `weights w = folder("PLACE")`, or '
        f'`weights w = "hf://OWNER/NAME@COMMIT"`{_installed(contract)}. Images of other extents, another range, with '
        "channels or frames are brought to what the network takes, and back.",
        *_results(contract),
        "## Limits",
        _limits(contract),
        "## Where it comes from",
        _origin(p),
        "## Licences",
        "\n".join(f"- {part}: {_licence(name)}" for part, name in contract.licences.model_dump().items()),
    ]
    return "\n\n".join(parts) + "\n"


def described(contract: Contract) -> dict[str, str]:
    """What the files say that tell of the weights: the contract, and the card made of it."""
    text = json.dumps(contract.model_dump(mode="json"), indent=2, sort_keys=True)
    return {CONFIG: text + "\n", CARD: card(contract)}


def plain(text: object, without: str = "<>`[]|*\\") -> str:
    """A stranger's text in one line, short, of letters that start no Markdown or HTML."""
    line = " ".join(str(text).split())
    return "".join(c for c in line if c.isprintable() and c not in without)[:MOST]


def code(text: object) -> str:
    """A stranger's text as code."""
    return f"`{plain(text, without='`|')}`"


def _fields(contract: Contract) -> str:
    """The front matter; JSON is YAML, and quotes whatever a name may hold."""
    fields: dict[str, Any] = {
        "library_name": "recon",
        "pipeline_tag": "image-to-image",
        "tags": ["computational-imaging", contract.role, contract.network.name],
    }
    if contract.licences.weights != UNSAID:
        fields["license"] = contract.licences.weights.lower()
    return "\n".join(["---", *(f"{key}: {json.dumps(value)}" for key, value in fields.items()), "---"])


def _noise(contract: Contract) -> str:
    if contract.noise is None:
        return "" if contract.scale == 1 else f", {contract.scale} times finer than its input"
    low, high = contract.noise.levels
    told = ", whose level it is told" if contract.noise.conditional else ""
    level = f"{low:.4g}" if low == high else f"{low:.4g}..{high:.4g}"
    return f", under Gaussian noise of sigma {level} of the width of that range{told}"


def _installed(contract: Contract) -> str:
    """How a page names weights that install with recon: those of the same name and hash."""
    name = contract.provenance.get("experiment")
    if not isinstance(name, str) or name not in packaged_names():
        return ""
    try:
        same = read_contract(packaged_weights() / name).sha256 == contract.sha256
    except FolderError:
        return ""
    return f'; they install with recon: `weights w = zoo("{name}")`' if same else ""


def _limits(contract: Contract) -> str:
    """What nobody has looked at, which readers of numbers forget."""
    many = len({str(row.get("data")) for row in contract.results})
    seen = f"The results are those of {many} picture{'s' if many > 1 else ''}. " if many else ""
    if contract.noise is not None:
        low, high = contract.noise.levels
        level = f"a sigma other than {low:.4g}" if low == high else f"a sigma outside {low:.4g}..{high:.4g}"
        return f"{seen}Noise of {level}, or noise that is not white and Gaussian, is none that it was trained on."
    return f"{seen}An operator or noise other than those of its page is none that it was trained on."


def _results(contract: Contract) -> list[str]:
    rows = contract.results
    if not rows:
        return ["No results have been measured."]
    others = sorted({name for row in rows for name in _beside(row)})
    given = [key for key in ("data", "sigma", "metric") if any(key in row for row in rows)]
    table = [[*given, "this", *others], ["---"] * (len(given) + 1 + len(others))]
    for row in rows:
        values = [*(row.get(key) for key in given), row.get("value"), *(_beside(row).get(name) for name in others)]
        table.append([plain(_short(v)) or "-" for v in values])
    table += [[plain(_short(v)) or "-" for v in mean] for mean in _means(rows, given, others)]
    p = contract.provenance
    page = p.get("measured by")
    how = f" with `solver` {code(p['measured with'])}" if p.get("measured with") else ""
    said = f"By {code(page)}{how}, on pictures that it was not trained on." if page else "As whoever made them says."
    return ["## Results", said, "\n".join(f"| {' | '.join(cells)} |" for cells in table)]


def _means(rows: Sequence[Mapping[str, Any]], given: Sequence[str], others: Sequence[str]) -> list[list[object]]:
    """A row for each level and metric of several data: the means of the columns that have a number in each."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((str(row.get("sigma")), str(row.get("metric"))), []).append(row)
    out: list[list[object]] = []
    for group in groups.values():
        columns = [[row.get("value") for row in group], *([_beside(row).get(name) for row in group] for name in others)]
        if len(group) < 2:
            continue
        first = {**group[0], "data": "mean"}
        out.append([*(first.get(key) for key in given), *(_mean(column) for column in columns)])
    return out


def _mean(column: Sequence[object]) -> float | None:
    numbers = [float(v) for v in column if isinstance(v, int | float)]
    return sum(numbers) / len(numbers) if len(numbers) == len(column) else None


def _beside(row: Mapping[str, Any]) -> Mapping[str, Any]:
    others = row.get("beside")
    return {plain(k): v for k, v in others.items()} if isinstance(others, Mapping) else {}


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def _origin(p: Mapping[str, Any]) -> str:
    if "file" in p:
        source = f" It is from {plain(p['source'])}." if p.get("source") else ""
        return (
            f"Converted from {code(p['file'])} (SHA-256 {code(p.get('sha256 of the file', 'not known'))}), with the "
            f"layout {code(p.get('layout', 'not known'))}.{source} The input of the test pair is random."
        )
    if "steps" in p:
        data = p.get("data")
        named = " ".join(map(str, data)) if isinstance(data, Sequence) and not isinstance(data, str) else str(data)
        return (
            f"Trained for {plain(p['steps'])} steps on {code(named)} from the seed {plain(p.get('seed', 0))} by "
            "`spec.recon`, which lies beside this card: `recon run spec.recon` does it again."
        )
    return "Nothing says where the weights come from."


def _licence(name: str) -> str:
    return "not stated" if name == UNSAID else plain(name)
