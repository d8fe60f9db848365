"""How well-known files of weights are laid out: which network they are of, and what its weights are called there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from recon.dsl.model.word import Network
from recon.dsl.vocabulary import restorers, transformers

from .reading import ConvertError, Weights

KAIR_EPS = 1e-4
"""Of the batch norms in KAIR."""
ARTEFACTS = 7
"""The windows of the authors' SwinIR for artefacts of JPEG, whose blocks have 8 pixels."""


@dataclass(frozen=True)
class Found:
    """A network that weights are of, for so many planes, the weights by our names, and the names of the rest."""

    word: Network
    planes: int
    weights: Weights
    rest: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """A layout of files.

    mark: the name of a weight that every such file has. find: what a file is of.
    denoises: whether these are denoisers, always. levels: of the noise they were trained on, in units of the range's
    width, where all of them were trained on the same.
    """

    mark: str
    find: Callable[[Weights], Found]
    denoises: bool = False
    levels: tuple[float, float] | None = None


def kair_dncnn(w: Weights) -> Found:
    """Convolutions and ReLU in one row; batch norms, where they are still there, are merged into the convolutions."""
    w = dict(w)
    numbers = sorted(int(k.split(".")[1]) for k, t in w.items() if _is(r"model\.\d{1,6}\.weight", k) and t.ndim == 4)
    depth = len(numbers)
    if numbers not in (list(range(0, 2 * depth, 2)), [0, *range(2, 3 * depth - 1, 3)]):
        raise ConvertError(f"has convolutions numbered {', '.join(map(str, numbers)) or 'nowhere'}, so that some lack")
    out: Weights = {}
    for k, number in enumerate(numbers):
        layer = {part: w.pop(f"model.{number}.{part}") for part in ("weight", "bias") if f"model.{number}.{part}" in w}
        if f"model.{number + 1}.running_var" in w:
            layer = _merged(w, f"model.{number + 1}", layer)
        out |= {f"model.{2 * k}.{part}": t for part, t in layer.items()}
    width, planes, *_ = _shape(out, "model.0.weight", 4)
    word = restorers.Dncnn.model_validate({"depth": depth, "channels": width})
    return Found(word, planes, out, rest=tuple(w))


def _merged(w: Weights, norm: str, layer: Weights) -> Weights:
    """Weight and bias of a convolution that does what it did with the batch norm behind it, whose values leave w."""
    w.pop(f"{norm}.num_batches_tracked", None)
    try:
        scale, shift, mean, var = (w.pop(f"{norm}.{n}") for n in ("weight", "bias", "running_mean", "running_var"))
    except KeyError as e:
        raise ConvertError(f"has no `{e.args[0]}` beside the other values of that batch norm") from None
    bias = layer.get("bias", torch.zeros_like(mean))
    if any(t.shape != layer["weight"].shape[:1] for t in (bias, scale, shift, mean, var)):
        raise ConvertError(f"has a batch norm `{norm}` that does not fit the convolution before it")
    gain = scale / (var + KAIR_EPS).sqrt()
    return {"weight": layer["weight"] * gain.view(-1, 1, 1, 1), "bias": (bias - mean) * gain + shift}


def deepinv_dncnn(w: Weights) -> Found:
    """The last convolution gives what is added to the image, where ours gives what is taken off it."""
    w = dict(w)
    depth = 2 + _count(w, r"conv_list\.(\d+)\.weight")
    names = ["in_conv", *(f"conv_list.{k}" for k in range(depth - 2)), "out_conv"]
    out: Weights = {}
    for k, name in enumerate(names):
        sign = -1 if name == "out_conv" else 1
        for part in ("weight", "bias"):
            if f"{name}.{part}" in w:
                out[f"model.{2 * k}.{part}"] = sign * w.pop(f"{name}.{part}")
    width, planes, *_ = _shape(out, "model.0.weight", 4)
    word = restorers.Dncnn.model_validate({"depth": depth, "channels": width})
    return Found(word, planes, out, rest=tuple(w))


def drunet(w: Weights) -> Found:
    """The names are ours."""
    width, planes, *_ = _shape(w, "m_head.weight", 4)
    blocks = _count(w, r"m_body\.(\d+)\.res\.0\.weight")
    word = restorers.Drunet.model_validate({"channels": width, "blocks": blocks})
    return Found(word, planes - 1, w)


def fastmri_unet(w: Weights) -> Found:
    """The names are ours, sometimes behind that of the module that holds the network."""
    for prefix in ("unet.", "_feature_blocks.unetblock."):
        if f"{prefix}conv.layers.0.weight" in w:
            w = {k.removeprefix(prefix): t for k, t in w.items()}
    width, planes, *_ = _shape(w, "down_sample_layers.0.layers.0.weight", 4)
    scales = _count(w, r"down_sample_layers\.(\d+)\.layers\.0\.weight")
    word = restorers.Unet.model_validate({"channels": width, "scales": scales, "standardise": True, "clamp": 6.0})
    return Found(word, planes, w)


