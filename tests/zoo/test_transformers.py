"""Restormer and SwinIR: their layers written out, and the names and shapes of the authors' files."""

from __future__ import annotations

import torch
from recon.dsl.vocabulary import transformers
from recon.zoo.networks import Restormer, SwinIR, VisionTransformer
from torch import Tensor
from torch.nn import functional as F

Weights = dict[str, Tensor]


def drawn(network: torch.nn.Module) -> Weights:
    """All weights drawn anew, so that none is one or zero by its start."""
    generator = torch.Generator().manual_seed(1)
    for p in network.parameters():
        p.data = 0.3 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return dict(network.state_dict())


def test_the_published_sizes() -> None:
    assert transformers.Restormer(bias=True).parameters(3) == 26_126_644  # the 26.13 million of the paper
    assert transformers.Swinir().parameters(3) == 11_504_163  # the colour denoiser


# ---- the vision transformer ------------------------------------------------------------------------------------


def vit(x: Tensor, w: Weights, patch: int, depth: int, head: int, where: Tensor) -> Tensor:
    n, planes, rows, cols = x.shape
    tall, wide = rows // patch, cols // patch
    parts = x.view(n, planes, tall, patch, wide, patch).permute(0, 2, 4, 1, 3, 5).reshape(n, tall * wide, -1)
    h = parts @ w["patch_embed.proj.weight"].flatten(1).T + w["patch_embed.proj.bias"]
    h = h + where.flatten(2).mT
    for k in range(depth):
        name = f"blocks.{k}"
        q, key, v = (layer_norm(h, w, f"{name}.norm1") @ w[f"{name}.attn.qkv.weight"].T).chunk(3, -1)
        heads = []
        for s in (slice(i, i + head) for i in range(0, q.shape[-1], head)):
            heads.append(torch.softmax(q[..., s] @ key[..., s].mT / head**0.5, -1) @ v[..., s])
        h = h + linear(torch.cat(heads, -1), w, f"{name}.attn.proj")
        inner = linear(layer_norm(h, w, f"{name}.norm2"), w, f"{name}.mlp.fc1")
        h = h + linear(0.5 * inner * (1 + torch.erf(inner / 2**0.5)), w, f"{name}.mlp.fc2")
    h = linear(layer_norm(h, w, "norm"), w, "head").view(n, tall, wide, planes, patch, patch)
    return h.permute(0, 3, 1, 4, 2, 5).reshape(x.shape)


def test_vit_is_its_list_of_layers() -> None:
    network = VisionTransformer(2, patch=4, width=6, depth=2, head=3, grid=3).double()
    w = drawn(network)
    x = torch.rand(2, 2, 12, 12, dtype=torch.float64)
    torch.testing.assert_close(network(x), vit(x, w, 4, 2, 3, w["pos_embed"]))


def test_places_of_another_grid_are_interpolated() -> None:
    network = VisionTransformer(1, patch=2, width=4, depth=1, head=2, grid=2).double()
    w = drawn(network)
    x = torch.rand(1, 1, 4, 8, dtype=torch.float64)
    one, two = w["pos_embed"][..., 0], w["pos_embed"][..., 1]
    where = torch.stack([one, 0.75 * one + 0.25 * two, 0.25 * one + 0.75 * two, two], -1)
    torch.testing.assert_close(network(x), vit(x, w, 2, 1, 2, where))


def test_vit_has_the_names_and_shapes_of_its_authors() -> None:
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in VisionTransformer(1).state_dict().items()}
    assert len(shapes) == 3 + 8 * 11 + 4
    for name, shape in {
        "patch_embed.proj.weight": (576, 1, 10, 10),
        "pos_embed": (1, 576, 32, 32),
        "blocks.0.attn.qkv.weight": (1728, 576),
        "blocks.7.mlp.fc1.weight": (2304, 576),
        "norm.bias": (576,),
        "head.weight": (100, 576),
    }.items():
        assert shapes[name] == shape, name


# ---- Restormer ------------------------------------------------------------------------------------------------


def channel_norm(x: Tensor, w: Weights, name: str) -> Tensor:
    spread = (((x - x.mean(1, keepdim=True)) ** 2).mean(1, keepdim=True) + 1e-5).sqrt()
    if f"{name}.body.bias" not in w:
        return x / spread * w[f"{name}.body.weight"].view(1, -1, 1, 1)
    centred = (x - x.mean(1, keepdim=True)) / spread
    return centred * w[f"{name}.body.weight"].view(1, -1, 1, 1) + w[f"{name}.body.bias"].view(1, -1, 1, 1)


