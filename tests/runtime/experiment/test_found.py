"""What a solver finds beside the unknown is kept, drawn and shown."""

from pathlib import Path

import numpy as np
from recon.dsl.syntax.parse import parse
from recon.dsl.syntax.source import Source
from recon.runtime.experiment.run import run_page

PAGE = Path(__file__).parents[2] / "specs" / "good" / "patches.recon"


def test_the_atoms_of_a_dictionary(tmp_path: Path) -> None:
    result = run_page(parse(Source(PAGE.name, PAGE.read_text())), PAGE.parent, [], out=tmp_path / "out", device="cpu")
    (outcome,) = result.outcomes
    atoms = np.load(result.folder / "atoms.npy")
    assert atoms.shape == (64, 6, 6)
    assert np.allclose(np.square(atoms).sum((1, 2)), 1, atol=1e-5)
    assert np.array_equal(outcome.found["atoms"], atoms)
    assert (result.folder / "atoms.png").read_bytes().startswith(b"\x89PNG")
    assert "64 images of 6 x 6" in (result.folder / "report.html").read_text()
    assert outcome.metrics["psnr"][0] > 24  # the measurement has 20
