"""Files of weights as others lay them out become folders of the zoo, or are refused with the reason."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from recon.dsl.model.folder import read_contract
from recon.dsl.vocabulary import transformers
from recon.runtime.command.zoo.convert import LAYOUTS as OFFERED
from recon.zoo.convert.convert import ConvertError, Said, convert
from recon.zoo.convert.layouts import LAYOUTS
from recon.zoo.convert.reading import read
from recon.zoo.folder import load
from recon.zoo.networks import build_network
from recon.zoo.verify import verify
from recon_process import recon, recon_here
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

Shapes = dict[str, tuple[int, ...]]
Weights = dict[str, Tensor]


# ---- what the authors' files hold -----------------------------------------------------------------------------


def kair_dncnn(depth: int = 17, width: int = 64, planes: int = 1, norms: bool = False) -> Shapes:
    out: Shapes = {"model.0.weight": (width, planes, 3, 3), "model.0.bias": (width,)}
    at = 2
    for _ in range(depth - 2):
        out |= {f"model.{at}.weight": (width, width, 3, 3), f"model.{at}.bias": (width,)}
        if norms:
            out |= {f"model.{at + 1}.{n}": (width,) for n in ("weight", "bias", "running_mean", "running_var")}
            out[f"model.{at + 1}.num_batches_tracked"] = ()
        at += 3 if norms else 2
    return out | {f"model.{at}.weight": (planes, width, 3, 3), f"model.{at}.bias": (planes,)}


def deepinv_dncnn(depth: int = 20, width: int = 64, planes: int = 1) -> Shapes:
    out: Shapes = {"in_conv.weight": (width, planes, 3, 3), "in_conv.bias": (width,)}
    for k in range(depth - 2):
        out |= {f"conv_list.{k}.weight": (width, width, 3, 3), f"conv_list.{k}.bias": (width,)}
    return out | {"out_conv.weight": (planes, width, 3, 3), "out_conv.bias": (planes,)}


def drunet(width: int = 64, blocks: int = 4, planes: int = 1) -> Shapes:
    out: Shapes = {"m_head.weight": (width, planes + 1, 3, 3)}
    w = [width, 2 * width, 4 * width, 8 * width]

    def res(name: str, first: int, wide: int) -> Shapes:
        convs = ((k, j) for k in range(first, first + blocks) for j in (0, 2))
        return {f"{name}.{k}.res.{j}.weight": (wide, wide, 3, 3) for k, j in convs}

    for k in (1, 2, 3):
        out |= res(f"m_down{k}", 0, w[k - 1])
        out[f"m_down{k}.{blocks}.weight"] = (w[k], w[k - 1], 2, 2)
    out |= res("m_body", 0, w[3])
    for k in (3, 2, 1):
        out[f"m_up{k}.0.weight"] = (w[k], w[k - 1], 2, 2)
        out |= res(f"m_up{k}", 1, w[k - 1])
    return out | {"m_tail.weight": (planes, width, 3, 3)}


def fastmri_unet(width: int = 32, scales: int = 4, planes: int = 1) -> Shapes:
    w = [width * 2**k for k in range(scales + 1)]

    def block(name: str, a: int, b: int) -> Shapes:
        return {f"{name}.layers.0.weight": (b, a, 3, 3), f"{name}.layers.4.weight": (b, b, 3, 3)}

    out: Shapes = {}
    for k in range(scales):
        out |= block(f"down_sample_layers.{k}", w[k - 1] if k else planes, w[k])
    out |= block("conv", w[scales - 1], w[scales])
    for k in range(scales):
        fine = w[scales - 1 - k]
        out[f"up_transpose_conv.{k}.layers.0.weight"] = (2 * fine, fine, 2, 2)
        out |= block(f"up_conv.{k}" + (".0" if k == scales - 1 else ""), 2 * fine, fine)
    last = f"up_conv.{scales - 1}.1"
    return out | {f"{last}.weight": (planes, width, 1, 1), f"{last}.bias": (planes,)}


def swinir(
    width: int = 180, groups: int = 6, depth: int = 6, heads: int = 6, window: int = 8, planes: int = 1, inner: int = 2
) -> Shapes:
    def layer(name: str, *shape: int) -> Shapes:
        return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}

    out = layer("conv_first", width, planes, 3, 3) | layer("patch_embed.norm", width)
    n = window**2
    for g in range(groups):
        for b in range(depth):
            name = f"layers.{g}.residual_group.blocks.{b}"
            if b % 2:
                out[f"{name}.attn_mask"] = (4, n, n)
            out |= layer(f"{name}.norm1", width) | layer(f"{name}.norm2", width)
            out[f"{name}.attn.relative_position_bias_table"] = ((2 * window - 1) ** 2, heads)
            out[f"{name}.attn.relative_position_index"] = (n, n)
            out |= layer(f"{name}.attn.qkv", 3 * width, width) | layer(f"{name}.attn.proj", width, width)
            out |= layer(f"{name}.mlp.fc1", inner * width, width) | layer(f"{name}.mlp.fc2", width, inner * width)
        out |= layer(f"layers.{g}.conv", width, width, 3, 3)
    out |= layer("norm", width) | layer("conv_after_body", width, width, 3, 3)
    return out | layer("conv_last", planes, width, 3, 3)


def restormer(
    width: int = 48,
    blocks: tuple[int, ...] = (4, 6, 6, 8),
    refinement: int = 4,
    heads: tuple[int, ...] = (1, 2, 4, 8),
    inner: tuple[int, ...] = (127, 255, 510, 1021),
    planes: int = 1,
    bias: bool = False,
) -> Shapes:
    w = [width * 2**k for k in range(4)]

    def level(name: str, count: int, scale: int, wide: int) -> Shapes:
        out: Shapes = {}
        hidden = inner[w.index(wide)]
        for k in range(count):
            at = f"{name}.{k}"
            norms = ("norm1.body.weight", "norm2.body.weight") + (("norm1.body.bias", "norm2.body.bias") * bias)
            out |= {f"{at}.{n}": (wide,) for n in norms}
            out |= {
                f"{at}.attn.temperature": (heads[scale], 1, 1),
                f"{at}.attn.qkv.weight": (3 * wide, wide, 1, 1),
                f"{at}.attn.qkv_dwconv.weight": (3 * wide, 1, 3, 3),
                f"{at}.attn.project_out.weight": (wide, wide, 1, 1),
                f"{at}.ffn.project_in.weight": (2 * hidden, wide, 1, 1),
                f"{at}.ffn.dwconv.weight": (2 * hidden, 1, 3, 3),
                f"{at}.ffn.project_out.weight": (wide, hidden, 1, 1),
            }
        return out

    out: Shapes = {"patch_embed.proj.weight": (width, planes, 3, 3), "output.weight": (planes, w[1], 3, 3)}
    out |= level("encoder_level1", blocks[0], 0, w[0]) | level("encoder_level2", blocks[1], 1, w[1])
    out |= level("encoder_level3", blocks[2], 2, w[2]) | level("latent", blocks[3], 3, w[3])
    out |= level("decoder_level3", blocks[2], 2, w[2]) | level("decoder_level2", blocks[1], 1, w[1])
    out |= level("decoder_level1", blocks[0], 0, w[1]) | level("refinement", refinement, 0, w[1])
    for k, name in enumerate(("down1_2", "down2_3", "down3_4")):
        out[f"{name}.body.0.weight"] = (w[k] // 2, w[k], 3, 3)
    for k, name in ((3, "up4_3"), (2, "up3_2"), (1, "up2_1")):
        out[f"{name}.body.0.weight"] = (2 * w[k], w[k], 3, 3)
    return out | {"reduce_chan_level3.weight": (w[2], w[3], 1, 1), "reduce_chan_level2.weight": (w[1], w[2], 1, 1)}


def drawn(shapes: Shapes) -> Weights:
    """Random values; counts are whole numbers, variances are positive."""
    generator = torch.Generator().manual_seed(3)
    out = {name: 0.3 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    for name in out:
        if name.endswith("running_var"):
            out[name] = out[name].abs() + 0.1
        elif name.endswith(("num_batches_tracked", "relative_position_index")):
            out[name] = torch.zeros(shapes[name], dtype=torch.int64)
    return out


SMALL_RESTORMER = restormer(4, (1, 1, 1, 1), 1, (1, 1, 2, 1), (10, 21, 42, 85))
SMALL: dict[str, Shapes] = {
    "kair-dncnn": kair_dncnn(4, 3),
    "kair-drunet": drunet(2, 2),
    "deepinv-dncnn": deepinv_dncnn(3, 4, 3),
    "deepinv-drunet": drunet(2, 1, 3),
    "fastmri-unet": fastmri_unet(2, 2),
    "swinir": swinir(6, 2, 2, 3, 4, 3),
    "swinir-artefacts": swinir(6, 1, 2, 3, 7, 3),
    "restormer": SMALL_RESTORMER,
}


# ---- what they become -----------------------------------------------------------------------------------------


def test_the_command_offers_what_can_be_converted() -> None:
    assert list(OFFERED) == sorted(LAYOUTS)
    assert SMALL.keys() == LAYOUTS.keys()


@pytest.mark.parametrize(
    ("layout", "shapes", "word"),
    [
        ("kair-dncnn", kair_dncnn(), {"depth": 17, "channels": 64}),
        ("kair-dncnn", kair_dncnn(20, planes=3), {"depth": 20, "channels": 64}),
        ("kair-drunet", drunet(planes=3), {"channels": 64, "blocks": 4}),
        ("deepinv-dncnn", deepinv_dncnn(), {"depth": 20, "channels": 64}),
        ("deepinv-drunet", drunet(), {"channels": 64, "blocks": 4}),
        (
            "fastmri-unet",
            fastmri_unet(256),
            {"channels": 256, "scales": 4, "encoder": None, "standardise": True, "clamp": 6.0},
        ),
        (
            "swinir",
            swinir(planes=3),
            {"width": 180, "groups": 6, "depth": 6, "heads": 6, "window": 8, "expansion": 2.0},
        ),
        (
            "swinir-artefacts",
            swinir(window=7),
            {"width": 180, "groups": 6, "depth": 6, "heads": 6, "window": 7, "expansion": 2.0},
        ),
        (
            "restormer",
            restormer(planes=3, bias=True),
            {
                "channels": 48,
                "blocks": (4, 6, 6, 8),
                "refinement": 4,
                "heads": (1, 2, 4, 8),
                "expansion": 2.66,
                "bias": True,
            },
        ),
    ],
)
def test_the_published_sizes_are_recognised(layout: str, shapes: Shapes, word: dict[str, Any]) -> None:
    found = LAYOUTS[layout].find({name: torch.empty(shape, device="meta") for name, shape in shapes.items()})
    assert found.word.model_dump() == word
    with torch.device("meta"):
        own = build_network(found.word, found.planes).state_dict()
    assert {n: t.shape for n, t in found.weights.items()} == {n: t.shape for n, t in own.items()}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("wrapped", ["plain", "params", "state_dict", "params_ema", "module", "safetensors"])
def test_a_file_becomes_a_folder_that_verifies(layout: str, wrapped: str, tmp_path: Path) -> None:
    weights = drawn(SMALL[layout])
    path = tmp_path / "w.pth"
    if wrapped == "safetensors":
        save_file(weights, path)
    elif wrapped == "module":
        torch.save({f"module.{n}": t for n, t in weights.items()}, path)
    elif wrapped == "params_ema":
        torch.save({"params": {"x": torch.zeros(1)}, "params_ema": weights, "iteration": 3}, path)
    else:
        torch.save(weights if wrapped == "plain" else {wrapped: weights, "epoch": 5}, path)
    contract = convert(path, layout, tmp_path / "zoo" / "w", Said(licence="MIT", source="a friend"))
    folder = tmp_path / "zoo" / "w"
    assert [f for f in verify(folder) if not f.holds] == []
    network, told = load(folder)
    assert told == contract == read_contract(folder)
    assert contract.licences.weights == "MIT"
    assert contract.role == ("denoiser" if "dncnn" in layout or "drunet" in layout else "restorer")
    if "dncnn" not in layout and layout != "swinir-artefacts":  # the others have our names and our unit
        kept = {n: t for n, t in weights.items() if not n.endswith(("attn_mask", "relative_position_index"))}
        assert kept.keys() == network.state_dict().keys()
        assert all(torch.equal(t, kept[n]) for n, t in network.state_dict().items())
    assert sorted(p.name for p in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "test.safetensors",
    ]
    assert "a friend" in (folder / "README.md").read_text()
    assert list((tmp_path / "zoo").iterdir()) == [folder]


def conv(x: Tensor, w: Weights, name: str) -> Tensor:
    return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=1)


def test_batch_norms_are_merged_into_the_convolutions(tmp_path: Path) -> None:
    w = drawn(kair_dncnn(4, 5, 2, norms=True))
    torch.save(w, tmp_path / "w.pth")
    convert(tmp_path / "w.pth", "kair-dncnn", tmp_path / "w", Said())
    x = torch.rand(2, 2, 9, 8)
    h = conv(x, w, "model.0").relu()
    for k in (2, 5):
        norm = [w[f"model.{k + 1}.{n}"] for n in ("running_mean", "running_var", "weight", "bias")]
        h = F.batch_norm(conv(h, w, f"model.{k}"), *norm, eps=1e-4).relu()
    network, _ = load(tmp_path / "w")
    torch.testing.assert_close(network(x), x - conv(h, w, "model.8"))


def test_what_deepinv_adds_is_taken_off(tmp_path: Path) -> None:
    w = drawn(deepinv_dncnn(4, 5, 1))
    torch.save(w, tmp_path / "w.pth")
    convert(tmp_path / "w.pth", "deepinv-dncnn", tmp_path / "w", Said())
    x = torch.rand(2, 1, 9, 8)
    h = conv(x, w, "in_conv").relu()
    for k in (0, 1):
        h = conv(h, w, f"conv_list.{k}").relu()
    network, _ = load(tmp_path / "w")
    torch.testing.assert_close(network(x), conv(h, w, "out_conv") + x)


@pytest.mark.parametrize("planes", [1, 3])
def test_weights_against_artefacts_work_on_255_times_the_image(planes: int, tmp_path: Path) -> None:
    """The authors' forward is x + C(255 (x - mean)) / 255 with C the layers; ours is u + C(u - mean)."""
    w = drawn(swinir(6, 1, 2, 3, 7, planes))
    torch.save(w, tmp_path / "w.pth")
    convert(tmp_path / "w.pth", "swinir-artefacts", tmp_path / "w", Said())
    network, contract = load(tmp_path / "w")
    assert contract.noise is None
    layers = build_network(transformers.Swinir(width=6, groups=1, depth=2, heads=3, window=7), planes).double()
    layers.load_state_dict({n: w[n].double() for n in layers.state_dict()})
    x = torch.rand(1, planes, 14, 21, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    u = 255 * (x - layers.mean) + layers.mean
    with torch.no_grad():
        expected = x + (layers(u) - u) / 255
        found = network.double()(x)
    wrong = float((expected - x).abs().max())
    assert float((found - expected).abs().max()) < 1e-5 * wrong  # weights are kept in single precision


def test_what_swinir_is_for_shows_in_its_windows(tmp_path: Path) -> None:
    for layout, other in (("swinir", "swinir-artefacts"), ("swinir-artefacts", "swinir")):
        torch.save(drawn(SMALL[other]), tmp_path / "w.pth")
        with pytest.raises(ConvertError, match=f"`{other}` reads it"):
            convert(tmp_path / "w.pth", layout, tmp_path / "w", Said())


@pytest.mark.parametrize(
    ("layout", "levels"),
    [("kair-drunet", (0, 50)), ("deepinv-drunet", (0, 20)), ("deepinv-dncnn", (2, 2)), ("kair-dncnn", None)],
)
def test_levels_are_those_of_the_training(layout: str, levels: tuple[int, int] | None, tmp_path: Path) -> None:
    torch.save(drawn(SMALL[layout]), tmp_path / "w.pth")
    noise = convert(tmp_path / "w.pth", layout, tmp_path / "w", Said()).noise
    assert (None if noise is None else tuple(255 * s for s in noise.levels)) == levels


@pytest.mark.parametrize("prefix", ["unet.", "_feature_blocks.unetblock."])
def test_fastmri_has_its_unet_inside_of_modules(prefix: str, tmp_path: Path) -> None:
    inner = {f"{prefix}{n}": t for n, t in drawn(fastmri_unet(2, 2)).items()}
    whole = (
        {"state_dict": inner}
        if prefix == "unet."
        else {"classy_state_dict": {"base_model": {"model": {"trunk": inner, "heads": {}}, "meters": {}}}}
    )
    torch.save(whole, tmp_path / "w.pt")
    contract = convert(tmp_path / "w.pt", "fastmri-unet", tmp_path / "w", Said())
    assert contract.network.arguments["standardise"] is True
    assert contract.multiple == 4


def test_whole_doubles_and_halves_become_single_precision(tmp_path: Path) -> None:
    for dtype in (torch.float64, torch.bfloat16):
        torch.save({n: t.to(dtype) for n, t in drawn(SMALL["kair-drunet"]).items()}, tmp_path / "w.pth")
        convert(tmp_path / "w.pth", "kair-drunet", tmp_path / str(dtype), Said(noise=(0.1, 0.2)))
        network, told = load(tmp_path / str(dtype))
        assert {p.dtype for p in network.parameters()} == {torch.float32}
        assert told.noise is not None
        assert told.noise.levels == (0.1, 0.2)


# ---- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "change", "said"),
    [
        ("kair-drunet", lambda w: w.pop("m_up2.1.res.0.weight"), "lacks `m_up2.1.res.0.weight`"),
        ("kair-drunet", lambda w: w.update(m_extra=torch.zeros(1)), "has `m_extra` besides"),
        ("kair-drunet", lambda w: w.update({"m_tail.weight": torch.zeros(1, 3, 3, 3)}), r"1 x 3 x 3 x 3, not 1 x 2 x"),
        ("kair-drunet", lambda w: w.update({"m_head.weight": torch.zeros(2)}), "4 axes are needed"),
        ("kair-dncnn", lambda w: w.pop("model.2.weight"), "convolutions numbered 0, 4, 6, so that some lack"),
        ("kair-dncnn", lambda w: w.update({"model.3.x": torch.zeros(3)}), "has `model.3.x` besides"),
        ("kair-dncnn", lambda w: w.update({"model.3.running_var": torch.zeros(3)}), "no `model.3.weight` beside"),
        ("deepinv-dncnn", lambda w: w.pop("conv_list.0.bias"), "lacks `model.2.bias`"),
        ("fastmri-unet", lambda w: w.update({"unet.x": torch.zeros(1)}), "has `unet.x` besides"),
        ("swinir", lambda w: w.update({"upsample.0.weight": torch.zeros(1)}), "makes images finer"),
        ("swinir", lambda w: w.pop("layers.1.conv.bias"), "lacks `layers.1.conv.bias`"),
        ("swinir", lambda w: w.update(absolute_pos_embed=torch.zeros(1, 64, 6)), "`absolute_pos_embed` besides"),
        ("restormer", lambda w: w.update({"skip_conv.weight": torch.zeros(8, 4, 1, 1)}), "`skip_conv.weight` besides"),
        ("restormer", lambda w: w.pop("latent.0.attn.temperature"), "has no `latent.0.attn.temperature`"),
        ("restormer", lambda w: w.update({"output.weight": torch.full((1, 8, 3, 3), torch.nan)}), "not finite"),
    ],
)
def test_weights_that_are_not_those_of_the_layout_are_refused(
    layout: str, change: Callable[[Weights], object], said: str, tmp_path: Path
) -> None:
    weights = drawn(SMALL[layout])
    change(weights)
    torch.save(weights, tmp_path / "w.pth")
    with pytest.raises(ConvertError, match=said):
        convert(tmp_path / "w.pth", layout, tmp_path / "w", Said())
    assert [p.name for p in tmp_path.iterdir()] == ["w.pth"]


