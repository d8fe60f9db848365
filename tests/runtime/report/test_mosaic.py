"""Small images side by side."""

import numpy as np
from recon.runtime.report.mosaic import mosaic


def test_each_image_stands_in_its_place_on_a_scale_of_its_own() -> None:
    images = np.random.default_rng(0).normal(size=(10, 3, 4)) * np.logspace(-3, 3, 10)[:, None, None]
    images[4] = 7.0
    picture = mosaic("atoms", images)
    assert picture.array.shape == (4 * 4 - 1, 3 * 5 - 1)
    for k in range(10):
        top, left = k // 3 * 4, k % 3 * 5
        seen = picture.array[top : top + 3, left : left + 4]
        expected = (images[k] - images[k].min()) / np.ptp(images[k]) if k != 4 else np.full((3, 4), 0.5)
        assert np.allclose(seen, expected)
    assert np.isnan(picture.array[3]).all()
    assert np.isnan(picture.array[:, 4]).all()
    assert np.isnan(picture.array[-3:, 5:]).all()  # places left over
    assert picture.limits == (0.0, 1.0)
