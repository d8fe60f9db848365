"""Times ten rounds of K-SVD beside ten passes of scikit-learn's MiniBatchDictionaryLearning on the same patches.

    python benchmarks/ksvd.py [--threads N] [--patches N]

256 atoms for 8 x 8 patches of `camera` at 256 x 256, without their means. The time is the processor's. Both
dictionaries are then judged by scikit-learn's OMP: the mean squared error of the patches with four atoms each.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import skimage.data
import torch
from recon.runtime.algorithms.dictionary import cosines, learn
from recon.runtime.algorithms.patches import drawn_patches
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.linear_model import orthogonal_mp

NONZEROS = 4


def main() -> None:
    """Print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--patches", type=int, default=10000)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    image = torch.from_numpy(skimage.data.camera()[::2, ::2] / 255.0).float()
    vectors = drawn_patches(image[None], 8, options.patches, 0)
    vectors = vectors - vectors.mean(1, keepdim=True)
    start = cosines(8, 256).float()
    learn(vectors[:500], start, 0.0, NONZEROS, 1)  # builds the kernel where it is not there yet
    begin = time.process_time()
    ours, _ = learn(vectors, start, 0.0, NONZEROS, 10)
    seconds = [time.process_time() - begin]
    peer = MiniBatchDictionaryLearning(
        256, alpha=0.1, max_iter=10, batch_size=1000, dict_init=start.numpy(), random_state=0, n_jobs=options.threads
    )
    begin = time.process_time()
    theirs = peer.fit(vectors.numpy()).components_
    seconds.append(time.process_time() - begin)
    judged = vectors[:: max(1, len(vectors) // 2000)].double().numpy().T
    for name, made, spent in zip(("K-SVD", "scikit-learn"), (ours.numpy(), theirs), seconds, strict=True):
        d = made.T.astype(float)
        error = np.square(judged - d @ orthogonal_mp(d, judged, n_nonzero_coefs=NONZEROS)).sum(0).mean()
        print(f"{name:14} {spent:7.2f} s  {spent / seconds[0]:5.1f} times  squared error of a patch {error:.4f}")


if __name__ == "__main__":
    main()
