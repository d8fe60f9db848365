"""Every reference that a word gives has an entry in the bibliography."""

from pathlib import Path

from recon.dsl import vocabulary
from recon.dsl.check.page import load
from recon.dsl.show.citations import bibliography, entries, key, references

QUICKSTART = Path(__file__).parents[3] / "specs" / "quickstart.recon"


def test_every_reference_has_an_entry() -> None:
    known = entries()
    missing = {
        (word.word, reference.strip())
        for word in vocabulary.words().values()
        for reference in word.reference.split(";")
        if key(reference) is not None and key(reference) not in known
    }
    assert missing == set()


def test_every_entry_is_cited() -> None:
    cited = {key(r) for word in vocabulary.words().values() for r in word.reference.split(";")}
    assert set(entries()) - cited == set()


def test_the_quickstart_cites_its_method() -> None:
    checked = load(QUICKSTART.read_text(), "quickstart.recon", QUICKSTART.parent)
    found = "\n".join(bibliography(checked.experiment, [c.solver for c in checked.choices.values()]))
    for word in ("Fast Iterative Shrinkage", "SENSE", "Bases of Compactly Supported", "heckel2024"):
        assert word in found


def test_keys() -> None:
    assert key("Beck, Teboulle 2009") == "beck2009"
    assert key("O'Donoghue, Candes 2015") == "odonoghue2015"
    assert key("the ring model common in simulation") is None
    assert references([]) == []
