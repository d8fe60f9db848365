"""A device that is not the CPU: the GPU where there is one, else an imitated one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from recon.runtime.experiment.device import choose_device

if not torch.cuda.is_available():
    # Before the first gradient of the process: PyTorch counts kinds of devices then. Beside a GPU it bears no second.
    from imitated_gpu import imitated_gpu


@contextmanager
def other_device() -> Iterator[torch.device]:
    """Meanwhile it is there, ready to compute on."""
    if torch.cuda.is_available():
        yield choose_device("cuda")
    else:
        with imitated_gpu() as device:
            yield device