def test_another_layout_is_named_where_it_is_recognised(tmp_path: Path) -> None:
    torch.save(drawn(SMALL["swinir"]), tmp_path / "w.pth")
    with pytest.raises(
        ConvertError, match=r"no `m_head\.weight`, which `kair-drunet` begins with; it looks like `swinir`"
    ):
        convert(tmp_path / "w.pth", "kair-drunet", tmp_path / "w", Said())
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "w.pth")
    with pytest.raises(ConvertError, match=r"it begins with `fc\.weight`"):
        convert(tmp_path / "w.pth", "swinir", tmp_path / "w", Said())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_damaged_weights_are_refused_in_words(layout: str, tmp_path: Path) -> None:
    whole = drawn(SMALL[layout])
    dice = random.Random(layout)
    refused = 0
    for _ in range(40):
        weights = dict(whole)
        name = dice.choice(sorted(weights))
        kind = dice.randrange(4)
        if kind == 0:
            weights.pop(name)
        elif kind == 1:
            weights[name] = torch.zeros([dice.randrange(4) for _ in range(dice.randrange(5))])
        elif kind == 2:
            weights[dice.choice(sorted(weights)) + ".x"] = weights.pop(name)
        else:
            weights[name] = torch.cat([weights[name].flatten(), torch.ones(1)])
        torch.save(weights, tmp_path / "w.pth")
        unread = name.endswith(("relative_position_index", "attn_mask")) and kind != 2
        same = name in weights and weights[name].shape == whole[name].shape
        if unread or same:
            continue
        with pytest.raises(ConvertError, match=r"^`w\.pth`"):
            convert(tmp_path / "w.pth", layout, tmp_path / "w", Said())
        refused += 1
    assert refused > 10


