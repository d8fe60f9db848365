"""`recon zoo card`: measured results into the contract of weights, and its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from recon.dsl.diagnostics.render import safe

from ..common import FileProblem, command, json_option, print_json


@command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("runs", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--beside",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="The folder of the page, if it names files; else it does not matter.",
)
@click.option("--licence", help="Of the weights, an SPDX name.")
@click.option("--data-licence", help="Of what they were trained on: an SPDX name, or what is known.")
@json_option
def zoo_card(
    folder: Path, runs: tuple[Path, ...], beside: Path, licence: str | None, data_licence: str | None, as_json: bool
) -> None:
    """Write the card of a folder of the zoo anew; with RUNS their results take the place of those that it has.

    Each run is a folder of `recon run` in which one method is `solver network(...)` with these weights; the other
    methods are told beside it. What is measured: the mean of every metric, for each of the page's data.
    """
    from recon.dsl.model.folder import FolderError, read_contract
    from recon.zoo.card import described

    try:
        contract = read_contract(folder)
    except FolderError as e:
        raise FileProblem(str(e)) from e
    if runs:
        results = tuple(row for run in runs for row in results_of(run, beside))
        pages = sorted({_experiment(run, beside) for run in runs})
        solvers = sorted({solver for run in runs for solver in _solvers(run, beside)})
        measured = {"measured by": ", ".join(pages), "measured with": ", ".join(solvers)}
        contract = contract.model_copy(update={"results": results, "provenance": {**contract.provenance, **measured}})
    stated = {part: name for part, name in (("weights", licence), ("data", data_licence)) if name is not None}
    contract = contract.model_copy(update={"licences": contract.licences.model_copy(update=stated)})
    for name, text in described(contract).items():
        (folder / name).write_text(text, encoding="utf-8")
    if as_json:
        print_json({"folder": str(folder), "results": list(contract.results)})
    else:
        click.echo(safe(f"{folder}: {len(contract.results)} results"))


def results_of(run: Path, place: Path) -> list[dict[str, Any]]:
    """Rows of results: `{data, sigma, metric, value, beside}`, the last of other methods. place: of the page.

    Raises FileProblem for a folder that has none.
    """
    outcomes = [o for o in _read(run)["outcomes"] if not o["failure"]]
    own = [o for o in outcomes if o["solver"] == "network"]
    if not own or len({o["method"] for o in own}) > 1:
        raise FileProblem(f"{run}: has {'no' if not own else 'more than one'} method with the solver `network`")
    sigma = _sigma(run, place)
    rows = []
    for o in own:
        others = [b for b in outcomes if (b["data"], b["cell"]) == (o["data"], o["cell"]) and b is not o]
        for metric, value in o["mean"].items():
            row: dict[str, Any] = {"data": o["data"] or "test"}
            row |= {} if sigma is None else {"sigma": round(sigma, 6)}
            row |= {"metric": metric, "value": round(value, 4)}
            beside = {b["method"]: round(b["mean"][metric], 4) for b in others if metric in b["mean"]}
            rows.append(row | ({"beside": beside} if beside else {}))
    return rows


def _read(run: Path) -> Any:
    try:
        return json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise FileProblem(f"{run}: is no folder of a run that was finished: {e}") from e


def _experiment(run: Path, place: Path) -> str:
    return str(_page(run, place).experiment.name)


def _solvers(run: Path, place: Path) -> set[str]:
    """How the page applies the weights, which says what their input is."""
    methods = _page(run, place).experiment.methods.values()
    return {
        " ".join(m.solver_span.text.split()) for m in methods if m.solver is not None and m.solver.word == "network"
    }


def _sigma(run: Path, place: Path) -> float | None:
    """The level of the page's noise, where there is one."""
    from recon.dsl.vocabulary.fitting import levels_of

    laws = [m.law for f in _page(run, place).experiment.methods.values() for m in f.likelihoods]
    found = {levels_of(law) for law in laws}
    (only,) = found if len(found) == 1 else (None,)
    return None if only is None or only[0] != only[1] else only[0]


def _page(run: Path, place: Path) -> Any:
    from recon.dsl.check.page import load
    from recon.dsl.diagnostics import SpecError

    try:
        return load((run / "spec.recon").read_text(encoding="utf-8"), "spec.recon", place)
    except (OSError, SpecError) as e:
        raise FileProblem(f"{run}: its spec.recon cannot be read: {e}") from e
