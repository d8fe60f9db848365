"""report.html: alone, safe whatever the text, readable without seeing, the same bytes each time."""

import base64
import html
import io
import re
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from recon.runtime.folder import FolderError
from recon.runtime.report.content import Curve, Panel, Picture, Plate, PlateLine, Report, Section, Table
from recon.runtime.report.page import render_report, write_report
from skimage.io import imread

VOID = {"meta", "img", "input", "link", "br", "hr"}
HOSTILE = "</pre></title><script>alert(1)</script><img src=x onerror=\"alert('2')\">&amp;\x00\x1b\udcff"


class Tree(HTMLParser):
    """All tags with their attributes, the text, and a check that every tag is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, str] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]] = self.texts.get(self.open[-1], "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def make(text: str = "x", size: int = 32) -> Report:
    rng = np.random.default_rng(1)
    truth = rng.random((size, size))
    pictures = [
        Picture(text, truth, "truth", unit=text, note=text),
        Picture("y", np.fft.fft2(truth), "measurement", axes=("ky", "kx")),
        Picture("sinogram", rng.random((30, 50)), "measurement", axes=("view", "detector")),
        Picture("A^H y", truth * 0.5, "adjoint"),
        Picture("tv", truth + 0.1, "estimate"),
        Picture("error", 0.1 * truth, "error"),
    ]
    curves = [
        Curve(text, text, {text: ([1, 2, 3], [1, 2, 3]), "b": ([1, 2], [3, 4])}),
        Curve("gap", "iteration", {"gap": (np.arange(100), np.exp(-np.arange(100.0)))}),
    ]
    table = Table(text, [text, "psnr"], [[text, 30.0]], text)
    sections = [Section("Data", pictures[:4]), Section(text, pictures[4:], curves, [table], text)]
    manifest = {"digests": {"spec": text}, text: text, "seed": 0, "cuda": False, "sizes": [1, 2]}
    return Report(text, text, sections, f'recon 1\ndata d = "{text}"  # {text}\n', manifest, table, [text], [text])


def test_nothing_is_fetched_and_nothing_runs() -> None:
    page = render_report(make())
    tree = Tree(page)
    assert not {"script", "link", "iframe", "object", "base", "form"} & {tag for tag, _ in tree.tags}
    assert all((a["src"] or "").startswith("data:image/png;base64,") for a in tree.all("img"))
    assert all((a["href"] or "").startswith("#") for a in tree.all("a"))
    assert "@import" not in page
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", page)  # only references within the page
    policy = next(a["content"] for a in tree.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy


def test_hostile_text_stays_text() -> None:
    plain, hostile = Tree(render_report(make())), Tree(render_report(make(HOSTILE)))
    # the same elements, whatever the text; a lead or a unit may add a span, and a drawn label a <g> or <tspan>
    for tag in ("script", "img", "pre", "title", "table", "figure"):
        assert len(hostile.all(tag)) == len(plain.all(tag))
    assert not any(name.startswith("on") for _, attributes in hostile.tags for name in attributes)
    page = render_report(make(HOSTILE))
    page.encode("utf-8")
    assert "\x00" not in page
    assert "\x1b" not in page


def test_the_spec_is_shown_character_for_character() -> None:
    spec = 'recon 1\n## a <b> & "c"\n\tdata d = "x # no comment"   # a "comment\nfoo = 1 < 2\n'
    page = render_report(Report("t", spec_text=spec))
    shown = re.search(r'<pre class="spec"[^>]*><code>(.*?)</code></pre>', page, re.DOTALL)
    assert shown is not None
    assert html.unescape(re.sub(r"<[^>]+>", "", shown[1])) == spec
    assert '<span class="text">&quot;x # no comment&quot;</span>' in shown[1]


def test_it_reads_without_seeing() -> None:
    tree = Tree(render_report(make()))
    rasters = [a for a in tree.all("img") if a.get("class") == "raster"]
    assert len(rasters) == 6
    assert all(a["alt"] for a in rasters)
    assert rasters[0]["alt"].startswith("x (truth): image of 32 by 32 pixels, scale from ")
    assert all(a["aria-label"] for a in tree.all("input"))
    assert all(a.get("scope") in ("col", "row") for a in tree.all("th"))
    assert [tag for tag, _ in tree.tags if tag == "h1"] == ["h1"]
    ids = [a["id"] for _, a in tree.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    assert {(a["href"] or "")[1:] for a in tree.all("a")} <= set(ids)
    assert tree.all("html")[0]["lang"] == "en"


def test_all_parts_are_there() -> None:
    page = render_report(make("knee"))
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert headings == ["Warning", "knee", "Data", "knee", "Spec", "Manifest", "What to cite"]
    for entry, value in (("digests.spec", "knee"), ("seed", "0"), ("cuda", "false"), ("sizes", "[1, 2]")):
        assert f'<th scope="row">{entry}</th><td>{value}</td>' in page
    assert page.count('<div class="scale"') == 6
    assert "logarithm of the magnitude" in page


def test_pictures_are_their_pixels_on_the_shared_scale() -> None:
    truth = np.linspace(0, 1, 256).reshape(16, 16)
    pictures = [Picture("x", truth, "truth"), Picture("z", 0.4 * truth, "estimate")]
    page = render_report(Report("t", sections=[Section("a", pictures[:1]), Section("b", pictures[1:])]))
    rasters = re.findall(r'class="raster" src="data:image/png;base64,([^"]+)"', page)
    one, two = (imread(io.BytesIO(base64.b64decode(data))) for data in rasters)
    np.testing.assert_array_equal(one, np.rint(255 * truth))
    np.testing.assert_array_equal(two, np.rint(255 * 0.4 * truth))


def test_an_empty_report_is_a_page() -> None:
    assert Tree(render_report(Report("nothing"))).texts["h1"] == "nothing"


def test_the_same_report_gives_the_same_bytes(tmp_path: Path) -> None:
    write_report(make(), tmp_path / "a.html")
    write_report(make(), tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_report_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match=r"cannot write .*report\.html: a part of the path is a file"):
        write_report(Report("t"), tmp_path / "file" / "report.html")


def test_matplotlib_is_imported_when_drawing_and_pyplot_never() -> None:
    program = (
        "import sys, numpy as np\n"
        "from recon.runtime.report.content import *\n"
        "from recon.runtime.report.page import render_report\n"
        "assert 'matplotlib' not in sys.modules\n"
        "section = Section('s', [Picture('x', np.eye(4))], [Curve('c', 'k', {'a': ([1], [1])})])\n"
        "render_report(Report('t', sections=[section]))\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules and 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_six_pictures_and_two_curves_take_little_time() -> None:
    report = make(size=512)
    start = time.process_time()
    render_report(report)
    assert time.process_time() - start < 2.5


def test_single_runs_of_a_sweep_stand_closed_behind_what_sums_them_up() -> None:
    noise = np.random.default_rng(0).random((600, 600))
    runs = [Section(f"run {i}", [Picture("reconstruction", noise, "estimate")], folded=True) for i in range(2)]
    table = Table("All numbers", ["method", "psnr"], [["tv", 30.0]])
    text = render_report(Report("t", sections=[Section("Summary"), *runs], metrics=table, summary=True))
    tree = Tree(text)
    assert [d.get("id") for d in tree.all("details")] == ["metrics", "part-2", "part-3"]
    assert text.index("Summary</h2>") < text.index("All numbers</summary>") < text.index("run 0</summary>")
    assert {image["width"] for image in tree.all("img") if image.get("class") == "raster"} == {"150"}  # of 600
    assert [a["href"] for a in tree.all("a")] == ["#part-1", "#runs"]


def test_a_plate_is_one_picture_with_its_note() -> None:
    panel = Panel(Picture("", np.zeros((8, 8)), "estimate", limits=(0.0, 1.0)), "31 dB")
    plate = Plate("", ["tv & more"], [PlateLine("", [panel])], note="Under each picture PSNR.")
    tree = Tree(render_report(Report("t", sections=[Section("Figure", plates=[plate])])))
    (image,) = tree.all("img")
    assert "tv & more" in str(image["alt"])
    assert "Under each picture PSNR." in tree.texts["p"]