class _Runs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, (f"open({str(self.path)!r}, 'w')",))


@pytest.mark.parametrize("written", ["torch", "old", "pickle"])
def test_a_pickle_that_would_run_something_is_refused(written: str, tmp_path: Path) -> None:
    trap = tmp_path / "it-ran"
    content = {"params": drawn(SMALL["restormer"]), "more": _Runs(trap)}
    if written == "pickle":
        (tmp_path / "w.pth").write_bytes(pickle.dumps(_Runs(trap), protocol=2))
    else:
        torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=written == "torch")
    done = recon("zoo", "convert", "w.pth", "--layout", "restormer", "--to", "w", folder=tmp_path)
    assert done.returncode == 2
    assert "`w.pth` is refused: to load it would call `" in done.stderr
    assert "exec" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not trap.exists()
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04", b"\x08\0\0\0\0\0\0\0{}", b"\x80\x02}."])
def test_a_file_of_something_else_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(ConvertError, match=r"^`w\.pth`"):
        read(tmp_path / "w.pth")


def test_numbers_that_are_not_there_are_not_made_up(tmp_path: Path) -> None:
    torch.save({"m_head.weight": torch.zeros(1).expand(10**9, 1, 1, 1)}, tmp_path / "w.pth")
    with pytest.raises(ConvertError, match="larger than the numbers that it holds"):
        read(tmp_path / "w.pth")
    torch.save({"params": {"w": torch.zeros(2), "note": "text"}}, tmp_path / "w.pth")
    with pytest.raises(ConvertError, match="has `note` among its weights"):
        read(tmp_path / "w.pth")
    torch.save({"w": torch.zeros(2), "module.w": torch.ones(2)}, tmp_path / "w.pth")
    with pytest.raises(ConvertError, match="has `w` twice"):
        read(tmp_path / "w.pth")
    torch.save({"w": torch.zeros(2, dtype=torch.complex64)}, tmp_path / "w.pth")
    with pytest.raises(ConvertError, match="has `w` complex"):
        read(tmp_path / "w.pth")
    torch.save({"a": {"b": torch.zeros(2)}}, tmp_path / "w.pth")
    with pytest.raises(ConvertError, match="no weights where files have them"):
        read(tmp_path / "w.pth")


