"""The pictures that install with scikit-image, read from its folder; nothing is ever downloaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage.data
from numpy.typing import NDArray
from recon.dsl.vocabulary.sources.pictures import TEST_PICTURES, TRAIN_PICTURES
from skimage.color import rgb2gray
from skimage.io import imread
from skimage.transform import resize

Picture = NDArray[np.float32]

# Files that are not called NAME.png.
_FILES = {
    "retina": "retina.jpg",
    "clock": "clock_motion.png",
    "immunohistochemistry": "ihc.png",
    "hubble_deep_field": "hubble_deep_field.jpg",
    "rocket": "rocket.jpg",
    "stereo_motorcycle": "motorcycle_left.png",
}
_FACES = 100  # lfw_subset holds 100 faces, then 100 patches without one
_TEST_FACES = 20


def picture_names(split: str) -> list[str]:
    """The names that `sample("*")` stands for.

    Args:
        split: "test" (camera, chelsea, retina, coins: never trained on) or "train" (the other pictures).

    Returns:
        Names for `sample_picture`.

    Raises:
        ValueError: another split.
    """
    return list({"test": TEST_PICTURES, "train": TRAIN_PICTURES}[_checked(split)])


def sample_picture(name: str) -> Picture:
    """One picture of scikit-image at its own size.

    `stereo_motorcycle` is the left view.

    Args:
        name: one of `picture_names("test") + picture_names("train")`.

    Returns:
        float32 array [C, H, W] in 0..1 (8-bit values over 255), C = 1 for gray and 3 for RGB.

    Raises:
        ValueError: an unknown name, or an installation of scikit-image without this file.
    """
    known = (*TEST_PICTURES, *TRAIN_PICTURES)
    if name not in known:
        raise ValueError(f"there is no picture {name!r}; the pictures are {', '.join(sorted(known))}")
    stored = imread(_installed(_FILES.get(name, f"{name}.png")))
    planes = stored[None] if stored.ndim == 2 else np.moveaxis(stored[..., :3], -1, 0)
    return np.ascontiguousarray(planes, dtype=np.float32) / np.float32(255)


def sample_faces(split: str) -> Picture:
    """The 100 faces of scikit-image's excerpt of Labeled Faces in the Wild, gray, 25 x 25.

    Args:
        split: "train" (the first 80) or "test" (the last 20).

    Returns:
        float32 array [N, 1, 25, 25] in 0..1.

    Raises:
        ValueError: another split, or an installation of scikit-image without this file.
    """
    cut = _FACES - _TEST_FACES
    part = slice(cut, _FACES) if _checked(split) == "test" else slice(0, cut)
    faces = np.load(_installed("lfw_subset.npy"), allow_pickle=False)
    return np.asarray(faces[part, None], dtype=np.float32)


def fit_picture(picture: Picture, channels: int | None, extents: tuple[int, int] | None) -> Picture:
    """Bring a picture to the channels and extents of an unknown; a picture that fits is returned as it is.

    RGB becomes gray by the Rec. 709 luma `0.2125 R + 0.7154 G + 0.0721 B`, gray becomes RGB by repetition. Other
    extents are reached by cutting the largest centred window of their aspect ratio, then resampling it linearly after
    a Gaussian low-pass of sigma `(scale - 1) / 2` where it shrinks (`skimage.transform.resize`).

    Args:
        picture: float array [C, H, W] in 0..1 with C = 1 or 3.
        channels: 1, 3 or None to keep C.
        extents: (rows, cols), or None to keep H, W.

    Returns:
        float32 array [channels, rows, cols] in 0..1.

    Raises:
        ValueError: the array is not such a picture, or channels or extents cannot be reached.
    """
    if picture.ndim != 3 or picture.shape[0] not in (1, 3) or 0 in picture.shape:
        raise ValueError(f"a picture has axes [1 or 3, rows, cols], not shape {picture.shape}")
    if channels not in (None, picture.shape[0]):
        picture = _recolour(picture, channels)
    if extents not in (None, picture.shape[1:]):
        picture = _resample(picture, extents)
    return picture.astype(np.float32, copy=False)


def _recolour(picture: Picture, channels: int) -> Picture:
    if channels == 3:
        return np.repeat(picture, 3, axis=0)
    if channels == 1:
        gray: Picture = rgb2gray(picture, channel_axis=0)[None]
        return gray
    raise ValueError(f"a picture of {picture.shape[0]} channels cannot become one of {channels}")


def _resample(picture: Picture, extents: tuple[int, int]) -> Picture:
    rows, cols = extents
    if rows < 1 or cols < 1:
        raise ValueError(f"a picture cannot be brought to {rows} x {cols}")
    h, w = picture.shape[1:]
    # The largest window of the aspect ratio rows : cols, in whole pixels.
    ch, cw = min(h, max(1, round(w * rows / cols))), min(w, max(1, round(h * cols / rows)))
    top, left = (h - ch) // 2, (w - cw) // 2
    window = picture[:, top : top + ch, left : left + cw]
    if (ch, cw) == extents:
        return window.copy()
    # Whole pixels leave a pixel's worth of stretch at most; the scale of each axis is its own.
    whole = (len(window), *extents)
    planes = resize(window.astype(np.float64), whole, order=1, mode="reflect", anti_aliasing=True)  # type: ignore[no-untyped-call]
    fitted: Picture = np.clip(planes, 0.0, 1.0).astype(np.float32)
    return fitted


def _checked(split: str) -> str:
    if split not in ("train", "test"):
        raise ValueError(f'the pictures have the splits "train" and "test", not {split!r}')
    return split


def _installed(file: str) -> Path:
    # skimage.data's own loaders fall back on the network when a file is missing; reading its folder cannot.
    path = Path(skimage.data.__file__).parent / file
    if not path.is_file():
        raise ValueError(f"this installation of scikit-image lacks its picture {file}")
    return path
