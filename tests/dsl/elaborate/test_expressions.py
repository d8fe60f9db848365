"""Expressions of a page: what they become, where random words stand, and what bounds them."""

import time
from pathlib import Path

import pytest
from recon.dsl.check.page import load
from recon.dsl.diagnostics import SpecError
from recon.dsl.model import terms as t
from recon.dsl.model.experiment import Experiment
from recon.dsl.model.units import Quantity

HEAD = 'recon 1\ndata cam = sample("camera")\nimage x : real[16, 16]\n'
NOISE = "noise y ~ gaussian(A @ x, sigma = 0.1)\n"


def experiment(body: str, head: str = HEAD) -> Experiment:
    return load(head + body, "page.recon", Path()).experiment


def codes(body: str, head: str = HEAD) -> list[str]:
    with pytest.raises(SpecError) as e:
        load(head + body, "page.recon", Path())
    return [d.code for d in e.value.diagnostics if d.severity == "error"]


def forward(expression: str) -> t.OperatorTerm:
    return experiment(f"forward A = {expression}\n{NOISE}").formulation.operators["A"]


def leaves(term: t.OperatorTerm) -> list[str]:
    return [part.word.word for part in t.everything(term) if isinstance(part, t.Leaf)]


def places(e: Experiment) -> list[str]:
    return [
        part.place for line in e.formulation.likelihoods for part in t.everything(line.law) if isinstance(part, t.Leaf)
    ]


def test_composition_stays_flat_and_keeps_its_order() -> None:
    a = forward("identity() @ (mask(keep = 1) @ cosine()) @ identity()")
    assert isinstance(a, t.Compose)
    assert leaves(a) == ["identity", "mask", "cosine", "identity"]
    assert len(a.parts) == 4


def test_sums_scalings_and_adjoints() -> None:
    a = forward("2 * identity() - cosine() / 4 + -identity()")
    assert isinstance(a, t.SumOf)
    assert [p.factor for p in a.parts if isinstance(p, t.Scaled)] == [2.0, -1.0, -1.0]
    inner = a.parts[1]
    assert isinstance(inner, t.Scaled)
    assert isinstance(inner.of, t.Scaled)
    assert inner.of.factor == 0.25
    assert forward("cosine().H.H") == forward("cosine()")
    assert isinstance(forward("cosine().H"), t.Adjoint)


def test_the_adjoint_of_a_bound_name_is_that_of_its_operator() -> None:
    assert forward("C.H @ C\nC = cosine()") == forward("cosine().H @ cosine()")


def test_a_name_is_one_draw_however_often_it_is_used() -> None:
    e = experiment("M = mask(keep = 50%)\nforward A = M @ M\n" + NOISE)
    assert places(e) == ["binding.M/mask", "binding.M/mask"]
    local = experiment("forward A = M @ M {\n M = mask(keep = 50%)\n}\n" + NOISE)
    assert places(local) == ["forward.A.M/mask", "forward.A.M/mask"]


def test_two_words_are_two_draws() -> None:
    e = experiment("forward A = mask(keep = 50%) @ mask(keep = 50%)\n" + NOISE)
    assert sorted(places(e)) == ["forward.A/mask", "forward.A/mask#2"]


def test_places_do_not_depend_on_the_order_of_statements() -> None:
    two = ["prior l1(gaussian(rows = 4) @ flatten() @ x)", "prior sq(rademacher(rows = 4) @ flatten() @ x)"]
    pages = [experiment("forward A = identity()\n" + NOISE + "\n".join(p)) for p in (two, two[::-1])]
    found = [
        {part.place for p in e.formulation.priors for part in t.everything(p.energy) if isinstance(part, t.Leaf)}
        for e in pages
    ]
    assert found[0] == found[1] == {"", "prior.0/gaussian", "prior.1/rademacher"}


