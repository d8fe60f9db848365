"""Arrays that are freed and made again cost no page faults: counted in processes of their own."""

import os
import platform
import subprocess
import sys

import pytest

COUNT = """
import ctypes, resource, sys, torch
torch.set_num_threads(1)
from recon.runtime.native.allocator import keep_freed_memory
ctypes.CDLL(None).mallopt(-3, ctypes.c_int(1 << 17))  # pages of its own for every array, handed back when it is freed
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        a = torch.ones(2, 512, 512)
        b = a + 1
        del a, b
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
handed_back = faults()
told = keep_freed_memory()
faults()
print(handed_back, told, faults())
"""
PAGES = 20 * 2 * 2 * 512 * 512 * 4 // 4096
"""Of all arrays that are made."""


def counted(**more: str) -> tuple[int, bool, int]:
    """Faults before, whether the C library was told, faults after."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))} | more
    run = [sys.executable, "-c", COUNT]
    done = subprocess.run(run, capture_output=True, text=True, check=True, env=environment, timeout=120)
    before, told, after = done.stdout.split()
    return int(before), told == "True", int(after)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_is_used_again() -> None:
    before, told, after = counted()
    assert before > PAGES / 2
    assert told
    assert after < PAGES / 100


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_settings_of_the_environment_stand() -> None:
    before, told, after = counted(MALLOC_TRIM_THRESHOLD_="1000000")
    assert not told
    assert after > before / 2
