"""Sparse codes against scikit-learn's OMP; K-SVD against singular value decompositions and planted dictionaries."""

import numpy as np
import pytest
import torch
from recon.runtime.algorithms import dictionary as d
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.linear_model import orthogonal_mp


def atoms(count: int, n: int, seed: int = 0) -> torch.Tensor:
    made = torch.randn(count, n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return made / torch.linalg.vector_norm(made, dim=1, keepdim=True)


def planted(count: int, n: int, signals: int, k: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """A dictionary and signals of k of its atoms each, with noise at 20 dB (Aharon et al. 2006, V.A)."""
    rng = np.random.default_rng(seed)
    true = atoms(count, n, seed)
    codes = np.zeros((signals, count))
    for row in codes:
        row[rng.choice(count, k, replace=False)] = rng.normal(size=k)
    clean = torch.from_numpy(codes) @ true
    noise = torch.from_numpy(rng.normal(size=clean.shape))
    return true, clean + noise * (clean.norm() / noise.norm() / 10)


def dense(codes: d.Codes, count: int) -> torch.Tensor:
    out = codes.values.new_zeros(len(codes.values), count)
    return out.scatter_add_(1, codes.places, codes.values)


@pytest.mark.parametrize("allowed", [4.0, 1.0, 0.05])
def test_codes_up_to_an_error_are_those_of_scikit_learn(allowed: float) -> None:
    dictionary, vectors = atoms(40, 16), 1.5 * atoms(3000, 16, 1)[:200] * torch.linspace(0.1, 2, 200)[:, None]
    ours = dense(d.sparse_codes(dictionary, vectors, allowed, 16), 40)
    theirs = orthogonal_mp(dictionary.numpy().T, vectors.numpy().T, tol=allowed).T
    small = vectors.square().sum(1) <= allowed  # scikit-learn takes an atom even where none is needed
    assert bool((ours[small] == 0).all())
    assert torch.allclose(ours[~small], torch.from_numpy(theirs)[~small], atol=1e-9)
    assert bool(((vectors - ours @ dictionary).square().sum(1) <= allowed * (1 + 1e-9)).all())


def test_codes_of_a_number_of_atoms_are_those_of_scikit_learn() -> None:
    dictionary, vectors = atoms(40, 16), atoms(100, 16, 1)
    for most in (1, 3, 5):
        ours = dense(d.sparse_codes(dictionary, vectors, 0.0, most), 40)
        theirs = orthogonal_mp(dictionary.numpy().T, vectors.numpy().T, n_nonzero_coefs=most).T
        assert torch.allclose(ours, torch.from_numpy(theirs), atol=1e-9)


def test_codes_do_not_depend_on_what_is_coded_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    dictionary, vectors = atoms(40, 16), 2 * atoms(100, 16, 1)
    together = dense(d.sparse_codes(dictionary, vectors, 0.1, 16), 40)
    monkeypatch.setattr(d, "ROWS", 7)
    assert torch.allclose(dense(d.sparse_codes(dictionary, vectors, 0.1, 16), 40), together, atol=1e-12)


def test_an_atom_is_renewed_by_a_singular_value_decomposition() -> None:
    dictionary, vectors = atoms(12, 8), atoms(60, 8, 1)
    codes = d.sparse_codes(dictionary, vectors, 0.0, 3)
    z, expected = dense(codes, 12).numpy(), dictionary.numpy().copy()
    for k in range(12):  # the paper's figure 2, step by step
        users = np.nonzero(z[:, k])[0]
        others = z[users].copy()
        others[:, k] = 0
        u, s, v = np.linalg.svd(vectors.numpy()[users] - others @ expected, full_matrices=False)
        sign = np.sign(v[0] @ expected[k])
        expected[k], z[users, k] = sign * v[0], sign * s[0] * u[:, 0]
    left = vectors - codes.synthesis(dictionary)
    counts = d.renew(dictionary, codes, left)
    assert np.allclose(dictionary.numpy(), expected, atol=1e-9)
    assert np.allclose(dense(codes, 12).numpy(), z, atol=1e-9)
    assert np.allclose(left.numpy(), vectors.numpy() - z @ expected, atol=1e-9)
    assert counts.tolist() == (z != 0).sum(0).tolist()


def test_a_planted_dictionary_is_found() -> None:
    """Aharon et al. 2006, V.A: 50 atoms of 20 numbers, 1500 signals of three at 20 dB; over 90% of the atoms."""
    true, signals = planted(50, 20, 1500, 3)
    start = signals[:50] / torch.linalg.vector_norm(signals[:50], dim=1, keepdim=True)
    learned, history = d.learn(signals, start, 0.0, 3, 25)
    found = (learned @ true.mT).abs().amax(0) > 0.99
    assert found.double().mean() >= 0.9
    assert history[-1][0] < 0.1 * history[0][0]
    few, again = (d.learn(signals[:300], start, 0.0, 3, 3)[0] for _ in range(2))
    assert torch.equal(few, again)
    assert torch.allclose(torch.linalg.vector_norm(learned, dim=1), torch.ones(50, dtype=torch.float64))


def test_codes_are_better_than_in_the_dictionary_of_scikit_learn() -> None:
    _, signals = planted(50, 20, 1500, 3)
    start = signals[:50] / torch.linalg.vector_norm(signals[:50], dim=1, keepdim=True)
    learned, _ = d.learn(signals, start, 0.0, 3, 12)
    peer = MiniBatchDictionaryLearning(
        50, dict_init=start.numpy(), alpha=0.2, max_iter=40, batch_size=100, random_state=0, fit_algorithm="cd"
    ).fit(signals.numpy())
    errors = []
    for made in (learned.numpy(), peer.components_):
        z = orthogonal_mp(made.T, signals.numpy().T, n_nonzero_coefs=3).T  # both coded by scikit-learn
        errors.append(float(np.square(signals.numpy() - z @ made).mean()))
    assert errors[0] < errors[1]


@pytest.mark.parametrize(("patch", "count"), [(8, 256), (8, 64), (5, 30), (4, 16)])
def test_cosines(patch: int, count: int) -> None:
    made = d.cosines(patch, count)
    assert made.shape == (count, patch**2)
    sizes = torch.linalg.vector_norm(made, dim=1)
    assert torch.allclose(sizes[1:], torch.ones(count - 1, dtype=torch.float64))
    assert sizes[0] == 0  # what is constant is the mean's
    assert made.sum(1).abs().max() < 1e-9
    if count == patch**2:  # the orthonormal transform without its first vector
        from scipy.fft import dctn

        basis = np.stack([dctn(e.reshape(patch, patch), norm="ortho").ravel() for e in np.eye(patch**2)]).T
        inner = made[1:].numpy() @ basis.T
        assert np.allclose(np.sort(np.abs(inner).max(1)), 1)
