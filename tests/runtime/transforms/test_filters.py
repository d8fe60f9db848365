"""Wavelet names, taps, lengths and level counts against PyWavelets; the matrices against their definition."""

import numpy as np
import pytest
import pywt
from hypothesis import given
from hypothesis import strategies as st
from recon.runtime.transforms.filters import (
    analysis_band,
    analysis_matrix,
    filter_length,
    max_levels,
    orthonormal,
    synthesis_band,
    wavelet_filters,
)

NAMES = [name for family in ("haar", "db", "sym", "coif") for name in pywt.wavelist(family)]


@pytest.mark.parametrize("name", pywt.wavelist(kind="discrete"))
def test_names_are_those_of_the_exactly_orthonormal_families(name: str) -> None:
    assert orthonormal(name) == (name in NAMES)


@pytest.mark.parametrize("name", ["db0", "db39", "db01", "db", "sym1", "sym21", "coif18", "Haar", "db4 ", ""])
def test_other_words_are_no_wavelets(name: str) -> None:
    assert not orthonormal(name)
    with pytest.raises(ValueError, match="no orthonormal wavelet"):
        wavelet_filters(name)


@pytest.mark.parametrize("name", NAMES)
def test_taps_are_orthonormal_to_their_own_even_shifts(name: str) -> None:
    taps = np.array(wavelet_filters(name).taps)
    assert filter_length(name) == wavelet_filters(name).length == pywt.Wavelet(name).dec_len
    shifts = [float(taps[2 * k :] @ taps[: len(taps) - 2 * k]) for k in range(len(taps) // 2)]
    # The symlets of PyWavelets are tabulated to about 1e-11.
    np.testing.assert_allclose(shifts, [1.0] + [0.0] * (len(shifts) - 1), atol=1e-10)


@given(st.sampled_from(NAMES), st.integers(1, 6), st.integers(0, 9))
def test_levels_of_one_axis(name: str, odd: int, power: int) -> None:
    size = (2 * odd - 1) * 2**power
    assert max_levels([size], name) == min(power, pywt.dwt_max_level(size, pywt.Wavelet(name)))


def test_the_smallest_axis_decides() -> None:
    assert max_levels((512, 320), "db4") == 5
    assert max_levels((512, 36), "haar") == 2
    with pytest.raises(ValueError, match="positive"):
        max_levels((), "haar")


@pytest.mark.parametrize("name", ["haar", "db2", "db3", "db4", "sym5", "coif1"])
def test_bands_are_blocks_of_the_matrix(name: str) -> None:
    filters, block, size = wavelet_filters(name), 4, 64
    matrix, half = analysis_matrix(filters, size), filters.length // 2
    # Coefficients 16 to 19 and samples 32 to 39: far enough from the ends that nothing wraps.
    columns = slice(33 - half, 33 - half + 2 * block + filters.length - 2)
    rows = slice(16 - half // 2, 16 - half // 2 + block + half)
    for kind, start in enumerate((0, size // 2)):
        np.testing.assert_array_equal(analysis_band(filters, block)[kind], matrix[start + 16 : start + 20, columns])
        np.testing.assert_array_equal(
            synthesis_band(filters, block)[kind], matrix[start + rows.start : start + rows.stop, 32:40].T
        )
        assert not matrix[start + 16 : start + 20, : columns.start].any()
        assert not matrix[start : start + rows.start, 32:40].any()
        assert not matrix[start + rows.stop : start + half + size // 2, 32:40][: size // 2 - rows.stop].any()
