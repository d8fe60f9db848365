"""What explain and plan tell of networks that take an image and give one."""

from pathlib import Path

from recon.dsl import vocabulary
from recon.dsl.check.page import load
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.word import Network
from recon.dsl.show.explain import card_text, cards
from recon.dsl.show.plan import plan
from recon.dsl.show.restoring import planes, sees
from recon.dsl.vocabulary.restorers import Dncnn, Unet
from recon.dsl.vocabulary.transformers import Restormer

PAGE = """recon 1
data fit = sample("*") { split = "train"; x = image }
data test = sample("camera") { x = image }
image x : complex[64, 64] { channels = 3 }
forward A = identity()
noise y ~ gaussian(A @ x, sigma = 0.1)
solver network(learned(unet(channels = 4, scales = 3)))
train supervised() { data = fit; patches = 24; steps = 20 }
"""


def test_what_a_pixel_sees() -> None:
    assert sees(Dncnn()) == "35 x 35 pixels"  # the figure of its paper
    assert sees(Unet()) == "204 x 204 pixels, and means over the whole image"
    assert sees(Restormer()) == "the whole image"


def test_every_network_of_images_says_how_large_it_is() -> None:
    words = [w for w in vocabulary.words().values() if issubclass(w, Network) and w.restores]
    assert len(words) >= 8
    for word in words:
        (facts,) = (e.facts for c in cards(word.word) if c.kind == "network" for e in c.examples)
        assert facts[0] == f"{word().parameters(1):,} parameters"
        assert facts[1].startswith("a pixel depends on ")
        assert facts[0] in card_text(next(c for c in cards(word.word) if c.kind == "network"))


def test_the_plan_tells_what_is_trained() -> None:
    (method,) = plan(load(PAGE, "page.recon", Path())).methods
    count = Unet(channels=4, scales=3).parameters(6)
    assert (
        f"`unet` is trained first: {count:,} parameters, a pixel depends on 100 x 100 pixels" in method.solver.promise
    )


def test_planes() -> None:
    image = (Axis("row", 4), Axis("col", 4))
    assert planes(Space("real", image)) == 1
    assert planes(Space("complex", (Axis("channel", 3), *image))) == 6
