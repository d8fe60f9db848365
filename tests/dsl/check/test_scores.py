"""What measures of images can be computed of."""

from pathlib import Path

import pytest
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError


def codes(unknown: str, metrics: str, forward: str = "identity()") -> list[str]:
    kind = "volume" if unknown.count(",") == 2 else "image"
    body = f"{kind} x : {unknown}\nforward A = {forward}\nnoise y ~ gaussian(A @ x, sigma = 0.1)\nprior sq(x)"
    try:
        load(f"recon 1\ndata d = phantom(blobs)\n{body}\n{metrics}\n", "page.recon", Path())
    except SpecError as e:
        return [d.code for d in e.diagnostics if d.severity == "error"]
    return []


@pytest.mark.parametrize(
    ("unknown", "metrics", "fits"),
    [
        ("real[11, 11]", "metrics [ssim]", True),
        ("real[10, 11]", "metrics [ssim]", False),
        ("real[10, 11]", "metrics [ssim(window = 9)]", True),
        ("real[10, 11]", "metrics [psnr]", True),
        ("real[10, 11] { channels = 20 }", "metrics [ssim]", False),
        ("complex[32, 32]", "metrics [ssim]", False),
        ("complex[32, 32]", "metrics [psnr]", True),
        ("complex[32, 32]", "metrics [ssim(x)]", False),
        ("complex[32, 32]", "metrics [ssim(abs(x))]", True),
        ("complex[32, 32]", "metrics [ssim] { of = 2 * real(estimate) + imag(estimate) }", True),
        ("complex[32, 32]", "metrics [ssim] { of = real(estimate) + estimate }", False),
        ("complex[32, 32]", "metrics [ssim] { of = abs(estimate); against = truth }", False),
        ("real[32, 32]", "metrics [ssim] { of = fft2() @ estimate }", False),
        ("real[161, 170]", "metrics [ms_ssim]", True),
        ("real[160, 170]", "metrics [ms_ssim]", False),
        ("real[160, 170]", "metrics [ms_ssim(window = 9)]", True),
        ("real[21, 21]", "metrics [ms_ssim(weights = [0.5, 0.5])]", True),
        ("real[20, 21]", "metrics [ms_ssim(weights = [0.5, 0.5])]", False),
        ("complex[256, 256]", "metrics [ms_ssim]", False),
        ("real[41, 41]", "metrics [vif]", True),
        ("real[40, 41]", "metrics [vif]", False),
        ("complex[64, 64]", "metrics [vif]", False),
        ("complex[64, 64]", "metrics [vif(abs(x))]", True),
        ("real[8, 32, 32]", "metrics [ssim]", True),
        ("real[11, 32, 32]", "metrics [ssim(dimensions = 3)]", True),
        ("real[8, 32, 32]", "metrics [ssim(dimensions = 3)]", False),
        ("real[32, 32] { channels = 20 }", "metrics [ssim(dimensions = 3)]", False),
        ("real[32, 32]", "metrics [ssim] { of = downsample(4) @ estimate }", False),
        ("real[32, 32]", "metrics [ssim] { of = downsample(2) @ estimate }", True),
    ],
)
def test_real_images_that_are_large_enough(unknown: str, metrics: str, fits: bool) -> None:
    assert codes(unknown, metrics) == ([] if fits else ["RC051"])
