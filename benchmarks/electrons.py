"""Times projections of a volume, of a tilt series and at random poses, beside rotation by torch's `grid_sample`.

    python benchmarks/electrons.py [--threads N] [--repeats N] [--size N] [--poses N]

One volume, float32, in one process. The peer turns the volume by trilinear interpolation and adds it up along z, view
by view, as is common where no projector is at hand; its adjoint is the derivative that autograd makes of it. Prints the
shortest times in milliseconds, how many times longer the peer takes, and how well our adjoints match.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch
from peers import milliseconds
from recon.runtime.electrons.poses import Poses
from recon.runtime.electrons.tilts import TiltSeries
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

Map = Callable[[Tensor], Tensor]


def by_sampling(matrices: Tensor, size: int) -> tuple[Map, Map]:
    """Projections by `grid_sample`, and their derivative."""
    turns = torch.cat([matrices.mT, torch.zeros(len(matrices), 3, 1)], 2).float()
    shape = (1, 1, size, size, size)

    def project(volume: Tensor) -> Tensor:
        views = []
        for turn in turns:
            grid = affine_grid(turn[None], list(shape), align_corners=False)
            views.append(grid_sample(volume[None, None], grid, align_corners=False)[0, 0].sum(0))
        return torch.stack(views)

    def backproject(images: Tensor) -> Tensor:
        out = torch.zeros(shape[2:])
        for turn, image in zip(turns, images, strict=True):  # view by view, so that one turned volume is kept at a time
            volume = torch.zeros(shape, requires_grad=True)
            grid = affine_grid(turn[None], list(shape), align_corners=False)
            view = grid_sample(volume, grid, align_corners=False)[0, 0].sum(0)
            out += torch.autograd.grad(view, volume, image)[0][0, 0]
        return out

    return project, backproject


def compare(name: str, ours: tuple[Map, Map], peer: tuple[Map, Map], x: Tensor, y: Tensor, repeats: int) -> None:
    times = [milliseconds(lambda f=f, v=v: f(v), repeats) for f, v in zip(ours, (x, y), strict=True)]  # type: ignore[misc]
    others = [milliseconds(lambda f=f, v=v: f(v), 2) for f, v in zip(peer, (x, y), strict=True)]  # type: ignore[misc]
    ax, aty = ours[0](x).double(), ours[1](y).double()
    mismatch = torch.abs((ax * y).sum() - (x * aty).sum()) / (ax.norm() * y.double().norm())
    ratios = " / ".join(f"{b / a:.1f} x" for a, b in zip(times, others, strict=True))
    print(f"{name:22}{times[0]:9.1f} ms{times[1]:9.1f} ms{others[0]:9.0f} ms{others[1]:9.0f} ms{ratios:>20}", end="")
    print(f"   mismatch {mismatch:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--poses", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    n = options.size
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(n, n, n, generator=generator)
    print(f"{n}^3, float32, {options.threads} threads")
    print(f"{'':22}{'forward':>12}{'adjoint':>12}{'peer':>12}{'peer':>12}{'ratios':>20}")

    angles = np.deg2rad(np.arange(-60, 61, 3))
    turns = torch.from_numpy(Rotation.from_euler("x", angles[:, None]).as_matrix())
    series = TiltSeries((n, n, n), tuple(angles), "col")
    y = torch.rand(len(angles), n, n, generator=generator)
    compare(f"{len(angles)} tilts", (series.project, series.backproject), by_sampling(turns, n), x, y, options.repeats)

    turns = torch.from_numpy(Rotation.random(options.poses, random_state=0).as_matrix())
    poses = Poses((n, n, n), turns)
    y = torch.rand(options.poses, n, n, generator=generator)
    compare(f"{options.poses} poses", (poses.project, poses.backproject), by_sampling(turns, n), x, y, options.repeats)


if __name__ == "__main__":
    main()
