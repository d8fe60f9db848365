"""The kernel of convolutions against sums of products in double precision, and what it leaves to PyTorch."""

from __future__ import annotations

import pytest
import torch
from recon.dsl.model.packaged import packaged_weights
from recon.runtime.native import native
from recon.runtime.transforms.winograd import Convolution3x3, with_quick_convolutions
from recon.zoo.folder import load
from torch import Tensor, nn

pytestmark = pytest.mark.skipif(native() is None, reason="no kernels on this machine")


def made(channels: int, out: int, bias: bool = True) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(channels, out, 3, padding=1, bias=bias).requires_grad_(False)


def normal(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def exact(conv: nn.Conv2d, x: Tensor) -> Tensor:
    bias = None if conv.bias is None else conv.bias.double()
    return nn.functional.conv2d(x.double(), conv.weight.double(), bias, padding=1)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("channels", "out", "shape"),
    [
        (64, 64, (1, 64, 48)),
        (16, 48, (2, 37, 30)),
        (32, 16, (3, 12, 11)),
        (16, 16, (500, 1, 1)),
        (128, 64, (1, 3, 301)),
    ],
)
def test_it_is_the_convolution(
    channels: int, out: int, shape: tuple[int, int, int], bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    conv, x = made(channels, out, bias), normal(shape[0], channels, *shape[1:])
    expected, found = exact(conv, x), []
    for threads in (1, 3):
        monkeypatch.setattr("recon.runtime.transforms.winograd.threads_for", lambda numbers, n=threads: n)
        found.append(Convolution3x3(conv)(x))
    assert torch.equal(*found)
    # Numbers up to a hundred times those of the sum cancel in the transforms; errors of a sum grow like its root.
    bound = 100 * channels**0.5 * torch.finfo(torch.float32).eps
    assert float((found[0] - expected).abs().max()) < bound * float(expected.abs().max())
    assert not torch.equal(found[0], conv(x)), "PyTorch did it"
    assert found[0].shape == expected.shape


def test_planes_may_lie_in_memory_as_they_like() -> None:
    conv, x = made(16, 32), normal(2, 16, 40, 24)
    quick = Convolution3x3(conv)
    for other in (x.contiguous(memory_format=torch.channels_last), x.transpose(2, 3).contiguous().transpose(2, 3)):
        assert torch.equal(quick(other), quick(x))


def test_what_it_leaves_to_the_module() -> None:
    conv = made(16, 16)
    quick, x = Convolution3x3(conv), normal(1, 16, 32, 32)
    asks = x.clone().requires_grad_()
    quick(asks).square().sum().backward()
    expected = torch.autograd.grad(conv(y := x.clone().requires_grad_()).square().sum(), y)[0]
    assert torch.equal(asks.grad, expected)  # type: ignore[arg-type]
    with torch.autocast("cpu", torch.bfloat16):
        assert quick(x).dtype == torch.bfloat16
    assert torch.equal(quick(few := normal(1, 16, 8, 8)), conv(few))
    trained = Convolution3x3(made(16, 16).requires_grad_(True))
    trained(x).sum().backward()
    assert trained.of.weight.grad is not None
    with torch.no_grad():
        assert not torch.equal(trained(x), trained.of(x)), "without a gradient it is quick"


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(1, 64, 3, padding=1),
        nn.Conv2d(64, 1, 3, padding=1),
        nn.Conv2d(16, 16, 3),
        nn.Conv2d(16, 16, 3, padding=1, stride=2),
        nn.Conv2d(16, 16, 3, padding=2, dilation=2),
        nn.Conv2d(32, 32, 3, padding=1, groups=2),
        nn.Conv2d(16, 16, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(16, 16, 5, padding=1),
        nn.ConvTranspose2d(16, 16, 3, padding=1),
    ],
    ids=str,
)
def test_other_layers_stay(conv: nn.Module) -> None:
    network = with_quick_convolutions(nn.Sequential(conv, nn.ReLU()))
    assert network[0] is conv  # type: ignore[index]


@pytest.mark.parametrize("name", ["denoiser-gray", "denoiser-complex", "dncnn-25"])
def test_a_network_answers_as_before(name: str) -> None:
    network, contract = load(packaged_weights() / name)
    x = torch.rand(1, contract.channels, 96, 64, generator=torch.Generator().manual_seed(2))
    told = (torch.tensor([0.1]),) if contract.noise is not None and contract.noise.conditional else ()
    with torch.inference_mode():
        before = network(x, *told)
        after = with_quick_convolutions(network)(x, *told)
    assert sum(isinstance(m, Convolution3x3) for m in network.modules()) > 5
    assert 0 < float((after - before).abs().max()) < 1e-4
