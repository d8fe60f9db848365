"""One torch thread in tests, so that runs side by side do not fight and bytes do not depend on the machine.

The Hub's client reads at its import whether it may use Xet, which the Hub of the tests does not speak, and any test may
be the first to import it: so that is said here, before all of them.

Hypothesis draws the same examples in every run, so that a commit passes or fails; RECON_EXPLORE=1 draws fresh ones.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_DISABLE_XET"] = "1"

import torch
from hypothesis import settings

torch.set_num_threads(1)

settings.register_profile("steady", derandomize=True)
if os.environ.get("RECON_EXPLORE") != "1":
    settings.load_profile("steady")