def test_the_order_of_statements_does_not_matter() -> None:
    lines = [
        "s = 2 * r",
        "r = 0.05",
        "forward A = K",
        "K = cosine()",
        "noise y ~ gaussian(A @ x, sigma = s)",
        "prior p",
        "p = sq(x)",
    ]
    one, other = experiment("\n".join(lines)), experiment("\n".join(reversed(lines)))
    assert one.formulation.operators == other.formulation.operators
    assert one.formulation.likelihoods == other.formulation.likelihoods
    assert one.formulation.priors == other.formulation.priors
    assert getattr(one.formulation.likelihoods[0].law, "sigma", None) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("weighted", "weight", "text"),
    [
        ("10 * tv(x)", 10.0, "10 * tv(x)"),
        ("tv(x) / 4", 0.25, "tv(x) / 4"),
        ("2 * (3 * tv(x))", 6.0, "2 * (3 * tv(x))"),
        ("tv(x)", 1.0, "tv(x)"),
        ("5 * p", 10.0, "10 * tv(x)"),
        ("p", 2.0, "2 * tv(x)"),
    ],
)
def test_weights_multiply_and_show_as_they_were_written(weighted: str, weight: float, text: str) -> None:
    bound = "p = 2 * tv(x)\n" if "p" in weighted else ""
    (prior,) = experiment(f"{bound}forward A = identity()\n{NOISE}prior {weighted}").formulation.priors
    assert prior.weight == pytest.approx(weight)
    assert prior.text == text


def test_a_sum_of_priors_shares_its_factor() -> None:
    priors = experiment(f"forward A = identity()\n{NOISE}prior 2 * (tv(x) + 3 * sq(x)) + l1(x)").formulation.priors
    assert [p.weight for p in priors] == [2.0, 6.0, 1.0]


def test_constants_are_computed_with_their_units() -> None:
    e = experiment(
        "param a = 2 * 3mm + 1cm\nparam b = sqrt(2)^2\nparam c = 8%\nparam d = [1, 2]\nparam e = 1e4\n"
        "param f = a / 2\nforward A = b * c * e * identity()\n" + NOISE
    )
    assert e.params["a"] == Quantity(pytest.approx(0.016), (1, 0, 0, 0, 0))
    assert e.params["b"] == pytest.approx(2.0)
    assert e.params["c"] == pytest.approx(0.08)
    assert e.params["d"] == [1.0, 2.0]


def test_a_param_may_hold_a_choice_or_a_word() -> None:
    e = experiment("param b = zero\nparam k = motion(length = 3)\nforward A = conv(k, boundary = b)\n" + NOISE)
    (leaf,) = [p for p in t.everything(e.formulation.operators["A"]) if isinstance(p, t.Leaf)]
    assert getattr(leaf.word, "boundary", "") == "zero"
    assert getattr(leaf.word, "kernel", None).word == "motion"


def test_names_of_pages_in_use(tmp_path: Path) -> None:
    (tmp_path / "deep.recon").write_text("recon 1\nk = conv(gaussian(width = w))\nw = 1.5\n")
    (tmp_path / "base.recon").write_text(
        'recon 1\nuse deep = "deep.recon"\nF = deep.k\nw = 3\nsmooth = w * tv(x)\nimage x : real[8, 8]\n'
    )
    page = (
        HEAD
        + 'use base = "./base.recon"\nw = 7\nforward A = base.F @ (w * identity())\n'
        + NOISE
        + "prior base.smooth\n"
    )
    e = load(page, "page.recon", tmp_path).experiment
    assert leaves(e.formulation.operators["A"]) == ["conv", "identity"]
    (kernel,) = [
        getattr(w.word, "kernel", None) for w in t.everything(e.formulation.operators["A"]) if isinstance(w, t.Leaf)
    ][:1]
    assert getattr(kernel, "width", None) == 1.5  # each page reads its own `w`
    assert e.formulation.priors[0].weight == 3.0
    assert list(e.formulation.unknowns) == ["x"]


def test_pages_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.recon").write_text('recon 1\nuse b = "b.recon"\n')
    (tmp_path / "b.recon").write_text('recon 1\nuse a = "a.recon"\n')
    with pytest.raises(SpecError) as e:
        load(HEAD + 'use a = "a.recon"\nforward A = identity()\n' + NOISE, "page.recon", tmp_path)
    assert [d.code for d in e.value.diagnostics] == ["RF004"]
    assert "a.recon → b.recon → a.recon" in e.value.diagnostics[0].message


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.recon").write_text("recon 1\nk = identity()\n")
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "link.recon").symlink_to(tmp_path / "outside.recon")
    with pytest.raises(SpecError) as e:
        load(HEAD + 'use a = "link.recon"\nforward A = a.k\n' + NOISE, "page.recon", folder)
    assert [d.code for d in e.value.diagnostics] == ["RF001"]


