"""One torch thread in tests, so that runs side by side do not fight and bytes do not depend on the machine."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

torch.set_num_threads(1)
