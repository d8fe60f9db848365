"""A U-Net over models of timm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from recon.dsl.model.contract import Architecture, Contract, Licences
from recon.dsl.model.encoders import encoder_names
from recon.dsl.vocabulary.restorers import Unet
from recon.zoo.folder import FolderError, load, write
from recon.zoo.networks import build_network
from recon.zoo.networks.encoder_unet import EncoderUNet
from recon.zoo.networks.timm_encoder import Encoder, timm
from torch import Tensor
from torch.nn import functional as F

SMALL = "lcnet_035"


def test_the_names_read_off_the_text_are_those_that_timm_knows() -> None:
    assert encoder_names() == set(timm().list_models())


@pytest.mark.parametrize(
    "name", ["resnet81", "resnet18.a1_in1k", "hf-hub:timm/resnet18", "local-dir:/etc", "../vgg11", ""]
)
def test_only_models_that_timm_registers_are_encoders(name: str) -> None:
    with pytest.raises(ValidationError, match="timm has no model"):
        Unet(encoder=name)


def test_an_encoder_has_scales_of_its_own() -> None:
    with pytest.raises(ValidationError, match="scales of its own"):
        Unet(encoder=SMALL, scales=3)
    word = Unet(encoder=SMALL)
    assert (word.multiple, word.receptive_field, word.parameters(1)) == (1, None, None)


def test_it_is_its_list_of_layers() -> None:
    network = build_network(Unet(encoder=SMALL, channels=3, standardise=False), 2).double().eval()
    assert isinstance(network, EncoderUNet)
    w = {name: t for name, t in network.state_dict().items() if not name.startswith("encoder.")}
    x = torch.rand(2, 2, 50, 64, dtype=torch.float64)
    padded = torch.cat([x, x[:, :, -1:].expand(-1, -1, 14, -1)], 2)
    model = timm().create_model(SMALL, pretrained=False, features_only=True, in_chans=2).double().eval()
    model.load_state_dict(network.encoder.model.state_dict())

    def normalised(h: Tensor) -> Tensor:
        if h.shape[-1] * h.shape[-2] > 1:
            h = h - h.mean((2, 3), keepdim=True)
            h = h / (h.square().mean((2, 3), keepdim=True) + 1e-5).sqrt()
        return torch.where(h < 0, 0.2 * h, h)

    def block(h: Tensor, name: str) -> Tensor:
        for k in (0, 4):
            h = normalised(F.conv2d(h, w[f"{name}.layers.{k}.weight"], padding=1))
        return h

    held = [block(padded, "image"), *model(padded)]
    assert [f.shape[-1] for f in held] == [64, 32, 16, 8, 4, 2]
    h = held.pop()
    for k in (4, 3, 2, 1, 0):
        up = normalised(F.conv_transpose2d(h, w[f"up_transpose_conv.{k}.layers.0.weight"], stride=2))
        h = block(torch.cat([up, held[k]], 1), f"up_conv.{k}")
        assert h.shape[1] == 3 * 2**k
    expected = F.conv2d(h, w["last.weight"], w["last.bias"])[:, :, :50]
    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("convnext_atto", [4, 8, 16, 32]),
        ("vgg11", [1, 2, 4, 8, 16, 32]),
        ("efficientvit_m0", [16, 32, 64]),
        ("swin_tiny_patch4_window7_224", [4, 8, 16, 32]),  # channels last, windows of 7
        ("vit_tiny_patch16_224", [16]),  # places for images of 224
    ],
)
def test_encoders_of_every_kind_take_images_of_any_extents(name: str, pixels: list[int]) -> None:
    network = build_network(Unet(encoder=name, channels=2, standardise=True), 1).eval()
    assert network.encoder.pixels == pixels  # type: ignore[union-attr]
    x = torch.rand(2, 1, 35, 50)
    with torch.no_grad():
        assert network(x).shape == x.shape
        torch.testing.assert_close(network(1e3 * x - 5), 1e3 * network(x) - 5, rtol=1e-3, atol=1)


@pytest.mark.parametrize("name", ["crossvit_tiny_240", "levit_128s"])
def test_an_encoder_that_does_not_serve_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` of timm gives no features"):
        Encoder(name, 1)


def contract(encoder: str) -> Contract:
    return Contract(
        network=Architecture(name="unet", arguments={"encoder": encoder, "channels": 2}),
        role="restorer",
        channels=1,
        sha256="0" * 64,
        licences=Licences(weights="MIT", code="MIT", data="MIT"),
    )


def written(folder: Path, encoder: str) -> Any:
    network = build_network(Unet(encoder=SMALL, channels=2), 1).eval()
    x = torch.rand(1, 1, 32, 32)
    write(folder, contract(encoder), network.state_dict(), spec="", test={"input": x})
    return network


def test_weights_read_back_with_the_running_means_of_the_encoder(tmp_path: Path) -> None:
    network = written(tmp_path, SMALL)
    found, _ = load(tmp_path)
    assert found.state_dict().keys() == network.state_dict().keys()
    assert any(name.endswith("num_batches_tracked") for name in found.state_dict())
    x = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(found(x), network(x))


def test_nothing_larger_is_built_than_the_weights_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, "resnet18")
    built: list[torch.device] = []
    init = EncoderUNet.__init__

    def seen(self: EncoderUNet, *args: Any) -> None:
        init(self, *args)
        built.append(next(self.parameters()).device)

    monkeypatch.setattr(EncoderUNet, "__init__", seen)
    with pytest.raises(FolderError, match=r"holds .* numbers, and `unet` has"):
        load(tmp_path)
    assert [d.type for d in built] == ["meta"]


def test_a_contract_with_an_encoder_that_does_not_serve_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "levit_128s")
    with pytest.raises(FolderError, match="`levit_128s` of timm gives no features"):
        load(tmp_path)