@pytest.mark.parametrize(
    ("first", "step", "count", "use"),
    [
        ("A0 = identity()", "A{i} = A{j} @ A{j}", 60, "forward A = A60"),
        ("A0 = identity()", "A{i} = A{j} + A{j}", 60, "forward A = A60"),
        ("A0 = identity()", "A{i} = A{j} @ A{j}", 16, "forward A = A16"),
        ("A0 = identity()", "A{i} = stack(A{j}, A{j})", 20, "forward A = A20"),
        ("A0 = 1", "A{i} = A{j} / A{j}", 59, "forward A = A59 * identity()"),
        ("A0 = 1", "A{i} = A{j}", 2000, "forward A = A2000 * identity()"),
        ("A0 = tv(x)", "A{i} = A{j} + A{j}", 40, "forward A = identity()\nprior A40"),
    ],
)
def test_names_that_contain_each_other_are_read_in_time(first: str, step: str, count: int, use: str) -> None:
    chain = "\n".join(step.format(i=i, j=i - 1) for i in range(1, count + 1))
    start = time.process_time()
    found = codes(f"{first}\n{chain}\n{use}\n{NOISE}")
    assert time.process_time() - start < 10
    assert set(found) <= {"RN023", "RN024"}


def test_a_long_chain_that_fits_is_read() -> None:
    chain = "\n".join(f"A{i} = A{i - 1}" for i in range(1, 100))
    assert leaves(experiment(f"A0 = cosine()\n{chain}\nforward A = A99\n{NOISE}").formulation.operators["A"]) == [
        "cosine"
    ]


def test_numbers_that_double_are_read_once() -> None:
    chain = "\n".join(f"p{i} = p{i - 1} + p{i - 1}" for i in range(1, 11))
    a = experiment(f"p0 = 1\n{chain}\nforward A = p10 * identity()\n{NOISE}").formulation.operators["A"]
    assert isinstance(a, t.Scaled)
    assert a.factor == 1024.0


def test_unused_names_are_read_whatever_they_are() -> None:
    body = "forward A = identity()\n" + NOISE
    unused = "a = conv(gaussian(width = 1))\nb = a\nc = b @ x\nd = 3 * tv(x)\ne = fista\nf = [1, 2]\ng = 0..1\n"
    found = load(HEAD + body + unused, "page.recon", Path()).findings
    assert [d.code for d in found if d.severity == "error"] == []
    assert [d.message for d in found if d.code == "RL012"] == [f"nothing uses `{n}`" for n in "abcdefg"]


def test_derived_quantities() -> None:
    head = "recon 1\ndata mix = cosines_and_spikes(cosines = 2, spikes = 3) { c = cosines; s = spikes }\n"
    e = experiment(
        "signal c : real[16]\nsignal s : real[16]\nx = D @ c + s\nD = cosine().H\nsmooth = l1(c) + l1(s)\nn = 3\n"
        "noise y ~ gaussian(n * x, sigma = 0.1)\nprior smooth\nmetrics [nmse(x)]",
        head,
    )
    f = e.formulation
    assert list(f.derived) == ["x"]
    assert t.unknowns_in(f.derived["x"]) == ["c", "s"]
    assert t.unknowns_in(f.likelihoods[0].law) == ["c", "s"]
    assert f.likelihoods[0].through is not None
    assert t.unknowns_in(f.likelihoods[0].through) == ["x"]
    assert getattr(e.metrics[0], "of", None) == t.Unknown("x")
    assert e.subjects == ("c", "s")


def test_a_method_may_derive_what_others_find() -> None:
    e = experiment(
        "forward A = mask(keep = 50%)\nnoise y ~ gaussian(A @ x, sigma = 0.1)\n"
        "method pixels { prior tv(x) }\n"
        "method table { unknown z : real[16, 16]; x = cosine().H @ z; prior l1(z) }\nmetrics [psnr(x)]\n"
    )
    assert list(e.methods["pixels"].unknowns) == ["x"]
    assert list(e.methods["table"].unknowns) == ["z"]
    assert list(e.methods["table"].derived) == ["x"]
    assert e.subjects == ("x",)