def transformer(x: Tensor, w: Weights, name: str, heads: int) -> Tensor:
    n, width, rows, cols = x.shape
    h = F.conv2d(channel_norm(x, w, f"{name}.norm1"), w[f"{name}.attn.qkv.weight"])
    h = F.conv2d(h, w[f"{name}.attn.qkv_dwconv.weight"], padding=1, groups=3 * width)
    found = torch.empty_like(x)
    each = width // heads
    for i in range(n):
        for k in range(heads):
            q, key, v = (h[i, j * width + k * each : j * width + (k + 1) * each].flatten(1) for j in range(3))
            q, key = q / q.norm(dim=1, keepdim=True), key / key.norm(dim=1, keepdim=True)
            a = torch.softmax(q @ key.T * w[f"{name}.attn.temperature"][k, 0, 0], 1)
            found[i, k * each : (k + 1) * each] = (a @ v).view(each, rows, cols)
    x = x + F.conv2d(found, w[f"{name}.attn.project_out.weight"])
    h = F.conv2d(channel_norm(x, w, f"{name}.norm2"), w[f"{name}.ffn.project_in.weight"])
    h = F.conv2d(h, w[f"{name}.ffn.dwconv.weight"], padding=1, groups=h.shape[1])
    inner = h.shape[1] // 2
    gate = 0.5 * h[:, :inner] * (1 + torch.erf(h[:, :inner] / 2**0.5))
    return x + F.conv2d(gate * h[:, inner:], w[f"{name}.ffn.project_out.weight"])