def test_a_number_beside_the_weights_is_none_of_them(tmp_path: Path) -> None:
    torch.save({"best": torch.tensor(0.1), "state_dict": {"w": torch.zeros(2)}}, tmp_path / "w.pth")
    assert set(read(tmp_path / "w.pth")) == {"w"}


def test_the_command(tmp_path: Path) -> None:
    torch.save(drawn(SMALL["kair-dncnn"]), tmp_path / "dncnn_25.pth")
    say = ("--noise", "0.098", "0.098", "--licence", "MIT", "--source", "KAIR, model_zoo")
    done = recon_here("zoo", "convert", "dncnn_25.pth", "--layout", "kair-dncnn", "--to", "w", *say, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["w: dncnn: a denoiser of real images in 1 plane", 'weights w = folder("w")']
    shown = json.loads(recon_here("zoo", "show", "w", "--json", folder=tmp_path).stdout)
    assert shown["receptive_field"] == 9
    assert shown["contract"]["noise"] == {"conditional": False, "levels": [0.098, 0.098]}
    again = recon_here("zoo", "convert", "dncnn_25.pth", "--layout", "kair-dncnn", "--to", "w", folder=tmp_path)
    assert (again.returncode, again.stderr) == (2, "error: w is there already, and is not empty\n")
    wrong = ("--range", "1", "0")
    done = recon_here("zoo", "convert", "dncnn_25.pth", "--layout", "kair-dncnn", "--to", "v", *wrong, folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "error: range: Value error, a range has its smaller end first\n")
