"""`weights` lines and `learned(N)`: networks where a network may stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError
from recon.dsl.digest import digest_of
from recon.dsl.model.networks import Learned, Pretrained
from recon.dsl.vocabulary import pretrained as words
from stated_weights import stated, zeros

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PAGE = """recon 1
{weights}
data cam = sample("camera")
image x : real[16, 16]
noise y ~ gaussian(x, sigma = 0.1)
prior 10 * tv(x)
"""


def page(folder: Path, weights: str) -> dict[str, Pretrained]:
    """The weights of a page with these lines."""
    return load(PAGE.format(weights=weights), "page.recon", folder).experiment.weights


def test_an_address_alone_is_the_word_hub(tmp_path: Path) -> None:
    found = page(tmp_path, f'weights a = "hf://owner/name@{COMMIT}"\nweights b = hub("hf://owner/name@{COMMIT}")')
    assert found["a"] == found["b"]
    assert isinstance(found["a"].source, words.Hub)


def test_weights_of_the_hub_are_found_in_the_cache_of_its_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    made = page(tmp_path, f'weights a = "hf://owner/name@{COMMIT}"')["a"]
    assert made.place() is None
    snapshot = tmp_path / "hub" / "models--owner--name" / "snapshots" / COMMIT
    stated(snapshot)
    assert made.place() == snapshot
    assert made.files == (), "the commit says what they are, wherever they lie"


def test_the_digest_of_a_folder_is_that_of_its_content(tmp_path: Path) -> None:
    stated(tmp_path / "one")
    stated(tmp_path / "two")
    stated(tmp_path / "other", zeros(dtype="F16", size=2))
    found = page(tmp_path, "\n".join(f'weights {n} = folder("{n}")' for n in ("one", "two", "other")))
    files = {name: digest_of(network.files) for name, network in found.items()}
    assert files["one"] == files["two"] != files["other"]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ('folder("missing")', "there is no folder `missing` beside the spec"),
        ('folder("empty")', "`empty` is no folder of the zoo: it has no `config.json`"),
        ('folder("../other")', "`../other` lies outside the folder of the spec"),
        ('"hf://owner/name"', "without a commit its files may change"),
        (f'"hf://datasets/owner/name@{COMMIT}"', "a model of the Hub is written"),
        ('"weights.pt"', "reads no weights from `weights.pt`"),
    ],
)
def test_weights_that_are_nowhere(tmp_path: Path, weights: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpecError, match=message.replace("(", r"\(")):
        page(tmp_path, f"weights w = {weights}")


def test_networks_of_weights_and_learned_ones_have_weights() -> None:
    assert Pretrained.fitted
    assert Learned.fitted
