"""Kernels in C++ that the machine's own compiler builds at first use; without one, torch does their work."""

from .library import Kernels, native, native_status

__all__ = ["Kernels", "native", "native_status"]
