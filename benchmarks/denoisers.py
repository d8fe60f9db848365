"""Measures the packaged denoisers beside total variation, wavelet shrinkage and BM3D on pictures that none has seen.

    python benchmarks/denoisers.py [--sigma S ...] [--no-bm3d] [--quick]

Gaussian noise of S / 255 on camera, chelsea, retina and coins of scikit-image in gray, of each at most the middle
512 x 512; one draw of the noise for each picture, the same for all. The weight of total variation (scikit-image's) and
the threshold of shrinkage (undecimated db4 wavelets over four scales, soft, the same for all details) are those from a
grid with the best mean PSNR on the pictures that the networks were trained on. Prints PSNR in dB, not rounded in any
method's favour: values of all are left as they come, outside 0..1 too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np
import pywt
import torch
from numpy.typing import NDArray
from recon.dsl.model.packaged import packaged_names, packaged_weights
from recon.runtime.data.pictures import fit_picture, picture_names, sample_picture
from recon.zoo.adapt import Adapted
from recon.zoo.folder import load, read_contract
from skimage.restoration import denoise_tv_chambolle

Array = NDArray[np.float64]
Denoise = Callable[[Array, float], Array]
LARGEST, SCALES = 512, 4
WEIGHTS = (0.5, 0.6, 0.7, 0.8, 0.95, 1.1)
THRESHOLDS = (1.0, 1.3, 1.6, 1.9, 2.2, 2.6)


def pictures(split: str) -> dict[str, Array]:
    """The pictures of a split in gray, of each at most the middle."""
    out = {}
    for name in picture_names(split):
        x = fit_picture(sample_picture(name), 1, None)[0].astype(np.float64)
        rows, cols = (min(n, LARGEST) for n in x.shape)
        top, left = (x.shape[0] - rows) // 2, (x.shape[1] - cols) // 2
        out[name] = x[top : top + rows, left : left + cols]
    return out


def noisy(x: Array, sigma: float, seed: int) -> Array:
    return x + sigma * np.random.default_rng(seed).standard_normal(x.shape)


def psnr(estimate: Array, truth: Array) -> float:
    return float(-10 * np.log10(np.mean((estimate - truth) ** 2)))


def variation(factor: float) -> Denoise:
    """Total variation with the weight factor * sigma of 1/2 |x - y|^2 + weight TV(x)."""
    return lambda y, sigma: np.asarray(denoise_tv_chambolle(y, factor * sigma, eps=1e-4, max_num_iter=300))


def shrinkage(factor: float) -> Denoise:
    """Soft thresholds factor * sigma on undecimated wavelets, of unit norm on each scale."""

    def run(y: Array, sigma: float) -> Array:
        rows, cols = y.shape
        step = 2**SCALES
        wide = np.pad(y, ((0, -rows % step), (0, -cols % step)), mode="symmetric")
        found = pywt.swt2(wide, "db4", level=SCALES, norm=True, trim_approx=True)
        # With norm = True white noise has sigma / 2^j on scale j: each scale counts with its redundancy.
        kept = [found[0]]
        for j, details in zip(range(SCALES, 0, -1), found[1:], strict=True):
            kept.append(tuple(pywt.threshold(d, factor * sigma / 2**j, "soft") for d in details))
        out: Array = pywt.iswt2(kept, "db4", norm=True)[:rows, :cols]
        return out

    return run


def tuned(make: Callable[[float], Denoise], grid: Sequence[float], sigma: float, fit: dict[str, Array]) -> float:
    """The entry of a grid with the best mean PSNR on the training pictures."""
    means = []
    for factor in grid:
        run = make(factor)
        found = [psnr(run(noisy(x, sigma, 100 + k), sigma), x) for k, x in enumerate(fit.values())]
        means.append(sum(found) / len(found))
    best = int(np.argmax(means))
    if best in (0, len(grid) - 1):
        print(f"  the best of the grid is at its end: {grid[best]}")
    return grid[best]


def network(name: str) -> Denoise:
    """A packaged network; a complex one is given the image as its real part, with noise in the imaginary part too."""
    module, contract = load(packaged_weights() / name)
    adapted = Adapted(module, contract)

    def run(y: Array, sigma: float) -> Array:
        with torch.inference_mode():
            out: Array = adapted(torch.from_numpy(y[None]).float(), sigma)[0].double().numpy()
        return out

    return run


def bm3d() -> Denoise | None:
    """The authors' package, where it is installed."""
    try:
        from bm3d import bm3d as package
    except ImportError:
        return None
    return lambda y, sigma: np.asarray(package(y, sigma))


def methods(sigma: float, fit: dict[str, Array], with_bm3d: bool) -> dict[str, Denoise]:
    w, t = tuned(variation, WEIGHTS, sigma, fit), tuned(shrinkage, THRESHOLDS, sigma, fit)
    found: dict[str, Denoise] = {f"TV, weight {w:g} sigma": variation(w), f"wavelets, {t:g} sigma": shrinkage(t)}
    peer = bm3d() if with_bm3d else None
    if peer is not None:
        found["BM3D"] = peer
    for name in packaged_names():
        contract = read_contract(packaged_weights() / name)
        levels = contract.noise.levels if contract.noise is not None and contract.role == "denoiser" else None
        if contract.value == "real" and levels is not None and levels[0] - 1e-6 <= sigma <= levels[1] + 1e-6:
            found[name] = network(name)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sigma", type=float, nargs="+", default=[15.0, 25.0, 50.0])
    parser.add_argument("--no-bm3d", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    fit, held_out = pictures("train"), pictures("test")
    for level in args.sigma:
        sigma = level / 255
        print(f"sigma {level:g}/255")
        print(f"  {'':24}" + "".join(f"{name:>9}" for name in held_out) + f"{'mean':>9}")
        for name, run in methods(sigma, fit, not args.no_bm3d).items():
            found = [psnr(run(noisy(x, sigma, k), sigma), x) for k, x in enumerate(held_out.values())]
            print(f"  {name:24}" + "".join(f"{v:9.2f}" for v in found) + f"{sum(found) / len(found):9.2f}", flush=True)


if __name__ == "__main__":
    main()
