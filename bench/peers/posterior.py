"""Draws of q(z | x) of two latents, as `menagerie encode --draws N --out FILE.csv` writes them: the divergence of all draws together from the
standard normal, KL(q(z) || p(z)), and of each label's draws from the Gaussian of their own mean and covariance, in nats. By shares of cells of
0.25 in [-5, 5], corrected for the number of draws (Miller & Madow 1955). Arguments: the files."""
import csv, sys
import numpy as np

EDGES = np.linspace(-5, 5, 41)


def divergence(z, density):
    """sum over cells of p ln (p / mass), mass by the density at 5 x 5 places of a cell"""
    counts, _, _ = np.histogram2d(z[:, 0], z[:, 1], [EDGES, EDGES])
    n, width = counts.sum(), EDGES[1] - EDGES[0]
    within = (np.arange(5) + 0.5) / 5 * width
    side = (EDGES[:-1, None] + within).ravel()
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), -1)
    mass = density(grid).reshape(40, 5, 40, 5).sum((1, 3)) * (width / 5) ** 2
    hit = counts > 0
    p = counts[hit] / n
    return (p * np.log(p / np.maximum(mass[hit], 1e-300))).sum() - (hit.sum() - 1) / (2 * n)


def gaussian(mean, cov):
    inverse, root = np.linalg.inv(cov), np.sqrt(np.linalg.det(2 * np.pi * cov))
    return lambda z: np.exp(-0.5 * np.einsum("...i,ij,...j", z - mean, inverse, z - mean)) / root


for path in sys.argv[1:]:
    rows = list(csv.DictReader(open(path)))
    z = np.array([[float(r["z0"]), float(r["z1"])] for r in rows])
    labels = np.array([r.get("label", "") for r in rows])
    print(f"{path}: {len(z)} draws, KL(q(z) || p(z)) {divergence(z, gaussian(np.zeros(2), np.eye(2))):.3f}")
    for label in sorted(set(labels)):
        own = z[labels == label]
        print(f"  {label}: from its Gaussian {divergence(own, gaussian(own.mean(0), np.cov(own.T))):.3f}")
