"""Times orthogonal matching pursuit beside scikit-learn's, on the same signals in one process.

    python benchmarks/omp.py [--threads N] [--repeats N] [--processor]

64 signals of 256 numbers each, a dictionary of 1024 columns of norm one, 32 of them for each signal. Twice: with A^H A
given, and with it computed anew. Prints the shortest times, and that supports and coefficients agree.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np
import torch
from peers import milliseconds, peer, table
from recon.dsl.model.facts import IDENTITY
from recon.dsl.model.place import place
from recon.dsl.model.space import Axis, Space
from recon.dsl.model.terms import Leaf
from recon.dsl.vocabulary.operators.sensing import GaussianMatrix
from recon.runtime.algorithms.pursuit import MatchingPursuit, pursue, pursue_table
from recon.runtime.functionals.greedy import SparseVectors
from recon.runtime.functionals.quadratic import HalfSquare
from recon.runtime.native import native_status
from recon.runtime.operators.base import IdentityOperator
from recon.runtime.operators.basic import MatrixOperator
from recon.runtime.problem import Problem, Term

SIGNALS, MEASURED, COLUMNS, CHOSEN = 64, 256, 1024, 32


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--processor", action="store_true", help="processor time instead of wall time")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.processor else time.perf_counter
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((MEASURED, COLUMNS))
    matrix /= np.linalg.norm(matrix, axis=0)
    truth = np.zeros((SIGNALS, COLUMNS))
    for row in truth:
        row[rng.choice(COLUMNS, CHOSEN, replace=False)] = rng.standard_normal(CHOSEN)
    y = truth @ matrix.T + 0.01 * rng.standard_normal((SIGNALS, MEASURED))

    problem = stated(matrix, y)
    a, b = (torch.from_numpy(v.astype(np.float32)) for v in (matrix, y))
    gram, correlations = a.T @ a, b @ a

    def given() -> torch.Tensor:
        chosen = pursue_table(gram, correlations, CHOSEN, 1e-6)
        return chosen.spread(chosen.coefficients(), COLUMNS)

    def in_torch() -> torch.Tensor:
        chosen = pursue(lambda i: gram.index_select(0, i), correlations, [(0, COLUMNS, CHOSEN)], 1e-6)
        return chosen.spread(chosen.coefficients(), COLUMNS)

    def whole() -> torch.Tensor:
        return MatchingPursuit(problem, 1e-6).solve()

    def timed(work: object) -> float:
        return milliseconds(work, options.repeats, clock)  # type: ignore[arg-type]

    print(f"{options.threads} threads, {'processor' if options.processor else 'wall'} time")
    sk = peer("sklearn.linear_model")
    print(f"kernels {native_status()}")
    with_gram, anew = (
        [("recon, float32", timed(given)), ("recon, float32, no compiler", timed(in_torch))],
        [("recon, float32, refined", timed(whole))],
    )
    for kind in (np.float32, np.float64) if sk is not None else ():
        x, t = matrix.astype(kind), y.T.astype(kind)
        g, c = x.T @ x, x.T @ t
        name = f"scikit-learn, {np.dtype(kind)}"
        with_gram.append((name, timed(lambda g=g, c=c: sk.orthogonal_mp_gram(g, c, n_nonzero_coefs=CHOSEN))))
        anew.append((name, timed(lambda x=x, t=t: sk.orthogonal_mp(x, t, n_nonzero_coefs=CHOSEN, precompute=True))))
    table("A^H A given", with_gram)
    table("A^H A computed", anew)
    if sk is not None:
        expected = sk.orthogonal_mp(matrix, y.T, n_nonzero_coefs=CHOSEN).T
        for name, found in (("given", given().numpy()), ("computed", whole().numpy())):
            same = np.mean(np.all((found != 0) == (expected != 0), axis=1))
            apart = np.abs(found - expected).max() / np.abs(expected).max()
            print(f"{name}: the same support for {same:.0%} of the signals, coefficients apart by {apart:.1e}")


def stated(matrix: np.ndarray, y: np.ndarray) -> Problem:
    """The problem that a page would state."""
    space = Space("real", (Axis("sample", COLUMNS),))
    placed = place(Leaf(GaussianMatrix(rows=MEASURED)), space)
    operator = MatrixOperator(torch.from_numpy(matrix.astype(np.float32)), placed)
    data = Term(HalfSquare(1.0, torch.from_numpy(y.astype(np.float32))), operator, "data")
    few = Term(SparseVectors(CHOSEN), IdentityOperator(space, space, IDENTITY))
    return Problem(space, [data, few], SIGNALS)


if __name__ == "__main__":
    main()
