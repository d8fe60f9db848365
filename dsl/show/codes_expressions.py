"""Codes of words, kinds and constants."""

from __future__ import annotations

from .entry import Entry

EXPRESSIONS: dict[str, Entry] = {
    "RK001": Entry(
        "Every place expects one kind of expression: an operator, a value, an energy, a law, a number. The name "
        "stands for another kind.",
        "forward A = x",
        "forward A = identity()",
    ),
    "RK002": Entry(
        "An expression of this shape cannot be of the kind that its place expects.",
        'forward A = "identity"',
        "forward A = identity()",
    ),
    "RK003": Entry(
        "`*` and `/` scale by a number. Operators are composed, and applied to values, by `@`.",
        "image x : complex[64, 64]\nforward A = cartesian() * fft2()",
        "image x : complex[64, 64]\nforward A = cartesian() @ fft2()\nprior sq(x)",
    ),
    "RK004": Entry(
        "The only member of an operator is its adjoint, `A.H`.",
        "noise y ~ gaussian(A.T @ x, sigma = 0.1)",
        "noise y ~ gaussian(A.H @ x, sigma = 0.1)",
    ),
    "RK005": Entry(
        "Left of the dot stands a method of this page, or the prefix of a page in use.",
        "report figure { show = [smooth.estimate] }",
        "method smooth { prior sq(x) }\nreport figure { show = [smooth.estimate] }",
    ),
    "RK006": Entry(
        "Brackets behind a name give a word its options, or apply a pointwise function; an operator acts by `@`.",
        "noise y ~ gaussian(A(x), sigma = 0.1)",
        "noise y ~ gaussian(A @ x, sigma = 0.1)",
    ),
    "RK007": Entry(
        "The weight of a prior is not negative: a negative one rewards what the prior should forbid, and the "
        "problem has no minimum in general.",
        "prior -2 * sq(x)",
        "prior 2 * sq(x)",
    ),
    "RK010": Entry(
        "`auto`, `estimate` and `learned` stand for a value that comes later, and only in the options that take them.",
        "prior learned * sq(x)",
        "prior 3 * sq(x)",
    ),
    "RK014": Entry(
        "`learned(N)` trains an architecture; weights that a page names are kept as they are, and some networks need "
        "none.",
        'weights w = "hf://owner/name@0123456789abcdef0123456789abcdef01234567"\n'
        "analyze [jacobian_spectrum(learned(w))]",
        "analyze [jacobian_spectrum(conv_generator(kernel = triangle(radius = 12)))]",
    ),
    "RK015": Entry(
        "A noise line says how measurements spread about their mean; a denoiser speaks of unknowns, as a prior.",
        "noise y ~ denoiser(tv)",
        "prior x ~ denoiser(tv)\nsolver admm { sigma = 0.1 }",
    ),
    "RT001": Entry(
        "A constant is made of numbers, quantities, texts, lists, ranges and arithmetic.",
        "noise y ~ gaussian(A @ x, sigma = gaussian(3))",
        "noise y ~ gaussian(A @ x, sigma = 3)",
    ),
    "RT002": Entry(
        "The letters behind the number are no unit of the language.",
        "image x : real[64, 64] { voxel = 1mn }",
        "image x : real[64, 64] { voxel = 1mm }",
    ),
    "RT003": Entry(
        "Quantities of different dimensions cannot be added, compared or used in each other's place: a length is "
        "no angle.",
        "param a = 1mm + 2deg",
        "param a = 1mm + 2um",
    ),
    "RT004": Entry(
        "The result is not a finite number: a division by zero, or an overflow.",
        "param a = 1 / 0",
        "param a = 1 / 2",
    ),
    "RT005": Entry(
        "A number is needed, and something else stands there.",
        'param a = 1 + "2"',
        "param a = 1 + 2",
    ),
    "RT006": Entry(
        "The range is empty or endless: its step leads away from its end, it has more than a million values, or a "
        "box is the wrong way round.",
        "prior x in 1..0",
        "prior x in 0..1",
    ),
    "RT007": Entry(
        "A series as a list is written `geometric(first, last, count = 10)` or `linear(first, last, count = 10)`; "
        "a geometric one goes between positive numbers.",
        "param lam = 1\nsweep s { lam in geometric(0, 10, count = 3) }",
        "param lam = 1\nsweep s { lam in geometric(1, 10, count = 3) }",
    ),
    "RV001": Entry(
        "No word of the kind that this place expects has that name. `recon explain` lists the words that there are.",
        "forward A = ffft2()",
        "image x : complex[64, 64]\nforward A = fft2()",
    ),
    "RV002": Entry(
        "The word has no such option. `recon explain WORD` lists its options.",
        "solver cg(iteratons = 60)",
        "solver cg(iterations = 60)",
    ),
    "RV003": Entry(
        "More arguments than the word has options. Arguments without a name fill the options in their order.",
        "forward A = downsample(2, stride, 1)",
        "forward A = downsample(2, stride)\nprior sq(x)",
    ),
    "RV004": Entry(
        "An option has one value. Given in the brackets and in the body, nobody could tell which counts.",
        "solver cg(iterations = 60) { iterations = 80 }",
        "solver cg { iterations = 80 }",
    ),
    "RV005": Entry(
        "The two options say the same thing in two ways, and could contradict each other.",
        "noise y ~ gaussian(A @ x, sigma = 0.1, snr = 20dB)",
        "noise y ~ gaussian(A @ x, sigma = 0.1)",
    ),
    "RV006": Entry(
        "The option takes one of a few words.",
        "image x : complex[64, 64]\nforward A = fft2(norm = orto)",
        "image x : complex[64, 64]\nforward A = fft2(norm = ortho)",
    ),
    "RV007": Entry(
        "The word has an option without a default, and the page does not give it.",
        "forward A = conv()",
        "forward A = conv(gaussian(width = 2))",
    ),
    "RV008": Entry(
        "The number lies outside the bounds of this option. `recon explain WORD` shows them.",
        "noise y ~ gaussian(A @ x, sigma = -0.1)",
        "noise y ~ gaussian(A @ x, sigma = 0.1)",
    ),
    "RV009": Entry(
        "The value is of another type than this option takes, or of another dimension: a text for a number, a "
        "plain number for an angle.",
        "forward A = conv(motion(length = 9, angle = 30))",
        "forward A = conv(motion(length = 9, angle = 30deg))",
    ),
}
