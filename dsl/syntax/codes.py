"""The errors of syntax, code by code, as `recon explain CODE` tells them."""

from __future__ import annotations


def _entry(text: str, wrong: str, right: str) -> str:
    def block(title: str, code: str) -> str:
        return f"{title}\n" + "\n".join("  " + line for line in code.split("\n"))

    return f"{text}\n\n{block('wrong:', wrong)}\n{block('right:', right)}"


CODES: dict[str, str] = {
    "RS001": _entry(
        "The first statement of a page says the edition of the language it is written in, once. It lets a later "
        "version of recon read the page as it was meant.",
        "image x : real[64, 64]",
        "recon 1\nimage x : real[64, 64]",
    ),
    "RS002": _entry(
        "`recon` takes the number of an edition that this version knows, and stands alone on its line. A page of a "
        "later edition needs a later version of recon.",
        "recon 99",
        "recon 1",
    ),
    "RS003": _entry(
        "The character is no part of the language. Outside texts and comments a page is made of names (letters a to z "
        "and A to Z, digits, `_`), numbers, texts in double quotes and the signs of the language.",
        "λ = 0.1\nfilter = 'hann'",
        'lam = 0.1\nfilter = "hann"',
    ),
    "RS004": _entry(
        "A text begins and ends with a double quote on one line. A line end inside it is written `\\n`.",
        'experiment "knee',
        'experiment "knee"',
    ),
    "RS005": _entry(
        'A backslash in a text begins one of four escapes: `\\"`, `\\\\`, `\\n` and `\\t`. A backslash itself is '
        "`\\\\`; paths are written with `/`.",
        'data d = folder("scans\\knee")',
        'data d = folder("scans/knee")',
    ),
    "RS006": _entry(
        "A number is digits, perhaps a decimal point with digits on both sides, perhaps an exponent; a unit of "
        "letters, `%` or `°` may touch it. Digits are not grouped.",
        "a = .5\nb = 4.\nc = 10_000",
        "a = 0.5\nb = 4.0\nc = 1e4",
    ),
    "RS007": _entry(
        "Numbers are floats of 64 bits and reach about 1.8e308; a larger one is refused instead of becoming infinite.",
        "a = 1e999",
        "a = 1e300",
    ),
    "RS008": _entry(
        "A bracket is open when the statement ends. Inside ( ) and [ ] a line end does not end the statement, so the "
        "error stands where the bracket opens; a name in column 1 always begins a new statement.",
        "solver fista(iterations = 60\nmetrics [psnr]",
        "solver fista(iterations = 60)\nmetrics [psnr]",
    ),
    "RS009": _entry(
        "A closing bracket closes nothing, or another kind of bracket than the one open there.",
        "metrics [psnr, ssim)",
        "metrics [psnr, ssim]",
    ),
    "RS010": _entry(
        "Two values stand side by side. An operator is applied with `@`, a number scales with `*`, a word is called "
        "with brackets that touch it, and values in brackets are separated by commas.",
        "noise y ~ gaussian(A x)\nk = 2 x",
        "noise y ~ gaussian(A @ x)\nk = 2 * x",
    ),
    "RS011": _entry(
        "A sign such as `=`, `,` or `@` has nothing on one side.",
        "forward A =\nnoise y ~ gaussian(A @ x, )",
        "forward A = identity()\nnoise y ~ gaussian(A @ x)",
    ),
    "RS012": _entry(
        "A statement begins with its kind and a blank. A bracket that touches a name calls it or gives it extents, and "
        "that is an expression, which stands behind a kind.",
        "metrics[psnr]\nfista(iterations = 60)",
        "metrics [psnr]\nsolver fista(iterations = 60)",
    ),
    "RS013": _entry(
        "In a call the arguments without a name come first.",
        "solver fista(iterations = 60, 0.1)",
        "solver fista(iterations = 60, step = 0.1)",
    ),
    "RS014": _entry(
        "A call gives one name two values.",
        "solver fista(iterations = 60, iterations = 80)",
        "solver fista(iterations = 80)",
    ),
    "RS015": _entry(
        "A statement begins with its kind: `kind [name (= or :)] [expression] [{ body }]`. An expression alone says "
        "nothing; only `name = expression` stands without a kind, and `path in choices` in a body.",
        "x in 0..1",
        "prior x in 0..1",
    ),
    "RS016": _entry(
        "Another sign is meant: `=` gives a name its value, `:` stands between an unknown and its space, `==` "
        "compares, `^` is the power and `#` begins a comment.",
        "solver fista(iterations: 60)\nk = 2**3",
        "solver fista(iterations = 60)\nk = 2^3",
    ),
    "RS017": _entry(
        "Comparisons, `~`, `in` and ranges join two values and no more. `by` belongs to a range.",
        "expect 30dB <= mean(psnr) <= 40dB\nt = 0..1..10",
        "expect mean(psnr) >= 30dB\nexpect mean(psnr) <= 40dB\nt = 0..10 by 1",
    ),
    "RS018": _entry(
        "An expression nests at most 100 deep (each operator of a chain counts) and bodies at most 20: name the parts.",
        "a = x + x + x + ...  # two hundred times",
        "part = x + x + x + ...\na = part + part + ...",
    ),
    "RS019": _entry(
        "`in` and `by` are words of the language and no names. Every other word may be a name.",
        "in = 3",
        "inside = 3",
    ),
    "RS020": _entry(
        "A body `{ ... }` belongs to a statement and stands at its end. A plain `name = expression` has none.",
        "A = M @ F { F = fft2() }",
        "forward A = M @ F { F = fft2() }",
    ),
    "RS021": _entry(
        "A statement ends at the `}` of its body; what follows on the same line needs `;` in front.",
        "method a { solver adjoint } method b { solver fista }",
        "method a { solver adjoint }\nmethod b { solver fista }",
    ),
    "RS022": _entry(
        "Something else must stand at this place; the message says what.",
        "method a { solver adjoint } + 1",
        "method a { solver adjoint }",
    ),
}
