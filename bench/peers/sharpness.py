"""Sharpness of images: the variance of their Laplacian (Pech-Pacheco et al. 2000), in units where images span [0, 1], as the
mean over all images. Arguments: .npy files of [N,H,W,C]."""
import sys
import numpy as np

for path in sys.argv[1:]:
    x = np.load(path).astype(np.float64)
    x = x / 255 if x.max() > 2 else x
    grey = x.mean(-1) if x.ndim == 4 else x
    lap = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:] - 4 * grey[:, 1:-1, 1:-1]
    print(f"{path}: {1e3 * lap.var(axis=(1, 2)).mean():.3f}e-3 over {len(x)} images")
