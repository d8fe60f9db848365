"""Networks by their words: what the words say of them, and the layers of the papers written out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from recon.dsl.model.word import Network
from recon.dsl.vocabulary import restorers, transformers
from recon.dsl.vocabulary.networks import ConvGenerator
from recon.zoo.networks import SRCNN, DnCNN, DRUNet, PatchMlp, Residual, UNet, build_network
from recon.zoo.networks.layers import standardised
from recon.zoo.networks.unet import InstanceNorm
from torch import Tensor, nn
from torch.nn import functional as F

WORDS = [
    restorers.Dncnn.model_validate({"depth": 2, "channels": 3}),
    restorers.Dncnn.model_validate({"depth": 5, "channels": 6}),
    restorers.Srcnn.model_validate({"channels": 6}),
    restorers.Drunet.model_validate({"channels": 2, "blocks": 1}),
    restorers.Drunet.model_validate({"channels": 3, "blocks": 2}),
    restorers.Unet.model_validate({"channels": 2, "scales": 1, "standardise": False}),
    restorers.Unet.model_validate({"channels": 3, "scales": 2, "standardise": True}),
    restorers.PatchMlp(patch=5, width=7, hidden=2, stride=2),
    restorers.PatchMlp(patch=4, width=3, hidden=1, stride=4),
    transformers.Vit(patch=4, width=6, depth=2, head=3, grid=3, standardise=False),
    transformers.Vit(patch=3, width=8, depth=1, head=8, grid=4, standardise=True),
    transformers.Restormer(channels=2, blocks=(1, 2, 1, 1), refinement=1, heads=(1, 2, 1, 4), bias=True),
    transformers.Restormer(channels=4, blocks=(1, 1, 1, 1), refinement=2),
    transformers.Swinir(width=6, groups=1, depth=1, heads=2, window=4),
    transformers.Swinir(width=4, groups=2, depth=3, heads=1, window=5, expansion=1.5),
]


def apply(network: nn.Module, word: Network, x: Tensor) -> Tensor:
    out: Tensor = network(x, torch.full((len(x),), 0.1)) if word.conditional else network(x)
    return out


@pytest.fixture(autouse=True)
def _the_same_weights() -> Iterator[None]:
    """Weights and images of a test are the same in every run: of a few units all may be dead by chance."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        yield


@pytest.mark.parametrize("word", WORDS, ids=str)
@pytest.mark.parametrize("planes", [1, 2])
def test_the_word_knows_its_parameters(word: Any, planes: int) -> None:
    network = build_network(word, planes)
    assert sum(p.numel() for p in network.parameters()) == word.parameters(planes)
    size = 4 * word.multiple
    assert apply(network, word, torch.rand(2, planes, size, size)).shape == (2, planes, size, size)


@pytest.mark.parametrize("word", WORDS, ids=str)
def test_weights_move_in_half_precision_too(word: Any) -> None:
    network = build_network(word, 1)
    x = torch.rand(1, 1, 2 * word.multiple, 2 * word.multiple)
    with torch.autocast("cpu", torch.bfloat16):
        answer = apply(network, word, x)
    answer.float().square().mean().backward()
    for name, p in network.named_parameters():
        assert p.grad is not None
        assert bool(torch.isfinite(p.grad).all())
        assert bool((p.grad != 0).any()), name
    exact = apply(network, word, x)
    assert float((answer.float() - exact).detach().norm()) < 0.1 * float(exact.detach().norm())


def test_the_defaults_are_those_of_the_papers() -> None:
    assert restorers.Dncnn().parameters(1) == 555_137  # 17 layers of 64 channels with biases
    assert restorers.Srcnn().parameters(1) == 8_129  # 8 032 weights and 97 biases
    assert restorers.Drunet().parameters(1) == 32_638_656
    assert restorers.PatchMlp().parameters(1) == 13_762_270  # 289, four times 2047, 289
    assert restorers.Unet().parameters(1) == 7_756_097  # fastMRI's U-Net with 32 channels and 4 poolings


