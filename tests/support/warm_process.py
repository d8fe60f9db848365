"""A process that has imported what every run imports, and forks one for each command: that saves seconds each time.

What reads its settings as it is imported (the clients of the Hub and of W&B) is left for the forked ones, whose
environment is that of their command.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from pathlib import Path

LIMIT = 240
"""Seconds that a command may take."""
SETTLED = ("huggingface_hub", "wandb", "httpx", "requests")
"""What must not have been imported before the environment is that of a command."""
PAGE = """recon 1
data cam = sample("camera")
image x : real[16, 16] { range = 0..1 }
noise y ~ gaussian(x, sigma = 0.1)
prior 1 * sq(x)
solver gradient(iterations = 3)
metrics [psnr]
"""
START = "import warm_process; warm_process.serve()"


def serve() -> None:
    """Read commands as lines of JSON, answer each with its exit code, and end with the input.

    A command has `arguments`, a `folder` to start in, the whole `environment`, and files for `out` and `err`. In the
    forked process this returns what `main` does: it ends as any Python program ends.
    """
    import torch
    from recon.runtime.command.main import main

    torch.set_num_threads(1)
    _warm()
    assert not [name for name in SETTLED if name in sys.modules]
    for line in sys.stdin:
        command = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(command)
            main()
            return
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _warm() -> None:
    """Run a page as the tests do: what it imports and draws for the first time, the forked ones have."""
    import scipy.stats  # noqa: F401
    from recon.dsl.syntax.parse import parse
    from recon.dsl.syntax.source import Source
    from recon.runtime.experiment.run import run_page

    with tempfile.TemporaryDirectory() as folder:
        run_page(parse(Source("page.recon", PAGE)), Path(folder), [], out=Path(folder, "out"), device="cpu")


def _become(command: dict[str, object]) -> None:
    signal.alarm(LIMIT)
    os.chdir(str(command["folder"]))
    os.environ.clear()
    os.environ.update(command["environment"])  # type: ignore[call-overload]
    for number, (name, mode) in enumerate([(os.devnull, "r"), (command["out"], "w"), (command["err"], "w")]):
        with open(str(name), mode) as file:
            os.dup2(file.fileno(), number)
    sys.argv = ["recon", *command["arguments"]]  # type: ignore[misc]
