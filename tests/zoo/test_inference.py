"""Networks that answer: as plain calls do, with gradients where they are asked for, in bfloat16 up to its rounding."""

from __future__ import annotations

import pytest
import torch
from recon.dsl.model.word import Network
from recon.dsl.vocabulary import restorers
from recon.zoo.inference import Answering
from recon.zoo.networks import build_network
from torch import Tensor, nn

WORDS = [restorers.Dncnn(depth=4, channels=8), restorers.Drunet(channels=4, blocks=1), restorers.Srcnn(channels=8)]


def made(word: Network) -> tuple[nn.Module, tuple[Tensor, ...]]:
    torch.manual_seed(0)
    planes = torch.rand(2, 1, 16, 24)
    return build_network(word, 1).eval().requires_grad_(False), (
        (planes, torch.tensor([0.1, 0.2])) if word.conditional else (planes,)
    )


@pytest.mark.parametrize("word", WORDS, ids=lambda w: w.word)
def test_answers_are_those_of_a_plain_call(word: Network) -> None:
    network, arguments = made(word)
    expected = network(*arguments)
    answer = Answering(network)(*arguments)
    torch.testing.assert_close(answer, expected, rtol=1e-5, atol=1e-6)
    assert not (answer + 0).is_inference(), "it may be worked on in place, and differentiated through later"


@pytest.mark.parametrize("word", WORDS, ids=lambda w: w.word)
def test_gradients_are_recorded_where_the_input_asks(word: Network) -> None:
    network, (planes, *levels) = made(word)
    x, y = planes.clone().requires_grad_(), planes.clone().requires_grad_()
    Answering(network)(x, *levels).square().sum().backward()
    network(y, *levels).square().sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        assert not Answering(network)(x, *levels).requires_grad


def test_bfloat16_rounds_products_not_the_image() -> None:
    """DnCNN takes what it finds wrong off the input: in float32, the input's digits are all there."""
    network, (planes,) = made(WORDS[0])
    with torch.no_grad():
        for p in network.parameters():
            p.zero_()
    answer = Answering(network, half=True)(planes)
    assert answer.dtype == torch.float32
    assert torch.equal(answer, planes)


@pytest.mark.parametrize("word", WORDS, ids=lambda w: w.word)
def test_bfloat16_is_as_near_as_its_eight_bits_let_it(word: Network) -> None:
    network, arguments = made(word)
    exact, near = Answering(network)(*arguments), Answering(network, half=True)(*arguments)
    # each of a few layers rounds its inputs and outputs by 2^-9 of their size
    assert 0 < float((near - exact).norm() / exact.norm()) < 12 * 2**-9