@pytest.mark.parametrize("word", [w for w in WORDS if w.receptive_field is not None], ids=str)
def test_a_pixel_depends_on_no_more_than_the_receptive_field(word: Any) -> None:
    network = build_network(word, 1).double()
    if word.normalises:  # means over the whole image come on top
        without_means(network)
    for p in network.parameters():
        p.data = p.data.abs() + 0.01  # nothing cancels, and no unit is dead
    reach = word.receptive_field
    size = (2 * reach // word.multiple + 2) * word.multiple
    x = torch.rand(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    far = 0
    for at in range(size // 2, size // 2 + word.multiple):
        (g,) = torch.autograd.grad(apply(network, word, x)[0, 0, at, at], x)
        seen = g[0, 0].abs().amax(1).nonzero().flatten()
        width = int(seen.max() - seen.min()) + 1
        assert width <= reach
        far = max(far, width)
    assert far == reach


def without_means(network: nn.Module) -> None:
    """Take the layers away that normalise by means over the whole image."""
    network.standardise = False  # type: ignore[assignment]
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, InstanceNorm):
                setattr(module, name, nn.Identity())


@pytest.mark.parametrize("word", [w for w in WORDS if w.normalises or w.receptive_field is None], ids=str)
def test_a_network_that_sees_the_whole_image_says_so(word: Any) -> None:
    network = build_network(word, 1).double()
    size = (word.receptive_field or 4 * word.multiple) // word.multiple * word.multiple + 2 * word.multiple
    x = torch.rand(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(apply(network, word, x)[0, 0, size // 2, size // 2], x)
    assert (g != 0).all()


def test_dncnn_is_its_list_of_layers() -> None:
    network = DnCNN(2, 5, 4)
    w = network.state_dict()
    assert list(w) == [f"model.{k}.{part}" for k in (0, 2, 4, 6) for part in ("weight", "bias")]
    x = torch.rand(3, 2, 9, 7)
    h = x
    for k in (0, 2, 4, 6):
        h = F.conv2d(h, w[f"model.{k}.weight"], w[f"model.{k}.bias"], padding=1)
        h = h.clamp(min=0) if k < 6 else h
    torch.testing.assert_close(network(x), x - h)


def test_srcnn_is_its_list_of_layers() -> None:
    network = SRCNN(1, 6)
    w = network.state_dict()
    x = torch.rand(2, 1, 12, 10)
    h = F.conv2d(x, w["conv1.weight"], w["conv1.bias"], padding=4).clamp(min=0)
    h = F.conv2d(h, w["conv2.weight"], w["conv2.bias"]).clamp(min=0)
    torch.testing.assert_close(network(x), F.conv2d(h, w["conv3.weight"], w["conv3.bias"], padding=2))


def test_drunet_is_its_list_of_layers() -> None:
    network = DRUNet(1, 3, 2)
    w = network.state_dict()
    x, sigma = torch.rand(2, 1, 16, 24), torch.tensor([0.1, 0.3])

    def blocks(h: Tensor, name: str, first: int) -> Tensor:
        for k in range(first, first + 2):
            inner = F.conv2d(h, w[f"{name}.{k}.res.0.weight"], padding=1).clamp(min=0)
            h = h + F.conv2d(inner, w[f"{name}.{k}.res.2.weight"], padding=1)
        return h

    level = sigma[:, None, None, None] * torch.ones_like(x)
    held = [F.conv2d(torch.cat([x, level], 1), w["m_head.weight"], padding=1)]
    for k in (1, 2, 3):
        h = blocks(held[-1], f"m_down{k}", 0)
        held.append(F.conv2d(h, w[f"m_down{k}.2.weight"], stride=2))
    h = blocks(held[3], "m_body", 0)
    for k in (3, 2, 1):
        h = F.conv_transpose2d(h + held[k], w[f"m_up{k}.0.weight"], stride=2)
        h = blocks(h, f"m_up{k}", 1)
    expected = F.conv2d(h + held[0], w["m_tail.weight"], padding=1)
    torch.testing.assert_close(network(x, sigma), expected)


def test_drunet_scales_with_image_and_noise() -> None:
    network = DRUNet(1, 4, 1)
    x, sigma = torch.rand(2, 1, 16, 16), torch.tensor([0.1, 0.3])
    torch.testing.assert_close(network(5 * x, 5 * sigma), 5 * network(x, sigma), rtol=1e-4, atol=1e-5)


def normalised(x: Tensor) -> Tensor:
    spread = x.var((2, 3), unbiased=False, keepdim=True)
    x = (x - x.mean((2, 3), keepdim=True)) / (spread + 1e-5).sqrt()
    return torch.where(x < 0, 0.2 * x, x)


@pytest.mark.parametrize("standardise", [False, True])
def test_unet_is_its_list_of_layers(standardise: bool) -> None:
    network = UNet(2, 3, 2, standardise).double()
    w = network.state_dict()
    shapes = {name: tuple(t.shape) for name, t in w.items()}
    assert shapes == {  # the names and shapes of fastMRI
        "down_sample_layers.0.layers.0.weight": (3, 2, 3, 3),
        "down_sample_layers.0.layers.4.weight": (3, 3, 3, 3),
        "down_sample_layers.1.layers.0.weight": (6, 3, 3, 3),
        "down_sample_layers.1.layers.4.weight": (6, 6, 3, 3),
        "conv.layers.0.weight": (12, 6, 3, 3),
        "conv.layers.4.weight": (12, 12, 3, 3),
        "up_transpose_conv.0.layers.0.weight": (12, 6, 2, 2),
        "up_conv.0.layers.0.weight": (6, 12, 3, 3),
        "up_conv.0.layers.4.weight": (6, 6, 3, 3),
        "up_transpose_conv.1.layers.0.weight": (6, 3, 2, 2),
        "up_conv.1.0.layers.0.weight": (3, 6, 3, 3),
        "up_conv.1.0.layers.4.weight": (3, 3, 3, 3),
        "up_conv.1.1.weight": (2, 3, 1, 1),
        "up_conv.1.1.bias": (2,),
    }
    x = 3 + torch.rand(2, 2, 16, 24, dtype=torch.float64)
    mean, spread = (x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True)) if standardise else (0, 1)

    def block(h: Tensor, name: str) -> Tensor:
        h = normalised(F.conv2d(h, w[f"{name}.layers.0.weight"], padding=1))
        return normalised(F.conv2d(h, w[f"{name}.layers.4.weight"], padding=1))

    def half(h: Tensor) -> Tensor:
        return (h[..., ::2, ::2] + h[..., 1::2, ::2] + h[..., ::2, 1::2] + h[..., 1::2, 1::2]) / 4

    fine = block((x - mean) / spread, "down_sample_layers.0")
    middle = block(half(fine), "down_sample_layers.1")
    h = block(half(middle), "conv")
    up = normalised(F.conv_transpose2d(h, w["up_transpose_conv.0.layers.0.weight"], stride=2))
    h = block(torch.cat([up, middle], 1), "up_conv.0")
    up = normalised(F.conv_transpose2d(h, w["up_transpose_conv.1.layers.0.weight"], stride=2))
    h = block(torch.cat([up, fine], 1), "up_conv.1.0")
    expected = F.conv2d(h, w["up_conv.1.1.weight"], w["up_conv.1.1.bias"]) * spread + mean
    torch.testing.assert_close(network(x), expected)


def test_a_standardised_unet_follows_scale_and_shift_of_the_values() -> None:
    network = UNet(1, 3, 2, standardise=True).double()
    x = torch.rand(2, 1, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(network(1e-6 * x + 2e-6), 1e-6 * network(x) + 2e-6)
    assert torch.isfinite(network(torch.ones_like(x))).all()


def test_unet_takes_an_image_of_one_coarsest_pixel() -> None:
    assert torch.isfinite(UNet(1, 2, 3)(torch.rand(1, 1, 8, 8))).all()


def test_patch_mlp_is_the_mean_of_its_patches() -> None:
    network = PatchMlp(2, patch=5, width=7, hidden=2, stride=3).double()
    w = network.state_dict()
    x = torch.rand(2, 2, 9, 12, dtype=torch.float64)
    padded = F.pad(x, (0, 2, 0, 2), mode="replicate")  # 11 and 14 are 5 + 2 * 3 and 5 + 3 * 3
    total, count = torch.zeros_like(padded), torch.zeros_like(padded)
    for top in (0, 3, 6):
        for left in (0, 3, 6, 9):
            here = (..., slice(top, top + 5), slice(left, left + 5))
            h = padded[here].reshape(2, 50)
            for k in (0, 2):
                h = torch.tanh(h @ w[f"layers.{k}.weight"].T + w[f"layers.{k}.bias"])
            h = h @ w["layers.4.weight"].T + w["layers.4.bias"]
            total[here] += h.view(2, 2, 5, 5)
            count[here] += 1
    torch.testing.assert_close(network(x), (total / count)[..., :9, :12])
    assert network(x[..., :2, :3]).shape == (2, 2, 2, 3)


def test_patches_in_several_portions_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    network = PatchMlp(1, patch=4, width=5, hidden=1, stride=1)
    x = torch.rand(2, 1, 9, 8)
    once = network(x)
    monkeypatch.setattr("recon.zoo.networks.patch_mlp.AT_ONCE", 7)
    torch.testing.assert_close(network(x), once)


def test_many_patches_are_averaged_exactly_in_half_precision() -> None:
    network = PatchMlp(1, patch=17, width=2, hidden=1, stride=1)  # 289 patches for each pixel; bfloat16 counts to 256
    for p in network.parameters():
        p.data.zero_()
    network.layers[-1].bias.data.fill_(1.0)  # type: ignore[union-attr, operator]
    with torch.autocast("cpu", torch.bfloat16):
        answer = network(torch.rand(1, 1, 40, 40))
    assert torch.equal(answer, torch.ones(1, 1, 40, 40))


def test_a_residual_takes_off_what_its_layers_find() -> None:
    layers = nn.Conv2d(1, 1, 3, padding=1)
    x = torch.rand(1, 1, 5, 5)
    assert torch.equal(Residual(layers)(x), x - layers(x))


def test_a_residual_has_no_mean_where_the_layers_take_it_off() -> None:
    layers = UNet(1, 2, 1, standardise=True).double()
    x = 5 + 2 * torch.rand(2, 1, 8, 8, dtype=torch.float64)
    mean, spread = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True)
    standard = (x - mean) / spread
    layers.standardise = False
    expected = (standard - layers(standard)) * spread + mean
    layers.standardise = True
    torch.testing.assert_close(Residual(layers)(x), expected)


def test_a_generator_is_no_network_of_images() -> None:
    word = ConvGenerator.model_construct()
    with pytest.raises(LookupError, match="conv_generator"):
        build_network(word, 1)


def test_what_is_standardised_may_be_cut_off_or_be_one_pixel() -> None:
    x = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(5))
    x[0, 0, 3, 4] = 100.0
    seen: list[Tensor] = []
    spread, mean = torch.std_mean(x, (-2, -1), keepdim=True)
    z = standardised(lambda z: seen.append(z) or z, x, 6.0)  # type: ignore[func-returns-value]
    torch.testing.assert_close(seen[0], ((x - mean) / spread).clamp(-6, 6))
    torch.testing.assert_close(z, seen[0] * spread + mean)
    assert float(seen[0].max()) == 6
    one = torch.full((1, 1, 1, 1), 3.0)
    assert torch.equal(standardised(lambda z: z, one), one)
    network = build_network(restorers.Unet(channels=2, scales=1, clamp=6.0), 1)
    assert network.clamp == 6
    with pytest.raises(ValueError, match="only `standardise` makes"):
        restorers.Unet(standardise=False, clamp=6.0)
