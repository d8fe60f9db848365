"""The loop of training: what it finds, that it goes on as if there had been no break, and when it gives up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from recon.dsl.vocabulary import optimizers, rates
from recon.runtime.training.checkpoint import NAME, load
from recon.runtime.training.distances import mean_modulus, mean_square
from recon.runtime.training.loop import Recipe, Tick, Trained, TrainingDiverged, train
from recon.runtime.training.optimizers import adam
from recon.runtime.training.pairs import Pairs
from recon.runtime.training.rates import constant, cosine
from torch import Tensor, nn


class Noisy:
    """Random planes with noise, each batch from its number."""

    def __init__(self, sigma: float = 0.5, count: int = 8, size: int = 12, told: bool = False) -> None:
        self.sigma, self.count, self.size, self.told = sigma, count, size, told
        self.asked: list[int] = []

    def batch(self, step: int) -> Pairs:
        self.asked.append(step)
        g = torch.Generator().manual_seed(step)
        x = torch.randn(self.count, 1, self.size, self.size, generator=g)
        y = x + self.sigma * torch.randn(x.shape, generator=g)
        return Pairs(y, x, torch.full((self.count,), self.sigma) if self.told else None)


def network(seed: int = 0, width: int = 6) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = [
            nn.Conv2d(1, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 1, 3, padding=1),
        ]
        return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def recipe(steps: int, lr: float = 1e-2, **more: object) -> Recipe:
    word = optimizers.Adam.model_validate({"lr": lr})
    rate = cosine(rates.Cosine.model_validate({"warmup": 5}))
    return Recipe(mean_square, steps, adam(word), rate, **more)  # type: ignore[arg-type]


def equal(a: Trained, b: Trained) -> bool:
    return a.weights.keys() == b.weights.keys() and all(torch.equal(a.weights[n], b.weights[n]) for n in a.weights)


def test_one_patch_is_learned_by_heart() -> None:
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 1, 1, 8, 8, generator=g)

    class One:
        def batch(self, step: int) -> Pairs:
            return Pairs(y, x)

    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Flatten(), nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 64), nn.Unflatten(1, (1, 8, 8)))
    train(net, One(), recipe(400))
    assert float((net(y) - x).square().mean()) < 1e-6 * float(x.square().mean())


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("average", [0.0, 0.9])
def test_training_that_was_broken_off_ends_with_the_same_bits(tmp_path: Path, half: bool, average: float) -> None:
    def run(steps_before_break: int | None, folder: Path | None) -> Trained:
        def stop(told: Tick) -> None:
            if told.step == steps_before_break:
                raise KeyboardInterrupt

        options = {"half": half, "average": average, "every": 10, "clip": 0.5}
        return train(network(), Noisy(told=False), recipe(40, **options), folder=folder, key="k", tick=stop)

    whole = run(None, None)
    broken = run(23, tmp_path)
    assert broken.interrupted
    assert broken.steps == 23
    rest = Noisy()
    after = train(
        network(seed=1),
        rest,
        recipe(40, half=half, average=average, every=10, clip=0.5),
        folder=tmp_path,
        key="k",
    )
    assert rest.asked == list(range(23, 40))
    assert equal(whole, after)
    assert whole.history == after.history


def test_a_killed_process_loses_the_steps_since_its_checkpoint_and_nothing_else(tmp_path: Path) -> None:
    script = f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_loop import Noisy, network, recipe
        from pathlib import Path
        from recon.runtime.training.loop import train
        def die(told):
            if told.step == 17:
                os.kill(os.getpid(), signal.SIGKILL)
        train(network(), Noisy(), recipe(30, every=5), folder=Path({str(tmp_path)!r}), key="k", tick=die)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env={**os.environ}, timeout=120)
    assert done.returncode == -signal.SIGKILL
    rest = Noisy()
    after = train(network(), rest, recipe(30, every=5), folder=tmp_path, key="k")
    assert rest.asked[0] == 15
    assert equal(train(network(), Noisy(), recipe(30)), after)


def test_a_checkpoint_of_other_training_or_half_a_file_is_not_gone_on_with(tmp_path: Path) -> None:
    train(network(), Noisy(), recipe(10, every=5), folder=tmp_path, key="k")
    assert load(tmp_path, "other") is None
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:-7])
    assert load(tmp_path, "k") is None
    path.write_bytes(b"no tensors")
    again = Noisy()
    train(network(), again, recipe(10, every=5), folder=tmp_path, key="k")
    assert again.asked == list(range(10))


def test_the_same_start_gives_the_same_weights_and_another_start_others() -> None:
    def run(seed: int) -> Trained:
        return train(network(seed), Noisy(), recipe(20))

    assert equal(run(0), run(0))
    assert not equal(run(0), run(1))


def test_validation_does_not_change_what_is_trained() -> None:
    seen: list[float] = []

    def score(net: nn.Module) -> float:
        assert not net.training
        net(torch.randn(1, 1, 12, 12))  # would move the statistics of normalisation
        seen.append(1.0)
        return 1.0

    watched = train(network(), Noisy(), recipe(20, validate=5, average=0.9), score=score)
    assert len(seen) == 4
    assert equal(watched, train(network(), Noisy(), recipe(20, average=0.9)))


def test_divergence_is_noticed_and_told_with_what_may_help() -> None:
    with pytest.raises(TrainingDiverged, match="smaller learning rate"):
        train(network(), Noisy(), Recipe(mean_square, 4000, lambda w: torch.optim.SGD(w, lr=50.0), lambda s, n: 1.0))

    class Bad(Noisy):
        def batch(self, step: int) -> Pairs:
            pairs = super().batch(step)
            return Pairs(pairs.input * (float("nan") if step == 7 else 1), pairs.target)

    with pytest.raises(TrainingDiverged, match="after 7 steps"):
        train(network(), Bad(), recipe(20))


def test_clipping_bounds_the_gradient() -> None:
    seen: list[float] = []

    class Watched(torch.optim.SGD):
        def step(self, closure: None = None) -> None:  # type: ignore[override]
            ps = [p for g in self.param_groups for p in g["params"]]
            seen.append(float(torch.stack([p.grad.norm() for p in ps]).norm()))

    def with_clip(clip: float | None) -> float:
        seen.clear()
        train(network(), Noisy(), Recipe(mean_square, 3, lambda w: Watched(w, lr=0.1), lambda s, n: 1.0, clip=clip))
        return max(seen)

    free = with_clip(None)
    assert with_clip(free / 10) == pytest.approx(free / 10, rel=1e-4)


class Convolved:
    """Periodic pictures of a known spectrum with noise, for which the best linear network is known."""

    def __init__(self, size: int, sigma: float) -> None:
        self.size, self.sigma = size, sigma
        f = torch.fft.fftfreq(size)
        self.spectrum = 1 / (0.02 + f[:, None] ** 2 + f[None, :] ** 2)
        self.spectrum /= self.spectrum.mean()

    def batch(self, step: int) -> Pairs:
        g = torch.Generator().manual_seed(step)
        white = torch.randn(32, 1, self.size, self.size, generator=g)
        x = torch.fft.ifft2(torch.fft.fft2(white) * self.spectrum.sqrt()).real
        return Pairs(x + self.sigma * torch.randn(x.shape, generator=g), x)


def test_a_linear_network_becomes_the_wiener_filter() -> None:
    """The least mean square error over all circular convolutions is at S / (S + sigma^2) (Wiener 1949)."""
    n, sigma = 8, 0.7
    data = Convolved(n, sigma)

    class Circular(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nn.Parameter(torch.zeros(1, 1, n, n))

        def forward(self, y: Tensor) -> Tensor:
            padded = nn.functional.pad(y, (n // 2, n - 1 - n // 2, n // 2, n - 1 - n // 2), mode="circular")
            return nn.functional.conv2d(padded, self.kernel)

    net = Circular()
    rate = cosine(rates.Cosine.model_validate({"warmup": 10}))
    train(net, data, Recipe(mean_square, 2000, adam(optimizers.Adam.model_validate({"lr": 3e-2})), rate, average=0.99))
    wiener = data.spectrum / (data.spectrum + sigma**2)
    impulse = torch.zeros(1, 1, n, n)
    impulse[..., 0, 0] = 1
    with torch.no_grad():
        found = torch.fft.fft2(net(impulse)[0, 0]).real
    # The gain at a frequency is a mean over 2000 x 32 draws of what has a relative spread of about one.
    assert float((found - wiener).abs().max()) < 0.05


def test_the_mean_absolute_error_has_the_median_for_its_least() -> None:
    class Skewed:
        def batch(self, step: int) -> Pairs:
            g = torch.Generator().manual_seed(step)
            return Pairs(torch.ones(512, 1, 1, 1), -torch.rand(512, 1, 1, 1, generator=g).log())

    def level(distance: object) -> float:
        net = nn.Conv2d(1, 1, 1, bias=False)
        word = optimizers.Adam.model_validate({"lr": 1e-2})
        flat = Recipe(distance, 600, adam(word), constant(rates.Constant()), average=0.99)  # type: ignore[arg-type]
        return float(train(net, Skewed(), flat).weights["weight"])

    assert level(mean_square) == pytest.approx(1.0, abs=0.02)  # of the exponential law: mean 1, median log 2
    assert level(mean_modulus) == pytest.approx(0.6931, abs=0.02)
