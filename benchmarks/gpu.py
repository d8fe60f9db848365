"""Times reconstructions and networks on a GPU: beside the same on the CPU, compiled, and beside plain calls.

    python benchmarks/gpu.py [--threads N] [--rounds N] [--case tv single sense ct pnp dncnn drunet]

The pages of `tv.py`, `mri.py` and `pnp.py`, and a tomography from few views, with a fixed number of iterations, from
the problem to the estimate with the trace on, once by the CPU, once by the GPU, once with compiled steps. The networks
of `networks.py` as PyTorch makes them, in inference mode without TF32, through the adapter, and through it in
bfloat16. Each in float32 unless it says another; the GPU has finished before the clock is read.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from mri import CASES as MRI
from networks import CASES as NETWORKS
from networks import adapted
from pages import posed
from recon.runtime.build import Build
from recon.runtime.experiment.device import choose_device, device_name
from recon.runtime.experiment.solve import solve_word
from tv import PAGE as TV

PNP = """recon 1
weights dn = zoo("denoiser-gray")
data cam = sample("camera")
image x : real[256, 256] { range = 0..1 }
forward A = conv(gaussian(width = 1.6), boundary = "circular")
noise y ~ gaussian(A @ x, sigma = 0.02)
prior x ~ denoiser(dn)
solver hqs(iterations = 30, tolerance = 1e-30) { sigma = 0.1 }
"""
CT = """recon 1
data head = phantom(shepp_logan)
image x : real[256, 256]
forward A = radon(angles = 0deg..180deg, views = 60)
noise y ~ gaussian(A @ x, sigma = 0.5)
prior 50 * tv(x)
prior x in nonnegative
solver pdhg(iterations = 100, tolerance = 1e-30)
"""
PAGES = {
    "tv": (TV.format(size=512, sigma=0.1, weight=10), 200),
    "single": (MRI["single"], 100),
    "sense": (MRI["sense"], 30),
    "ct": (CT, 100),
    "pnp": (PNP, 30),
}


def seconds(work: Callable[[], object], device: torch.device, rounds: int) -> float:
    """The median time of a call, after one that is not counted."""
    took = []
    for k in range(rounds + 1):
        if device.type == "cuda":
            torch.cuda.synchronize()
        begin = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if k:
            took.append(time.perf_counter() - begin)
    return median(took)


def page(name: str, gpu: torch.device, rounds: int) -> None:
    text, iterations = PAGES[name]
    cpu = torch.device("cpu")
    here = posed(text, Build(device=cpu))
    there = posed(text, Build(device=gpu), {n: y.to(gpu) for n, y in here.measured.items()})
    expected, found = here.solve(iterations).estimate, there.solve(iterations).estimate
    apart = float((found.cpu() - expected).norm() / expected.norm())
    word = there.word.model_copy(update={"iterations": iterations, "tolerance": 0.0})
    took = [
        seconds(lambda: here.solve(iterations), cpu, max(1, rounds // 2)),
        seconds(lambda: there.solve(iterations), gpu, rounds),
    ]
    solution = solve_word(word, there.compiled.problem, compiled=True)
    told = [c for c in solution.trace.choices if c.name == "compile"]
    compiling = told[0].value if told else 0.0
    note = f"compiled in {compiling:.1f} s" if compiling else (told[0].why if told else "not compiled")
    print(f"{name:8s} CPU {1e3 * took[0]:8.1f} ms   GPU {1e3 * took[1]:7.2f} ms ({took[0] / took[1]:.1f}x)   ", end="")
    print(f"{1e6 * took[1] / iterations:6.0f} us an iteration   differ {apart:.1e}   {note}", flush=True)
    if compiling:
        print(f"{'':8s} with compiled steps {1e3 * solution.seconds:7.2f} ms", flush=True)


def network(name: str, gpu: torch.device, rounds: int, size: int = 256) -> None:
    x = torch.rand(1, size, size, generator=torch.Generator().manual_seed(2))
    ours, half, on_cpu = adapted(name, False, gpu), adapted(name, True, gpu), adapted(name, False)
    sigma = 0.1 if ours.conditional else None
    at = x.to(gpu)
    planes, levels = at[None], [torch.full((1,), 0.1, device=gpu)] if ours.conditional else []
    plain = adapted(name, False, gpu).network

    def inference() -> None:
        with torch.inference_mode():
            plain(planes, *levels)

    expected = on_cpu(x, sigma)
    times = {
        "CPU": seconds(lambda: on_cpu(x, sigma), torch.device("cpu"), max(1, rounds // 2)),
        "plain": seconds(lambda: plain(planes, *levels), gpu, rounds),
        "inference mode": seconds(inference, gpu, rounds),
        "ours": seconds(lambda: ours(at, sigma), gpu, rounds),
        "ours, bf16": seconds(lambda: half(at, sigma), gpu, rounds),
    }
    for label, t in times.items():
        print(f"{name:8s} {label:15s} {1e3 * t:8.2f} ms", end="   ")
    wrong = [float((a(at, sigma).cpu() - expected).abs().max()) for a in (ours, half)]
    print(f"\n{'':8s} differ from the CPU by {wrong[0]:.1e}, bf16 {wrong[1]:.1e}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--case", nargs="+", choices=[*PAGES, *NETWORKS], default=[*PAGES, *NETWORKS])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if not torch.cuda.is_available():
        parser.exit(1, "no CUDA device is at hand\n")
    gpu = choose_device("cuda")
    print(f"{device_name(gpu)}; torch {torch.__version__}; {options.threads} threads of the CPU")
    for name in options.case:
        (page if name in PAGES else network)(name, gpu, options.rounds)


if __name__ == "__main__":
    main()
