"""Metrics of features by torch-fidelity and prdc. Arguments: fid, kid or prdc; items, features, threads.
The features are drawn as menagerie-bench draws them, but not the same. Figures go to standard error."""
import contextlib
import os
import sys

threads = sys.argv[4]
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = threads
import numpy as np
import torch
from prdc import compute_prdc
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from serve import serve

name, items, width = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(int(threads))
rng = np.random.default_rng(0)


def side(seed):
    x = rng.standard_normal((items, width), dtype=np.float32)
    return torch.from_numpy(x * (0.5 + np.arange(width, dtype=np.float32) / width) + np.float32(0.05 * seed))


x, y = side(1), side(2)


def step():
    if name == "fid":
        out = fid_statistics_to_metric(fid_features_to_statistics(x), fid_features_to_statistics(y), verbose=False)
    elif name == "kid":
        out = kid_features_to_metric(x, y, kid_subsets=100, kid_subset_size=1000, kid_kernel="poly", kid_kernel_poly_degree=3,
                                     kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1, rng_seed=2020, verbose=False)
    else:
        # It prints how many items there are.
        with contextlib.redirect_stdout(sys.stderr):
            out = compute_prdc(y.numpy(), x.numpy(), 5)
    print(out, file=sys.stderr)


serve(step)
