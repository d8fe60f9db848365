"""Times SSIM, MS-SSIM and VIF beside scikit-image, torchmetrics and sewar, and says how far the numbers are apart.

    python benchmarks/metrics.py [--threads N] [--repeats N] [--images N]

Float32 images of 512 x 512; the time is the processor's, for one image of a stack. Differences are to ours at equal
parameters: scikit-image cuts the borders of the window, torchmetrics mirrors the image, and so do we beside each;
torchmetrics computes in float32 as it is given, we in float64.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import skimage.data
import torch
from peers import milliseconds, peer
from recon.runtime.measures import Comparison, ms_ssim, ssim, vif
from skimage.metrics import structural_similarity

MIRRORED = Comparison(border="reflect")
Work = Callable[[], Any]


def report(title: str, images: int, repeats: int, ours: Work, peers: dict[str, tuple[Work, Work]]) -> None:
    """Our time, and each peer's with the ratio and the largest difference of the numbers."""
    first = milliseconds(ours, repeats, time.process_time) / images
    print(f"{title:8} ours {first:7.2f} ms")
    for name, (work, same) in peers.items():
        theirs = milliseconds(work, max(1, repeats // 2), time.process_time) / images
        apart = float(np.abs(np.asarray(work()) - np.asarray(same())).max())
        print(f"         {name:14} {theirs:7.2f} ms  {theirs / first:5.1f} times  apart by {apart:.0e}")


def main() -> None:
    """Print one block for each metric."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--images", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    n, repeats = options.images, options.repeats
    t = torch.tensor(skimage.data.camera() / 255.0, dtype=torch.float32).repeat(n, 1, 1)
    e = t + 0.1 * torch.randn(t.shape, generator=torch.Generator().manual_seed(0))
    planes = [v[:, None] for v in (e, t)]
    wide = [255 * v for v in planes]
    arrays = list(zip(t.numpy(), e.numpy(), strict=True))
    torchmetrics, sewar = peer("torchmetrics"), peer("sewar")
    image: Any = torchmetrics.functional.image if torchmetrics is not None else None

    def with_skimage() -> list[float]:
        given = {"data_range": 1.0, "gaussian_weights": True, "use_sample_covariance": False}
        return [float(structural_similarity(a, b, **given)) for a, b in arrays]

    peers: dict[str, tuple[Work, Work]] = {"scikit-image": (with_skimage, lambda: ssim(e, t, range=1))}
    if image is not None:
        similarity = image.structural_similarity_index_measure
        peers["torchmetrics"] = (
            lambda: similarity(*planes, data_range=1.0, reduction="none"),
            lambda: ssim(e, t, range=1, by=MIRRORED),
        )
    report("SSIM", n, repeats, lambda: ssim(e, t, range=1), peers)

    peers = {}
    if image is not None:
        scales = image.multiscale_structural_similarity_index_measure
        peers["torchmetrics"] = (
            lambda: scales(*planes, data_range=1.0, reduction="none"),
            lambda: ms_ssim(e, t, range=1, by=MIRRORED),
        )
    report("MS-SSIM", n, repeats, lambda: ms_ssim(e, t, range=1), peers)

    peers = {}
    if image is not None:
        fidelity = image.visual_information_fidelity
        peers["torchmetrics"] = (lambda: fidelity(*wide, reduction="none"), lambda: vif(e, t, range=1))
    if sewar is not None:
        peers["sewar"] = (lambda: [sewar.vifp(255 * a, 255 * b) for a, b in arrays], lambda: vif(e, t, range=1))
    report("VIF", n, repeats, lambda: vif(e, t, range=1), peers)


if __name__ == "__main__":
    main()
