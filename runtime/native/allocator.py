"""How the C library deals with memory that was freed."""

from __future__ import annotations

import ctypes
import functools
import os
import platform

KEPT = 256 << 20
"""Bytes of freed memory that a process keeps at most at the end of its heap."""
LARGE = 32 << 20
"""Bytes from which on an array has pages of its own; the most that the library takes."""
_SETTINGS = ((-1, KEPT), (-3, LARGE))
"""Of `mallopt`: M_TRIM_THRESHOLD and M_MMAP_THRESHOLD."""
_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


@functools.cache
def keep_freed_memory() -> bool:
    """Let the next arrays have the memory of the last ones; whether the C library could be told to.

    An iteration frees what the next one needs again. Where glibc hands pages back in between, each costs a fault and is
    zeroed anew: up to a tenth of the time of total variation on 512 x 512 pixels. No more is kept than was in use
    before. Settings of the environment stand. Does nothing where the C library is another.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _VARIABLES):
        return False
    library = ctypes.CDLL(None)
    return all(library.mallopt(ctypes.c_int(name), ctypes.c_int(value)) == 1 for name, value in _SETTINGS)