def swinir(w: Weights) -> Found:
    """Tables of positions and masks, which follow from the window, are left out."""
    found = _swinir(w)
    if found.word.multiple == ARTEFACTS:
        raise ConvertError("is a SwinIR with windows of 7, those for artefacts; `swinir-artefacts` reads it")
    return found


def swinir_artefacts(w: Weights) -> Found:
    """Its layers work on 255 (x - mean), which the first and the last convolution do themselves here."""
    found = _swinir(w)
    if found.word.multiple != ARTEFACTS:
        raise ConvertError("is a SwinIR with other windows than 7, those for denoising; `swinir` reads it")
    inside = dict(found.weights)
    for name, gain in (("conv_first.weight", 255.0), ("conv_last.weight", 1 / 255), ("conv_last.bias", 1 / 255)):
        if name in inside:
            inside[name] = inside[name].double() * gain
    return replace(found, weights=inside)


def _swinir(w: Weights) -> Found:
    """The network that weights are of, whatever their unit."""
    w = {k: t for k, t in w.items() if not k.endswith((".relative_position_index", ".attn_mask"))}
    if "upsample.0.weight" in w or "conv_up1.weight" in w:
        raise ConvertError("is a SwinIR that makes images finer, and the one that keeps extents is read")
    width, planes, *_ = _shape(w, "conv_first.weight", 4)
    first = "layers.0.residual_group.blocks.0"
    offsets, heads = _shape(w, f"{first}.attn.relative_position_bias_table", 2)
    inner = _shape(w, f"{first}.mlp.fc1.weight", 2)[0]
    word = transformers.Swinir.model_validate(
        {
            "width": width,
            "groups": _count(w, r"layers\.(\d+)\.residual_group\.blocks\.0\.norm1\.weight"),
            "depth": _count(w, r"layers\.0\.residual_group\.blocks\.(\d+)\.norm1\.weight"),
            "heads": heads,
            "window": (round(offsets**0.5) + 1) // 2,
            "expansion": _expansion({width: inner}, 2.0),
        }
    )
    return Found(word, planes, w)


def restormer(w: Weights) -> Found:
    """The names are ours."""
    width, planes, *_ = _shape(w, "patch_embed.proj.weight", 4)
    levels = ("encoder_level1", "encoder_level2", "encoder_level3", "latent")
    inner = {width << k: _shape(w, f"{n}.0.ffn.project_out.weight", 4)[1] for k, n in enumerate(levels)}
    word = transformers.Restormer.model_validate(
        {
            "channels": width,
            "blocks": tuple(_count(w, rf"{n}\.(\d+)\.attn\.temperature") for n in levels),
            "refinement": _count(w, r"refinement\.(\d+)\.attn\.temperature"),
            "heads": tuple(_shape(w, f"{n}.0.attn.temperature", 3)[0] for n in levels),
            "expansion": _expansion(inner, 2.66),
            "bias": "encoder_level1.0.norm1.body.bias" in w,
        }
    )
    return Found(word, planes, w)


LAYOUTS = {
    "kair-dncnn": Layout("model.0.weight", kair_dncnn, True),
    "kair-drunet": Layout("m_head.weight", drunet, True, (0.0, 50 / 255)),
    "deepinv-dncnn": Layout("in_conv.weight", deepinv_dncnn, True, (2 / 255, 2 / 255)),
    "deepinv-drunet": Layout("m_head.weight", drunet, True, (0.0, 20 / 255)),
    "fastmri-unet": Layout("conv.layers.0.weight", fastmri_unet),
    "swinir": Layout("conv_first.weight", swinir),
    "swinir-artefacts": Layout("conv_first.weight", swinir_artefacts),
    "restormer": Layout("encoder_level1.0.attn.temperature", restormer),
}


def _is(pattern: str, name: str) -> bool:
    return re.fullmatch(pattern, name) is not None


def _count(w: Weights, pattern: str) -> int:
    """How many weights have a name like that, each with another number."""
    return len({m[1] for m in (re.fullmatch(pattern, k) for k in w) if m is not None})


def _shape(w: Weights, name: str, axes: int) -> torch.Size:
    """The extents of a weight. Raises ConvertError where it is missing or has other axes."""
    if name not in w:
        raise ConvertError(f"has no `{name}`")
    shape = w[name].shape
    if len(shape) != axes or 0 in shape:
        raise ConvertError(f"has `{name}` with the shape {' x '.join(map(str, shape))}, and {axes} axes are needed")
    return shape


def _expansion(inner: dict[int, int], published: float) -> float:
    """The factor with which int(width * factor) is the inner width of each perceptron."""
    for factor in (published, *((n + 0.5) / w for w, n in sorted(inner.items(), reverse=True))):
        if all(int(w * factor) == n for w, n in inner.items()):
            return factor
    return published  # the shapes will not fit, and it is said where
