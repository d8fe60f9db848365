"""One torch thread in tests, so that runs side by side do not fight and bytes do not depend on the machine.

Hypothesis draws the same examples in every run, so that a commit passes or fails; RECON_EXPLORE=1 draws fresh ones.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from hypothesis import settings

torch.set_num_threads(1)

settings.register_profile("steady", derandomize=True)
if os.environ.get("RECON_EXPLORE") != "1":
    settings.load_profile("steady")
