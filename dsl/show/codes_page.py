"""Codes of statements, names and files."""

from __future__ import annotations

from .entry import Entry

PAGE: dict[str, Entry] = {
    "RF001": Entry(
        "A spec reads files of its own folder only, links followed: a page from somebody else cannot look around.",
        'data d = npy("../secret.npy")',
        'data d = sample("camera")',
    ),
    "RF002": Entry(
        "The file is not there, or cannot be read, or is a folder or a pipe. Names are relative to the folder of the "
        "spec.",
        'data d = npy("missing.npy")',
        'data d = sample("camera")',
    ),
    "RF003": Entry(
        "A page in use is named by a text.",
        "use base = page",
        'use base = "./base.recon"',
    ),
    "RF004": Entry(
        "Pages use each other in a circle, or more than sixteen deep.",
        'use me = "./page.recon"  # on page.recon itself',
        'use base = "./base.recon"',
    ),
    "RF005": Entry(
        "The page in use does not parse. Its own errors follow.",
        'use base = "./broken.recon"',
        'use base = "./base.recon"',
    ),
    "RF006": Entry(
        "A page that publishes itself must run elsewhere and mean the same: its data and weights have a commit on the "
        "Hub, or install with recon. Files of the page's own folder are known to this machine alone.",
        'data d = npy("y.npy") { y = array }\npublish "hf://owner/name" { license = "mit" }',
        'data d = sample("camera")\npublish "hf://owner/name" { license = "mit" }',
    ),
    "RF007": Entry(
        "What a folder of weights says of them does not hold, or is not to be read: its `config.json` names a network "
        "or an option that there is not, or contradicts the network or the file beside it. `recon zoo verify` looks at "
        "all of it.",
        'weights w = folder("broken-weights")\nsolver network(w)',
        'weights w = folder("gray-weights")\nsolver network(w)',
    ),
    "RN001": Entry(
        "A statement begins with its kind, and edition 1 has a closed list of kinds. Words such as `fista` are not "
        "kinds: they stand behind one.",
        "fista { iterations = 60 }",
        "solver fista { iterations = 60 }",
    ),
    "RN002": Entry(
        "A `method` replaces unknowns, `forward`, `noise`, `prior`, `solver` and `train`; `simulate` replaces "
        "unknowns, `forward` and `noise`. Everything else belongs to the page.",
        "method a { metrics [psnr]; solver adjoint }",
        "metrics [psnr]\nmethod a { solver adjoint }",
    ),
    "RN003": Entry(
        "Each kind of statement has one shape: with a name and `=`, with a name and `:`, with a value alone, or "
        "with a body. The message shows the one that is meant.",
        "forward identity()",
        "forward A = identity()",
    ),
    "RN004": Entry(
        "This statement has no options, so it takes no body.",
        'experiment "e" { seed = 1 }',
        'experiment "e"\nrun { seed = 1 }',
    ),
    "RN005": Entry(
        "The body of most statements holds `name = value`; that of a sweep holds `name in [...]`; those of "
        "`method` and `simulate` hold statements.",
        "param lam = 1\nsweep s { lam = [1, 2] }",
        "param lam = 1\nsweep s { lam in [1, 2] }",
    ),
    "RN010": Entry(
        "An expression alone says nothing: a statement gives it a kind, or `name = expression` a name.",
        "method a { x in 0..1 }",
        "method a { prior x in 0..1 }",
    ),
    "RN011": Entry(
        "A name stands for one thing. Order does not matter on a page, so a second binding cannot replace the "
        "first; inside a `method` it can.",
        "F = identity()\nF = cosine()",
        "F = identity()\nG = cosine()",
    ),
    "RN012": Entry(
        "`auto`, `learned`, `true` and `false` mean the same on every page.",
        "param auto = 3",
        "param automatic = 3",
    ),
    "RN013": Entry(
        "A page has one of these statements. Several solvers are compared by methods, several metrics stand in one "
        "list, and a run is logged once to each tracker.",
        "solver adjoint\nsolver pseudo_inverse",
        "method a { solver adjoint }\nmethod b { solver pseudo_inverse }",
    ),
    "RN014": Entry(
        "A local name of a body is there to be used in that statement. One that nothing uses is most often an "
        "option with a typo.",
        "metrics [psnr] { off = abs(estimate) }",
        "metrics [psnr] { of = abs(estimate) }",
    ),
    "RN015": Entry(
        "Left of `=` in a `data` body stands an unknown of the page, a measured name of a noise line, or `ref`.",
        'data d = sample("camera") { z = image }',
        'data d = sample("camera") { x = image }',
    ),
    "RN016": Entry(
        "A source with one column binds the only unknown by itself. With several unknowns or columns the page says "
        "which column is which.",
        "signal c : real[64]\nsignal s : real[64]\ndata d = cosines_and_spikes(cosines = 2, spikes = 2)\n"
        "noise y ~ gaussian(cosine().H @ c + s, sigma = 0.1)",
        "signal c : real[64]\nsignal s : real[64]\n"
        "data d = cosines_and_spikes(cosines = 2, spikes = 2) { c = cosines; s = spikes }\n"
        "noise y ~ gaussian(cosine().H @ c + s, sigma = 0.1)",
    ),
    "RN017": Entry(
        "Nothing on the page has this name: no unknown, no measurement, no param, no binding.",
        "param lam = 3\nprior lan * sq(x)",
        "param lam = 3\nprior lam * sq(x)",
    ),
    "RN018": Entry(
        "Right of `=` in a `data` body stand columns of the source, and this source has no such column.",
        'data d = sample("camera") { x = picture }',
        'data d = sample("camera") { x = image }',
    ),
    "RN019": Entry(
        "`ref` is something to score against where the unknown itself is not known. Data that bind the unknown "
        "need none.",
        'data d = sample("camera") { x = image; ref = image }',
        'data d = sample("camera") { x = image }',
    ),
    "RN020": Entry(
        "Each of these names is defined by the next and the last by the first, so none has a value.",
        "a = b @ identity()\nb = a @ identity()\nforward A = a",
        "a = identity()\nb = a @ identity()\nforward A = b",
    ),
    "RN021": Entry(
        "A name takes the kind of the place where it is used. Used in places of two kinds it would mean two things.",
        "g = gaussian(width = 2)\nforward A = conv(g)\nnoise y ~ gaussian(g @ x, sigma = 0.1)",
        "g = gaussian(width = 2)\nforward A = conv(g)\nnoise y ~ gaussian(A @ x, sigma = 0.1)",
    ),
    "RN022": Entry(
        "A name of the page may not hide a word of the kind it is used as: a reader could not tell which is meant.",
        "fft2 = cosine()\nforward A = fft2",
        "C = cosine()\nforward A = C",
    ),
    "RN023": Entry(
        "Bindings are put in where they are used. Some that hold each other several times grow beyond any use.",
        "a = identity() @ identity()\nb = a @ a  # and so on, fifteen times\nforward A = b @ b",
        "forward A = identity()",
    ),
    "RN024": Entry(
        "Names that use names that use names: more than a hundred levels of them can no longer be followed.",
        "a = identity() + identity()\nb = a + a  # and so on, a hundred and thirty times\nforward A = b",
        "forward A = 2 * identity()",
    ),
    "RN026": Entry(
        "With `rows = measurements` all rows of the data measure one unknown. All data of a page have rows of one "
        "sort.",
        "image x : complex[64, 64]\nforward A = coils(maps = g)\n"
        'data a = npy("y.npy") { x = array; g = array; rows = measurements }\n'
        'data b = npy("y.npy") { x = array; g = array }',
        "image x : complex[64, 64]\nforward A = coils(maps = g)\n"
        'data a = npy("y.npy") { x = array; g = array }\ndata b = npy("y.npy") { x = array; g = array }',
    ),
    "RN027": Entry(
        "An operator takes a value that data bind for each row, and some data of the page do not say what it is.",
        "image x : complex[64, 64]\nforward A = coils(maps = g)\n"
        'data a = npy("y.npy") { x = array; g = array }\ndata b = npy("y.npy") { x = array }',
        'image x : complex[64, 64]\nforward A = coils(maps = g)\ndata a = npy("y.npy") { x = array; g = array }',
    ),
    "RN030": Entry(
        "`--set` and sweeps change what the page has: a param, a binding, a named statement, or an option such as "
        "`solver.iterations` and `run.seed`.",
        "param lam = 1\nsweep s { lan in [1, 2] }",
        "param lam = 1\nsweep s { lam in [1, 2] }",
    ),
    "RS101": Entry(
        "An unknown is declared with its field of numbers and its extents: `real[...]` or `complex[...]`.",
        "image x : [64, 64]",
        "image x : real[64, 64]",
    ),
    "RS102": Entry(
        "A `signal` has one extent, an `image` two (rows, columns), a `volume` three (z, rows, columns); `unknown` "
        "takes one to three. Channels and frames are options of the body.",
        "image x : real[3, 64, 64]",
        "image x : real[64, 64] { channels = 3 }",
    ),
    "RS103": Entry(
        "An extent is a whole number from 1 on, or `auto` where the data say it. A page whose unknown could not be "
        "held in memory is refused before anything is allocated.",
        "image x : real[64, 0.5]",
        "image x : real[64, 32]",
    ),
    "RS104": Entry(
        "`voxel` is one length for all axes, or a list with one length for each.",
        "image x : real[64, 64] { voxel = [1mm, 1mm, 2mm] }",
        "image x : real[64, 64] { voxel = [1mm, 2mm] }",
    ),
    "RS105": Entry(
        "A noise line says which law the measurement follows, given what would be measured without noise.",
        "noise gaussian(A @ x, sigma = 0.1)",
        "noise y ~ gaussian(A @ x, sigma = 0.1)",
    ),
    "RS106": Entry(
        "Left of `~` stands the name of the measurement, or a function or an operator applied to it.",
        "noise 2 ~ gaussian(A @ x, sigma = 0.1)",
        "noise y ~ gaussian(A @ x, sigma = 0.1)",
    ),
    "RS107": Entry(
        "A claim bounds a measure from one side, so that `recon run` can say whether it holds.",
        "metrics [psnr]\nexpect mean(psnr) == 30dB",
        "metrics [psnr]\nexpect mean(psnr) >= 30dB",
    ),
    "RS108": Entry(
        "A metric has a value for each row of the data; a claim is about one number, so it names the statistic: "
        "mean, max, min, median, std.",
        "metrics [psnr]\nexpect psnr >= 30dB",
        "metrics [psnr]\nexpect min(psnr) >= 30dB",
    ),
    "RS109": Entry(
        "An axis of a sweep takes the values of a list, or of a range of plain numbers; a range of integers "
        "includes both ends. Quantities are written as a list.",
        "param keep = 50%\nsweep s { keep in 30% }",
        "param keep = 50%\nsweep s { keep in [30%, 50%] }",
    ),
    "RS110": Entry(
        "Each value of a sweep makes cells of its own. The same value twice would make two cells that no report "
        "could tell apart.",
        "param lam = 1\nprior lam * sq(x)\nsweep s { lam in [1, 1.0] }",
        "param lam = 1\nprior lam * sq(x)\nsweep s { lam in [1, 2] }",
    ),
    "RS111": Entry(
        "A page is published to a model of the Hub, `hf://owner/name`: each run makes a commit of its own there, so "
        "the address has none.",
        'publish "hf://owner/name@main" { license = "mit" }',
        'publish "hf://owner/name" { license = "mit" }',
    ),
}
