"""Codes of spaces, problems and solvers, and of the lints."""

from __future__ import annotations

from .entry import Entry

_FIT = 'data fit = sample("*") { split = "train" }'
_TEST = 'data test = sample("camera")'
_LEARNED = "solver network(learned(dncnn()))"
_TRAIN = "train supervised() { data = fit; steps = 9 }"

CHECK: dict[str, Entry] = {
    "RC001": Entry(
        "An operator does not fit the space it acts on. The message names both, and the mark stands at the "
        "innermost operator that does not fit.",
        "image x : real[60, 60]\nprior l1(wavelet(levels = 4) @ x)",
        "image x : real[64, 64]\nprior l1(wavelet(levels = 4) @ x)",
    ),
    "RC002": Entry(
        "The parts of a sum lie in different spaces.",
        "signal c : real[64]\nsignal s : real[32]\n"
        "data d = cosines_and_spikes(cosines = 2, spikes = 2) { c = cosines; s = spikes }\n"
        "noise y ~ gaussian(c + s, sigma = 0.1)",
        "signal c : real[64]\nsignal s : real[64]\n"
        "data d = cosines_and_spikes(cosines = 2, spikes = 2) { c = cosines; s = spikes }\n"
        "noise y ~ gaussian(c + s, sigma = 0.1)",
    ),
    "RC010": Entry(
        "An exponent is a plain number. With a voxel size the line integral of a plain image is a length: the "
        "image needs the inverse unit.",
        "image x : real[64, 64] { voxel = 1mm }\nforward A = radon(views = 30)\nnoise y ~ poisson(1e4 * exp(-A @ x))",
        "image x : real[64, 64] { voxel = 1mm; unit = 1/mm }\ndata d = phantom() { x = image * 0.02/mm }\n"
        "forward A = radon(views = 30)\nnoise y ~ poisson(1e4 * exp(-A @ x))",
    ),
    "RC011": Entry(
        "The law knows its mean as a linear function of the unknown, or inside `exp` for counts, and not as "
        "another one.",
        "noise y ~ gaussian(exp(A @ x), sigma = 0.1)",
        "noise y ~ gaussian(A @ x, sigma = 0.1)",
    ),
    "RC012": Entry(
        "Counts are real numbers, so their mean cannot be complex.",
        "image x : complex[64, 64]\nnoise y ~ poisson(fft2() @ x)",
        "image x : complex[64, 64]\nnoise y ~ gaussian(fft2() @ x, sigma = 0.1)",
    ),
    "RC013": Entry(
        "Expected counts are not negative, and these always are.",
        "noise y ~ poisson(-1 * exp(-A @ x))",
        "noise y ~ poisson(1e4 * exp(-A @ x))",
    ),
    "RC014": Entry(
        "The set orders numbers, and complex numbers have no order.",
        "image x : complex[64, 64]\nprior x in 0..1",
        "image x : real[64, 64]\nprior x in 0..1",
    ),
    "RC015": Entry(
        "A law as a prior has a constant mean: its argument stands left of `~`.",
        "prior x ~ gaussian(A @ x, sigma = 1)",
        "prior x ~ gaussian(0, sigma = 1)",
    ),
    "RC016": Entry(
        "This law, or a law without a known width, is not known as a prior.",
        "prior x ~ poisson(3)",
        "prior x ~ gaussian(0, sigma = 1)",
    ),
    "RC017": Entry(
        "Energies, sets and laws act on linear functions of the unknown in this version of recon.",
        "prior l1(exp(x))",
        "prior l1(x)",
    ),
    "RC018": Entry(
        "The set does not fit the space of what is to lie in it, such as a sparse set with more nonzeros than entries.",
        "prior x in sparse(5000)",
        "prior x in sparse(500)",
    ),
    "RC020": Entry(
        "An operator stands in front of a constant. Operators act on the unknown; a constant is added behind them.",
        "forward A = cosine()\nnoise y ~ gaussian(A @ (x + 1), sigma = 0.1)",
        "forward A = cosine()\nnoise y ~ gaussian(A @ x + 1, sigma = 0.1)",
    ),
    "RC021": Entry(
        "A pointwise function stands inside a linear expression. In a mean it stands outermost.",
        "noise y ~ gaussian(A @ exp(x), sigma = 0.1)",
        "noise y ~ gaussian(A @ x, sigma = 0.1)",
    ),
    "RC022": Entry(
        "A mean and the argument of a prior are linear in the unknowns of the page.",
        "noise y ~ gaussian(A @ y, sigma = 0.1)",
        "noise y ~ gaussian(A @ x, sigma = 0.1)",
    ),
    "RC023": Entry(
        "A noise line or prior without an unknown says nothing about what is to be found.",
        "noise y ~ gaussian(0, sigma = 0.1)",
        "noise y ~ gaussian(A @ x, sigma = 0.1)",
    ),
    "RC024": Entry(
        "Numbers in a mean or a prior are plain. The unit of an unknown stands in its declaration.",
        "noise y ~ gaussian(A @ x + 3mm, sigma = 0.1)",
        "noise y ~ gaussian(A @ x + 3, sigma = 0.1)",
    ),
    "RC030": Entry(
        "Without a noise line and without a prior there is nothing to solve.",
        "image x : real[64, 64]  # and nothing else",
        "image x : real[64, 64]\nnoise y ~ gaussian(x, sigma = 0.1)",
    ),
    "RC031": Entry(
        "Every solver needs a gradient or a proximal map of each term. This term has neither.",
        "image x : real[64, 64]\nnoise y ~ poisson(x)  # and an energy without gradient and proximal map",
        "noise y ~ gaussian(A @ x, sigma = 0.1)",
    ),
    "RC032": Entry(
        "The solver cannot use one of the terms; both are marked. Without a `solver` line one that fits is chosen.",
        "prior 10 * tv(x)\nsolver cg(iterations = 30)",
        "prior 10 * tv(x)\nsolver pdhg(iterations = 30)",
    ),
    "RC033": Entry(
        "No noise line and no prior depends on this unknown, so nothing says what it is.",
        'image x : real[64, 64]\nimage z : real[64, 64]\ndata d = sample("camera") { x = image; z = image }',
        'image x : real[64, 64]\nimage z : real[64, 64]\ndata d = sample("camera") { x = image; z = image }\n'
        "noise y ~ gaussian(x + z, sigma = 0.1)",
    ),
    "RC040": Entry(
        "`simulate` replaces the noise lines of the page, and has none for this measurement.",
        "simulate { noise z ~ gaussian(A @ x, sigma = 0.1) }",
        "simulate { noise y ~ gaussian(A @ x, sigma = 0.2) }",
    ),
    "RC041": Entry(
        "The data do not hold the measurement, and it cannot be drawn from the law: a width is missing, the law "
        "is only a bound, or its operator is made from the measurement itself.",
        "noise y ~ gaussian(A @ x)",
        "noise y ~ gaussian(A @ x)\nsimulate { noise y ~ gaussian(A @ x, sigma = 0.1) }",
    ),
    "RC042": Entry(
        "The measurement is to be simulated, and the data do not hold everything it is simulated from.",
        "signal c : real[64]\nsignal s : real[64]\ndata d = sparse(nonzeros = 3) { ref = signal }\n"
        "noise y ~ gaussian(c + s, sigma = 0.1)",
        "signal c : real[64]\nsignal s : real[64]\n"
        "data d = cosines_and_spikes(cosines = 2, spikes = 2) { c = cosines; s = spikes }\n"
        "noise y ~ gaussian(c + s, sigma = 0.1)",
    ),
    "RC043": Entry(
        "With several unknowns `estimate` could be any of them: write the unknown's own name.",
        "signal c : real[64]\nsignal s : real[64]\n"
        "data d = cosines_and_spikes(cosines = 2, spikes = 2) { c = cosines; s = spikes }\n"
        "noise y ~ gaussian(c + s, sigma = 0.1)\nmetrics [mse(of = estimate)]",
        "signal c : real[64]\nsignal s : real[64]\n"
        "data d = cosines_and_spikes(cosines = 2, spikes = 2) { c = cosines; s = spikes }\n"
        "noise y ~ gaussian(c + s, sigma = 0.1)\nmetrics [mse(of = c)]",
    ),
    "RC044": Entry(
        "`samples` are drawn by samplers, and no solver of this page is one.",
        "report figure { show = [samples] }",
        "report figure { show = [estimate] }",
    ),
    "RC045": Entry(
        "A claim is about something the page measures.",
        "expect mean(psnr) >= 30dB",
        "metrics [psnr]\nexpect mean(psnr) >= 30dB",
    ),
    "RC046": Entry(
        "Metrics compare with the truth, and these data bind none: neither the unknown nor `ref`.",
        'data d = npy("y.npy") { y = array }\nmetrics [psnr]',
        'data d = npy("y.npy") { y = array }',
    ),
    "RC047": Entry(
        "A result of an unknown is asked of every method, and one of them does not have this unknown.",
        "method a { image z : real[64, 64]; noise y ~ gaussian(z, sigma = 0.1) }\nmethod b { solver adjoint }\n"
        "report figure { show = [x] }",
        "method b { solver adjoint }\nreport figure { show = [x] }",
    ),
    "RC048": Entry(
        "`auto` takes an extent from the data. Phantoms are drawn at the unknown's extents and have none of their own.",
        "image x : real[auto, auto]\ndata d = phantom() { x = image }",
        "image x : real[64, 64]\ndata d = phantom() { x = image }",
    ),
    "RC049": Entry(
        "Data may bind a derived quantity that is linear in the unknowns. Of one that is not, the space is not known.",
        "v = exp(-A @ x)\ndata d = phantom() { v = image }\nnoise y ~ poisson(1e4 * v)",
        "data d = phantom() { x = image }\nv = exp(-A @ x)\nnoise y ~ poisson(1e4 * v)",
    ),
    "RC050": Entry(
        "Results are laid out along methods, data, or params that a sweep varies.",
        "metrics [psnr]\nparam lam = 1\nprior lam * sq(x)\nreport table { rows = lam; cells = [mean(psnr)] }",
        "metrics [psnr]\nparam lam = 1\nprior lam * sq(x)\nsweep s { lam in [1, 2] }\n"
        "report table { rows = lam; cells = [mean(psnr)] }",
    ),
    "RC051": Entry(
        "Structural similarity and visual information slide windows over real images. Complex ones are compared by "
        "their magnitudes, and the windows fit into the image, at the coarsest of the scales too.",
        "image x : complex[64, 64]\nmetrics [ssim]",
        "image x : complex[64, 64]\nmetrics [ssim] { of = abs(estimate) }",
    ),
    "RC052": Entry(
        "Numbers are computed in the page's precision, which ends at about 1e38 (`float32`) or 1e308 (`float64`). "
        "Eight orders of magnitude are left for products and sums; widths of noise, weights, factors and ranges are "
        "squared and so reach half as far.",
        "noise y ~ gaussian(A @ x, sigma = 1e-20)",
        "noise y ~ gaussian(A @ x, sigma = 1e-2)",
    ),
    "RC053": Entry(
        "An array that is measured, or a dense matrix, could not be held in memory. The page is refused before "
        "anything is allocated.",
        "forward A = radon(views = 100000000)",
        "forward A = radon(views = 180)",
    ),
    "RC054": Entry(
        "The operator of a noise line sends everything to zero, so the data say nothing of the unknown.",
        "noise y ~ gaussian(0 * A @ x, sigma = 0.1)",
        "noise y ~ gaussian(2 * A @ x, sigma = 0.1)",
    ),
    "RC060": Entry(
        "Singular values, coherence and the like are those of one matrix, and this operator is another one for each "
        "value of the unknown that it depends on.",
        "image x : real[64, 64]\nimage k : real[5, 5] { init = gaussian(width = 1) }\n"
        'data d = sample("camera")\nforward A = conv(k)\nsimulate { forward A = conv(gaussian(width = 1)) }\n'
        "prior k in simplex\nprior 1 * sq(x)\nanalyze [norm(A)]",
        "image x : real[64, 64]\nimage k : real[5, 5] { init = gaussian(width = 1) }\n"
        'data d = sample("camera")\nforward A = conv(k)\nsimulate { forward A = conv(gaussian(width = 1)) }\n'
        "prior k in simplex\nprior 1 * sq(x)\nanalyze [norm(conv(gaussian(width = 1)))]",
    ),
    "RC061": Entry(
        "The analysis cannot be computed of this operator: it is too large, or has fewer columns or singular values "
        "than are asked for.",
        "image x : real[8, 8]\nanalyze [singular_values(A, count = 65)]",
        "image x : real[8, 8]\nanalyze [singular_values(A, count = 64)]",
    ),
    "RC062": Entry(
        "Two analyses of the page measure this number, so a claim or report would not say which it means.",
        "analyze [norm(A), norm(2 * A)]\nexpect max(norm) <= 1",
        "analyze [norm(A)]\nexpect max(norm) <= 1",
    ),
    "RC070": Entry(
        "Each number of a table or a curve belongs to one method and to one value of everything that is swept, or is "
        "an average that the page asks for: `over` names what it averages over. Seeds are averaged over anyway.",
        "param lam = 1\nprior lam * tv(x)\nsweep g { lam in [1, 2]; run.seed in 0..1 }\nmetrics [psnr]\n"
        "report table { rows = run.seed; cells = [mean(psnr)] }",
        "param lam = 1\nprior lam * tv(x)\nsweep g { lam in [1, 2]; run.seed in 0..1 }\nmetrics [psnr]\n"
        "report table { rows = lam; cells = [mean(psnr)] }",
    ),
    "RC071": Entry(
        "What a figure enlarges or cuts out lies outside of the image. Rows, columns and slices are counted from 0.",
        "image x : real[64, 64]\nreport figure { show = x; zoom = [40..64, 0..24] }",
        "image x : real[64, 64]\nreport figure { show = x; zoom = [40..63, 0..24] }",
    ),
    "RC083": Entry(
        "`learned(N)` is an architecture whose weights a `train` line of the page, or of the method, finds.",
        _LEARNED,
        f"{_FIT}\n{_TEST}\n{_LEARNED}\n{_TRAIN}",
    ),
    "RC084": Entry(
        "`train` finds the weights of what is `learned`, and here nothing is.",
        f"{_FIT}\n{_TEST}\nsolver adjoint\n{_TRAIN}",
        f"{_FIT}\n{_TEST}\n{_LEARNED}\n{_TRAIN}",
    ),
    "RC085": Entry(
        "Supervised training compares the answer with the truth, so its data bind the unknown.",
        f'data fit = npy("y.npy") {{ ref = array }}\n{_TEST}\n{_LEARNED}\n{_TRAIN}',
        f"{_FIT}\n{_TEST}\n{_LEARNED}\n{_TRAIN}",
    ),
    "RC086": Entry(
        "A run reconstructs the data that nothing trains on, or those that `validate` names where there are no others.",
        f"{_FIT}\n{_LEARNED}\n{_TRAIN}",
        f"{_FIT}\n{_TEST}\n{_LEARNED}\n{_TRAIN}",
    ),
    "RC087": Entry(
        "Patches are parts of pictures that were brought to the unknown's extents. With `auto` extents pictures keep "
        "their own. A network that halves extents is trained on those that it can halve so often; `recon explain` of "
        "its word tells of which number they are multiples. Later it takes any, which are padded.",
        f"{_FIT}\n{_TEST}\n{_LEARNED}\ntrain supervised() {{ data = fit; steps = 9; patches = 80 }}",
        f"{_FIT}\n{_TEST}\n{_LEARNED}\ntrain supervised() {{ data = fit; steps = 9; patches = 32 }}",
    ),
    "RC088": Entry(
        "A conditional network, such as `drunet`, takes the noise level beside the image, and `sigma`, `snr` or `psnr` "
        "of a Gaussian noise line says it.",
        f"{_FIT}\n{_TEST}\nnoise y ~ laplace(A @ x, scale = 0.1)\nsolver network(learned(drunet()))\n{_TRAIN}",
        f"{_FIT}\n{_TEST}\nsolver network(learned(drunet()))\n{_TRAIN}",
    ),
    "RC089": Entry(
        "Weights come with a contract, `config.json`, which says what images they are for: how many channels, real or "
        "complex, on which grid. Any extents do, since images are padded; channels are taken together or one by one, "
        "slices of volumes and frames of sequences one by one.",
        'weights w = folder("colour-weights")\nsolver network(w)',
        'weights w = folder("gray-weights")\nsolver network(w)',
    ),
    "RL001": Entry(
        "The data are simulated by the very operator and grid that then reconstruct them. Errors of the model "
        "never show, so results look better than they would on real data (Heckel 2024, 14.2). A note; a warning "
        "where a claim rests on it.",
        "noise y ~ gaussian(A @ x, sigma = 0.1)",
        "simulate { image x : real[128, 128]; noise y ~ gaussian(downsample(2, kind = average) @ x, sigma = 0.1) }",
    ),
    "RL002": Entry(
        "Fewer numbers are measured than are unknown, so many solutions fit the data equally well; nothing says "
        "which one is meant.",
        "forward A = mask(keep = 30%)",
        "forward A = mask(keep = 30%)\nprior 10 * tv(x)",
    ),
    "RL003": Entry(
        "PSNR and SSIM depend on the range of the data. Without a stated one the range of each truth is taken, and "
        "numbers of different pages cannot be compared.",
        "signal x : real[64]\ndata d = sparse(nonzeros = 3)\nmetrics [psnr]",
        "signal x : real[64]\ndata d = sparse(nonzeros = 3)\nmetrics [psnr(range = 4)]",
    ),
    "RC019": Entry(
        "A denoiser takes images as it was made or trained for: one unknown itself, with rows and columns, and as many "
        "planes as the weights are for.",
        "prior diff(axis = row) @ x ~ denoiser(tv)\nsolver admm { sigma = 0.1 }",
        "prior x ~ denoiser(tv)\nsolver admm { sigma = 0.1 }",
    ),
    "RC036": Entry(
        "A denoiser is told how much noise to take away, and only the page can say: `sigma` of the solver, a number or "
        "a schedule in the unit of the unknown. The penalty of splittings follows from it.",
        "prior x ~ denoiser(tv)\nsolver admm",
        "prior x ~ denoiser(tv)\nsolver admm(iterations = 30) { sigma = geometric(0.2, 0.02) }",
    ),
    "RC037": Entry(
        "Beyond the noise that it was trained on, a network does what nobody has seen. Levels are in the unit of the "
        "unknown, whose declared `range` is brought to that of the network.",
        'weights dn = zoo("denoiser-gray")\nprior x ~ denoiser(dn)\nsolver admm { sigma = 3 }',
        'weights dn = zoo("denoiser-gray")\nprior x ~ denoiser(dn)\nsolver admm { sigma = 0.1 }',
    ),
    "RC038": Entry(
        "`sigma` of a solver is the strength of a denoiser, and here is none.",
        "prior 10 * tv(x)\nsolver pdhg { sigma = 0.1 }",
        "prior x ~ denoiser(tv)\nsolver pdhg { sigma = 0.1 }",
    ),
    "RC039": Entry(
        "One number follows from the other: the penalty of a splitting is the weight of the law over sigma^2, and in "
        "`ista` and `fista`, which choose a step, the weight is sigma^2 over it.",
        "prior x ~ denoiser(tv)\nsolver admm { sigma = 0.1; rho = 3 }",
        "prior x ~ denoiser(tv)\nsolver admm { sigma = 0.1 }",
    ),
    "RC034": Entry(
        "`alternate` finds one unknown at a time, where an operator takes another unknown as a parameter: there no "
        "solver can find all of them together, and elsewhere every solver does.",
        "image x : real[64, 64]\nimage k : real[5, 5] { init = gaussian(width = 1) }\n"
        'data d = sample("camera")\nforward A = conv(k)\nsimulate { forward A = conv(gaussian(width = 1)) }\n'
        "prior k in simplex\nsolver fista",
        "image x : real[64, 64]\nimage k : real[5, 5] { init = gaussian(width = 1) }\n"
        'data d = sample("camera")\nforward A = conv(k)\nsimulate { forward A = conv(gaussian(width = 1)) }\n'
        "prior k in simplex\nprior 1 * sq(x)\nsolver alternate(rounds = 10)",
    ),
    "RC035": Entry(
        "Where an operator takes an unknown as a parameter, a term holds one unknown behind that operator and others "
        "as parameters, so that each can be found while the others are held.",
        "image x : real[64, 64]\nimage k : real[5, 5] { init = gaussian(width = 1) }\n"
        'data d = sample("camera")\nforward A = conv(k)\nsimulate { forward A = conv(gaussian(width = 1)) }\n'
        "prior k in simplex\nprior 1 * sq(conv(k) @ conv(k) @ k)",
        "image x : real[64, 64]\nimage k : real[5, 5] { init = gaussian(width = 1) }\n"
        'data d = sample("camera")\nforward A = conv(k)\nsimulate { forward A = conv(gaussian(width = 1)) }\n'
        "prior k in simplex\nprior 1 * sq(x)",
    ),
    "RC080": Entry(
        "A rule finds one weight for each row. Two at once would need a search in two directions, whose answer no rule "
        "here defines.",
        "prior auto(sure) * tv(x)\nprior auto(sure) * l1(x)",
        "param lam = auto(sure)\nprior lam * tv(x)\nprior 0.1 * lam * l1(x)",
    ),
    "RC081": Entry(
        "The rule needs something that this page does not have: the level of Gaussian noise, a data term with values, "
        "a prior with a weight, or a solver that the weight matters to.",
        "noise y ~ gaussian(A @ x)\nprior auto(discrepancy) * tv(x)",
        "noise y ~ gaussian(A @ x, sigma = 0.1)\nprior auto(discrepancy) * tv(x)",
    ),
    "RC082": Entry(
        "`validation` compares reconstructions with truths, so its data bind the unknown; and they serve for nothing "
        "else, so there are others to reconstruct.",
        'data d = sample("camera")\nprior auto(validation(data = d)) * tv(x)',
        'data d = sample("camera")\ndata v = sample("brick")\nprior auto(validation(data = v)) * tv(x)',
    ),
    "RL010": Entry(
        "A prior with the weight zero does nothing, and neither does one of an operator that is zero.",
        "prior 0 * tv(x)",
        "prior 10 * tv(x)",
    ),
    "RL011": Entry(
        "Expected counts are not negative, and nothing on the page makes sure that these are not.",
        "noise y ~ poisson(A @ x)",
        "noise y ~ poisson(A @ x)\nprior x in nonnegative",
    ),
    "RL012": Entry(
        "The name is bound and nothing uses it. It may be a leftover, or its use a typo.",
        "param lam = 3\nprior 3 * sq(x)",
        "param lam = 3\nprior lam * sq(x)",
    ),
    "RL013": Entry(
        "No noise line depends on this unknown: the data say nothing of it, and its estimate is what its prior "
        "likes best.",
        'image x : real[64, 64]\nimage z : real[64, 64]\ndata d = sample("camera") { x = image; z = image }\n'
        "prior sq(z)\nmetrics [psnr(x)]",
        'image x : real[64, 64]\nimage z : real[64, 64]\ndata d = sample("camera") { x = image; z = image }\n'
        "noise y ~ gaussian(x + z, sigma = 0.1)\nprior sq(z)\nmetrics [psnr(x)]",
    ),
    "RL014": Entry(
        "Only the product of the two unknowns is measured, so one can grow while the other falls. A set for one of "
        "them, such as the simplex for a kernel, or an energy for each fixes the scale.",
        "image x : real[64, 64]\nimage k : real[5, 5] { init = gaussian(width = 1) }\n"
        'data d = sample("camera")\nforward A = conv(k)\nsimulate { forward A = conv(gaussian(width = 1)) }\n'
        "prior 1 * sq(x)",
        "image x : real[64, 64]\nimage k : real[5, 5] { init = gaussian(width = 1) }\n"
        'data d = sample("camera")\nforward A = conv(k)\nsimulate { forward A = conv(gaussian(width = 1)) }\n'
        "prior k in simplex\nprior 1 * sq(x)",
    ),
    "RL015": Entry(
        "So many entries may differ from zero that they fit any data, whatever their places: nothing is learned about "
        "the support.",
        "forward A = gaussian(rows = 100) @ flatten()\nprior x in sparse(200)",
        "forward A = gaussian(rows = 400) @ flatten()\nprior x in sparse(50)",
    ),
    "RL016": Entry(
        "Scores on pictures that a network was trained on say little of others.",
        f'{_FIT}\ndata test = sample("moon")\n{_LEARNED}\n{_TRAIN}',
        f"{_FIT}\n{_TEST}\n{_LEARNED}\n{_TRAIN}",
    ),
    "RL017": Entry(
        "What training is watched on is trained on too, so that it looks well however badly others would.",
        f'{_FIT}\n{_TEST}\ndata val = sample("moon")\n{_LEARNED}\n'
        "train supervised() { data = fit; validate = val; steps = 9 }",
        f'{_FIT}\n{_TEST}\ndata val = sample("*") {{ split = "test" }}\n{_LEARNED}\n'
        "train supervised() { data = fit; validate = val; steps = 9 }",
    ),
    "RL020": Entry(
        "The solver runs on this problem without the guarantee that it has on others.",
        "noise y ~ poisson(1e4 * exp(-A @ x))\nsolver heavy_ball(iterations = 30)",
        "noise y ~ poisson(1e4 * exp(-A @ x))\nsolver nesterov(iterations = 30)",
    ),
}
