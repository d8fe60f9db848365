"""Networks by their words: an architecture with weights at their start."""

from __future__ import annotations

from recon.dsl.model.word import Network
from recon.dsl.vocabulary import restorers, transformers
from torch import nn

from .dncnn import DnCNN
from .drunet import DRUNet
from .patch_mlp import PatchMlp
from .residual import Residual
from .restormer import Restormer
from .srcnn import SRCNN
from .swinir import SwinIR
from .unet import UNet
from .vit import VisionTransformer

__all__ = [
    "SRCNN",
    "DRUNet",
    "DnCNN",
    "PatchMlp",
    "Residual",
    "Restormer",
    "SwinIR",
    "UNet",
    "VisionTransformer",
    "build_network",
]


def build_network(word: Network, channels: int) -> nn.Module:
    """The network that a word means, for images of so many planes.

    It takes planes [n, channels, rows, cols], a conditional one also noise levels [n], and gives the image estimate.
    Raises LookupError for a word without a network, ValueError where timm's encoder does not serve.
    """
    match word:
        case restorers.Dncnn(depth=depth, channels=width):
            return DnCNN(channels, width, depth)
        case restorers.Srcnn(channels=width):
            return SRCNN(channels, width)
        case restorers.Drunet(channels=width, blocks=blocks):
            return DRUNet(channels, width, blocks)
        case restorers.Unet(encoder=str() as encoder) as w:
            from .encoder_unet import EncoderUNet

            return EncoderUNet(channels, w.channels, encoder, w.standardise, w.clamp)
        case restorers.Unet() as w:
            return UNet(channels, w.channels, w.scales, w.standardise, w.clamp)
        case restorers.PatchMlp() as w:
            return PatchMlp(channels, w.patch, w.width, w.hidden, w.stride)
        case transformers.Vit() as w:
            return VisionTransformer(channels, w.patch, w.width, w.depth, w.head, w.grid, w.standardise)
        case transformers.Restormer() as w:
            return Restormer(channels, w.channels, w.blocks, w.refinement, w.heads, w.expansion, w.bias)
        case transformers.Swinir() as w:
            return SwinIR(channels, w.width, w.groups, w.depth, w.heads, w.window, w.expansion)
    raise LookupError(f"`{word.word}` makes no image of an image")