def restormer(x: Tensor, w: Weights, blocks: tuple[int, ...], refinement: int, heads: tuple[int, ...]) -> Tensor:
    def level(h: Tensor, name: str, scale: int, count: int) -> Tensor:
        for k in range(count):
            h = transformer(h, w, f"{name}.{k}", heads[scale])
        return h

    def down(h: Tensor, name: str) -> Tensor:
        h = F.conv2d(h, w[f"{name}.body.0.weight"], padding=1)
        n, c, rows, cols = h.shape
        parts = h.view(n, c, rows // 2, 2, cols // 2, 2).permute(0, 1, 3, 5, 2, 4)
        return parts.reshape(n, 4 * c, rows // 2, cols // 2)

    def up(h: Tensor, name: str) -> Tensor:
        h = F.conv2d(h, w[f"{name}.body.0.weight"], padding=1)
        n, c, rows, cols = h.shape
        return h.view(n, c // 4, 2, 2, rows, cols).permute(0, 1, 4, 2, 5, 3).reshape(n, c // 4, 2 * rows, 2 * cols)

    one = level(F.conv2d(x, w["patch_embed.proj.weight"], padding=1), "encoder_level1", 0, blocks[0])
    two = level(down(one, "down1_2"), "encoder_level2", 1, blocks[1])
    three = level(down(two, "down2_3"), "encoder_level3", 2, blocks[2])
    h = level(down(three, "down3_4"), "latent", 3, blocks[3])
    h = F.conv2d(torch.cat([up(h, "up4_3"), three], 1), w["reduce_chan_level3.weight"])
    h = level(h, "decoder_level3", 2, blocks[2])
    h = F.conv2d(torch.cat([up(h, "up3_2"), two], 1), w["reduce_chan_level2.weight"])
    h = level(h, "decoder_level2", 1, blocks[1])
    h = level(torch.cat([up(h, "up2_1"), one], 1), "decoder_level1", 0, blocks[0])
    h = level(h, "refinement", 0, refinement)
    return x + F.conv2d(h, w["output.weight"], padding=1)


def test_restormer_is_its_list_of_layers() -> None:
    blocks, heads = (2, 1, 1, 2), (1, 2, 1, 4)
    for bias in (False, True):
        network = Restormer(2, 4, blocks, 1, heads, 2.66, bias).double()
        w = drawn(network)
        x = torch.rand(2, 2, 16, 24, dtype=torch.float64)
        torch.testing.assert_close(network(x), restormer(x, w, blocks, 1, heads))


def test_restormer_has_the_names_and_shapes_of_its_authors() -> None:
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in Restormer(3, bias=True).state_dict().items()}
    for name, shape in {
        "patch_embed.proj.weight": (48, 3, 3, 3),
        "encoder_level1.0.norm1.body.weight": (48,),
        "encoder_level1.0.norm1.body.bias": (48,),
        "encoder_level1.0.attn.temperature": (1, 1, 1),
        "encoder_level1.0.attn.qkv.weight": (144, 48, 1, 1),
        "encoder_level1.0.attn.qkv_dwconv.weight": (144, 1, 3, 3),
        "encoder_level1.0.attn.project_out.weight": (48, 48, 1, 1),
        "encoder_level1.3.ffn.project_in.weight": (254, 48, 1, 1),
        "encoder_level1.3.ffn.dwconv.weight": (254, 1, 3, 3),
        "encoder_level1.3.ffn.project_out.weight": (48, 127, 1, 1),
        "down1_2.body.0.weight": (24, 48, 3, 3),
        "encoder_level2.5.attn.temperature": (2, 1, 1),
        "down3_4.body.0.weight": (96, 192, 3, 3),
        "latent.7.ffn.project_in.weight": (2042, 384, 1, 1),
        "up4_3.body.0.weight": (768, 384, 3, 3),
        "reduce_chan_level3.weight": (192, 384, 1, 1),
        "decoder_level3.5.attn.temperature": (4, 1, 1),
        "up2_1.body.0.weight": (192, 96, 3, 3),
        "decoder_level1.3.attn.qkv.weight": (288, 96, 1, 1),
        "refinement.3.attn.temperature": (1, 1, 1),
        "output.weight": (3, 96, 3, 3),
    }.items():
        assert shapes[name] == shape, name


# ---- SwinIR ---------------------------------------------------------------------------------------------------


def layer_norm(x: Tensor, w: Weights, name: str) -> Tensor:
    x = x - x.mean(-1, keepdim=True)
    return x / ((x**2).mean(-1, keepdim=True) + 1e-5).sqrt() * w[f"{name}.weight"] + w[f"{name}.bias"]


def linear(x: Tensor, w: Weights, name: str) -> Tensor:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def window_attention(x: Tensor, w: Weights, name: str, heads: int, m: int, shift: int) -> Tensor:
    """Window by window; pixels attend to each other unless the rolling alone brought them together."""
    rows, cols, width = x.shape
    out = torch.empty_like(x)
    each = width // heads
    for top in range(0, rows, m):
        for left in range(0, cols, m):
            here = [((top + i), (left + j)) for i in range(m) for j in range(m)]
            at = [((i + shift) % rows, (j + shift) % cols) for i, j in here]
            q, k, v = linear(torch.stack([x[i, j] for i, j in at]), w, f"{name}.qkv").chunk(3, 1)
            bias = torch.zeros(heads, m * m, m * m, dtype=x.dtype)
            for a in range(m * m):
                for b in range(m * m):
                    di, dj = here[a][0] - here[b][0], here[a][1] - here[b][1]
                    table = w[f"{name}.relative_position_bias_table"]
                    bias[:, a, b] = table[(di + m - 1) * (2 * m - 1) + dj + m - 1]
                    if (at[a][0] - at[b][0], at[a][1] - at[b][1]) != (di, dj):
                        bias[:, a, b] -= 100
            parts = []
            for head in range(heads):
                s = slice(head * each, (head + 1) * each)
                parts.append(torch.softmax(q[:, s] @ k[:, s].T / each**0.5 + bias[head], 1) @ v[:, s])
            for (i, j), value in zip(at, linear(torch.cat(parts, 1), w, f"{name}.proj"), strict=True):
                out[i, j] = value
    return out


def swinir(x: Tensor, w: Weights, groups: int, depth: int, heads: int, m: int) -> Tensor:
    def convolved(h: Tensor, name: str) -> Tensor:
        return F.conv2d(h, w[f"{name}.weight"], w[f"{name}.bias"], padding=1)

    mean = torch.tensor([0.4488, 0.4371, 0.4040], dtype=x.dtype).view(3, 1, 1) if x.shape[1] == 3 else 0.0
    shallow = convolved(x - mean, "conv_first")
    h = layer_norm(shallow.permute(0, 2, 3, 1), w, "patch_embed.norm")
    for g in range(groups):
        before = h
        for b in range(depth):
            name = f"layers.{g}.residual_group.blocks.{b}"
            normed = layer_norm(h, w, f"{name}.norm1")
            shift = m // 2 if b % 2 else 0
            h = h + torch.stack([window_attention(i, w, f"{name}.attn", heads, m, shift) for i in normed])
            inner = linear(layer_norm(h, w, f"{name}.norm2"), w, f"{name}.mlp.fc1")
            h = h + linear(0.5 * inner * (1 + torch.erf(inner / 2**0.5)), w, f"{name}.mlp.fc2")
        h = before + convolved(h.permute(0, 3, 1, 2), f"layers.{g}.conv").permute(0, 2, 3, 1)
    deep = convolved(layer_norm(h, w, "norm").permute(0, 3, 1, 2), "conv_after_body") + shallow
    return x + convolved(deep, "conv_last")


def test_swinir_is_its_list_of_layers() -> None:
    for planes in (1, 3):
        network = SwinIR(planes, 6, groups=2, depth=2, heads=2, window=4).double()
        w = drawn(network)
        x = torch.rand(1, planes, 8, 12, dtype=torch.float64)
        torch.testing.assert_close(network(x), swinir(x, w, 2, 2, 2, 4), rtol=1e-6, atol=1e-6)


def test_swinir_has_the_names_and_shapes_of_its_authors() -> None:
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in SwinIR(1).state_dict().items()}
    assert len(shapes) == 6 * (6 * 13 + 2) + 10
    for name, shape in {
        "conv_first.weight": (180, 1, 3, 3),
        "patch_embed.norm.bias": (180,),
        "layers.0.residual_group.blocks.0.norm1.weight": (180,),
        "layers.0.residual_group.blocks.0.attn.relative_position_bias_table": (225, 6),
        "layers.0.residual_group.blocks.0.attn.qkv.weight": (540, 180),
        "layers.5.residual_group.blocks.5.attn.proj.bias": (180,),
        "layers.5.residual_group.blocks.5.mlp.fc1.weight": (360, 180),
        "layers.5.residual_group.blocks.5.mlp.fc2.weight": (180, 360),
        "layers.5.conv.weight": (180, 180, 3, 3),
        "norm.weight": (180,),
        "conv_after_body.bias": (180,),
        "conv_last.weight": (1, 180, 3, 3),
    }.items():
        assert shapes[name] == shape, name
