"""Sets of photographs, laid out as they are published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from recon.runtime.data.files import DataError
from scipy.io import savemat

from .pages import reader, rows, run

RNG = np.random.default_rng(0)
COLOUR = "image x : real[auto, auto] { channels = 3 }"
SMALL = "image x : real[8, 6] { channels = 3 }"


def picture(path: Path, h: int = 12, w: int = 10, gray: bool = False) -> np.ndarray:
    """A picture on the disk, and its values as they should be read, [C, H, W]."""
    stored = RNG.integers(0, 256, (h, w) if gray else (h, w, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(stored).save(path)
    return (stored[None] if gray else stored.transpose(2, 0, 1)).astype(np.float32) / 255


def test_sidd(tmp_path: Path) -> None:
    pairs = []
    for scene in ("0001_001_S6_00100_00060_3200_L", "0002_001_S6_00100_00020_3200_N"):
        for n in ("010", "011"):
            folder = tmp_path / "SIDD" / "Data" / scene
            pairs.append(
                (picture(folder / f"{scene[:4]}_NOISY_SRGB_{n}.PNG"), picture(folder / f"{scene[:4]}_GT_SRGB_{n}.PNG"))
            )
    found = rows(tmp_path, 'sidd("SIDD")', "y = noisy; x = clean", COLOUR)
    assert len(found) == 4
    for row, (noisy, clean) in zip(found, pairs, strict=True):
        assert np.array_equal(row["noisy"], noisy)
        assert np.array_equal(row["clean"], clean)
    (row, *_) = rows(tmp_path, 'sidd("SIDD")', "y = noisy; x = clean", SMALL)
    assert np.array_equal(row["noisy"], pairs[0][0][:, 2:10, 2:8])
    assert np.array_equal(row["clean"], pairs[0][1][:, 2:10, 2:8])
    result = run(tmp_path, 'sidd("SIDD")', "y = noisy; x = clean", COLOUR)
    assert result.code == 0
    assert np.allclose(np.load(result.folder / "reconstruction-0003.npy"), pairs[3][0] / 1.02, atol=1e-6)
    (tmp_path / "SIDD" / "Data" / scene / "0002_GT_SRGB_011.PNG").unlink()
    with pytest.raises(DataError, match=r"row 4 of `d`: .*NOISY_SRGB_011\.PNG: the set has no `clean` to it"):
        list(reader(tmp_path, 'sidd("SIDD")', "y = noisy; x = clean", COLOUR).batches())


def test_blocks_of_sidd(tmp_path: Path) -> None:
    noisy, clean = (RNG.integers(0, 256, (3, 2, 8, 8, 3), dtype=np.uint8) for _ in range(2))
    for name, blocks in (("ValidationNoisyBlocksSrgb", noisy), ("ValidationGtBlocksSrgb", clean)):
        savemat(tmp_path / f"{name}.mat", {name: blocks}, do_compression=True)
    savemat(tmp_path / "BenchmarkNoisyBlocksSrgb.mat", {"BenchmarkNoisyBlocksSrgb": noisy})  # without a clean twin
    found = rows(tmp_path, 'sidd(".")', 'split = "val"; y = noisy; x = clean', COLOUR)
    assert len(found) == 6
    assert np.allclose(found[3]["noisy"], noisy[1, 1].transpose(2, 0, 1) / 255)
    assert np.allclose(found[4]["clean"], clean[2, 0].transpose(2, 0, 1) / 255)
    content = (tmp_path / "ValidationGtBlocksSrgb.mat").read_bytes()
    for bad in (content[: len(content) // 2], b"text" * 100):
        (tmp_path / "ValidationGtBlocksSrgb.mat").write_bytes(bad)
        with pytest.raises(DataError, match="ValidationGtBlocksSrgb"):
            list(reader(tmp_path, 'sidd(".")', "y = noisy; x = clean", COLOUR).batches())


def test_renoir(tmp_path: Path) -> None:
    scenes = []
    for batch in range(1, 6):
        folder = tmp_path / "RENOIR" / "Mi3_Aligned" / f"Batch_{batch:03d}"
        scenes.append(
            [picture(folder / f"IMG_{n}{kind}.bmp") for n, kind in ((1, "Noisy"), (2, "Noisy"), (3, "Reference"))]
        )
        picture(folder / "IMG_4Full.bmp")
    found = rows(tmp_path, 'renoir("RENOIR")', "y = noisy; x = clean", COLOUR)
    assert len(found) == 10
    assert np.array_equal(found[3]["noisy"], scenes[1][1])
    assert np.array_equal(found[3]["clean"], scenes[1][2])
    again = rows(tmp_path, 'renoir("RENOIR")', "y = noisy; x = noisy_again", COLOUR)
    assert len(again) == 5
    assert np.array_equal(again[2]["noisy_again"], scenes[2][1])
    test = rows(tmp_path, 'renoir("RENOIR")', 'split = "test"; y = noisy; x = clean', COLOUR)
    train = rows(tmp_path, 'renoir("RENOIR")', 'split = "train"; y = noisy; x = clean', COLOUR)
    assert (len(test), len(train)) == (2, 8)
    result = run(tmp_path, 'renoir("RENOIR")', 'split = "test"; y = noisy; x = clean', COLOUR)
    assert result.code == 0
    assert np.allclose(np.load(result.folder / "truth-0001.npy"), scenes[4][2])
    assert np.array_equal(test[0]["clean"], scenes[4][2])


def test_div2k(tmp_path: Path) -> None:
    large = [picture(tmp_path / "DIV2K" / "DIV2K_valid_HR" / f"080{n}.png", 24, 20) for n in (1, 2)]
    low = [picture(tmp_path / "DIV2K" / "DIV2K_valid_LR_bicubic" / "X4" / f"080{n}x4.png", 6, 5) for n in (1, 2)]
    picture(tmp_path / "DIV2K" / "DIV2K_valid_LR_unknown" / "X4" / "0801x4.png", 6, 5)
    picture(tmp_path / "DIV2K" / "DIV2K_train_HR" / "0001.png", 24, 20)
    found = rows(
        tmp_path, 'div2k("DIV2K", factor = 4)', 'split = "val"; x = image; ref = low'.replace("; ref = low", ""), COLOUR
    )
    assert len(found) == 2
    assert np.array_equal(found[1]["image"], large[1])
    assert len(rows(tmp_path, 'div2k("DIV2K")', 'split = "train"; x = image', COLOUR)) == 1
    sized = "image x : real[8, 8] { channels = 3 }"
    pair = reader(tmp_path, 'div2k("DIV2K", factor = 4)', 'split = "val"; x = image; y = low', sized).rows.read(0)
    assert np.array_equal(pair["image"], large[0][:, 8:16, 4:12])
    assert np.array_equal(pair["low"], low[0][:, 2:4, 1:3])


def test_bsd68(tmp_path: Path) -> None:
    stored = [picture(tmp_path / "BSD" / "images" / s / f"{n}.jpg".replace("jpg", "png"), 10, 12, gray=True)
              for s, n in (("test", "101085"), ("test", "3096"), ("train", "8049"))]  # fmt: skip
    found = rows(tmp_path, 'bsd68("BSD")', 'split = "test"; x = image')
    assert len(found) == 2
    assert np.array_equal(found[0]["image"], stored[1][0])  # 3096 before 101085
    assert np.array_equal(found[1]["image"], stored[0][0])


@pytest.mark.parametrize("source", ['sidd("p")', 'renoir("p")', 'div2k("p")', 'bsd68("q")', 'bsd68("e")'])
def test_other_folders_are_told(tmp_path: Path, source: str) -> None:
    picture(tmp_path / "p" / "one.png")
    (tmp_path / "e").mkdir()
    with pytest.raises(DataError, match=r"holds no|no file in the folder"):
        rows(tmp_path, source, "x = noisy" if "sidd" in source or "renoir" in source else "x = image", COLOUR)


def test_a_damaged_picture_is_skipped_on_request(tmp_path: Path) -> None:
    for n in range(3):
        picture(tmp_path / "p" / f"{n}.png", gray=True)
    (tmp_path / "p" / "1.png").write_bytes((tmp_path / "p" / "1.png").read_bytes()[:60])
    r = reader(tmp_path, 'bsd68("p")', "x = image; on_error = skip")
    assert [n for b in r.batches() for n in b.numbers] == [0, 2]
    assert len(r.skipped) == 1
    assert "p/1.png" in r.skipped[0]
