"""What to cite for a page: the BibTeX entries of the words it uses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files

from ..model.experiment import Experiment
from ..model.terms import everything
from ..model.word import Word


def entries() -> dict[str, str]:
    """Every entry of the bibliography by its key."""
    text = files(__package__ or "recon.dsl.show").joinpath("references.bib").read_text(encoding="utf-8")
    found = re.findall(r"^@\w+\{([^,]+),.*?^\}", text, flags=re.M | re.S)
    bodies = re.findall(r"^@\w+\{[^,]+,.*?^\}", text, flags=re.M | re.S)
    return dict(zip(found, bodies, strict=True))


def key(reference: str) -> str | None:
    """The key of one reference as words give it: `Beck, Teboulle 2009` is `beck2009`."""
    match = re.match(r"\s*([A-Z][\w'-]+).*?\b((?:19|20)\d\d)\b", reference)
    if match is None:
        return None
    return re.sub(r"[^a-z]", "", match[1].lower()) + match[2]


def references(words: Iterable[Word]) -> list[str]:
    """The keys that the words cite, in order of first use."""
    keys = []
    for word in words:
        for reference in word.reference.split(";"):
            k = key(reference)
            if k is not None and k not in keys:
                keys.append(k)
    return keys


def used_words(experiment: Experiment, solvers: Iterable[Word] = ()) -> list[Word]:
    """Every word of a page, with the solvers that were chosen for it."""
    roots: list[object] = [d.source for d in experiment.data.values()]
    for f in [*experiment.methods.values(), *([experiment.simulate] if experiment.simulate else [])]:
        roots += [
            *f.operators.values(),
            *(line.law for line in f.likelihoods),
            *(x for p in f.priors for x in (p.energy, p.rule) if x),
        ]
    roots += [*experiment.metrics, *experiment.analyses, *solvers]
    return [t for r in roots for t in everything(r) if isinstance(t, Word)]


def bibliography(experiment: Experiment, solvers: Iterable[Word] = ()) -> list[str]:
    """The BibTeX entries of a page."""
    known = entries()
    return [known[k] for k in references(used_words(experiment, solvers)) if k in known]
