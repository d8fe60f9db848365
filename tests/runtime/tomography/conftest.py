"""Both ways of computing: the C++ kernels and torch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from recon.runtime.native import native, native_status


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=["native", "torch"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "torch":
        monkeypatch.setenv("RECON_NATIVE", "0")
    else:
        monkeypatch.delenv("RECON_NATIVE", raising=False)
        if native() is None:
            pytest.skip(native_status())
    return str(request.param)
