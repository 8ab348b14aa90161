"""How recognizable are samples? Mean confidence of a small classifier, and how evenly the classes are used.

    menagerie sample RUN -n 2000 --checkpoint STEP --out STEP.npy     # for each step
    python bench/peers/confidence.py FOLDER_OF_IDX STEP.npy ...       # torch, numpy

The classifier (two convolutions, trained for two epochs on the training images) knows nothing of the samples. Real test
images give the figure that samples can reach. Confidence: mean of the largest class probability. Classes: exp of the
entropy of the mean prediction, 10 when all ten are used alike. Diversity: mean distance between random pairs, over that
of test images.
"""
import gzip
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(2)


def idx(name):
    with gzip.open(pathlib.Path(sys.argv[1]) / name) as f:
        raw = f.read()
    axes = raw[3]
    shape = np.frombuffer(raw, ">i4", axes, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def images(bytes_):
    return torch.tensor(bytes_[:, None] / 255.0, dtype=torch.float32)


x, y = images(idx("train-images-idx3-ubyte.gz")), torch.tensor(idx("train-labels-idx1-ubyte.gz").astype("int64"))
test, labels = images(idx("t10k-images-idx3-ubyte.gz")), torch.tensor(idx("t10k-labels-idx1-ubyte.gz").astype("int64"))
net = nn.Sequential(nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(1568, 10))
optimizer = torch.optim.Adam(net.parameters(), 2e-3)
for epoch in range(2):
    for batch in torch.randperm(len(x)).split(128):
        optimizer.zero_grad()
        F.cross_entropy(net(x[batch]), y[batch]).backward()
        optimizer.step()


@torch.no_grad()
def judge(name, items):
    p = net(items).softmax(1)
    mean = p.mean(0)
    spread = lambda t: (t[:-1] - t[1:]).flatten(1).norm(dim=1).mean().item()
    confidence, classes = p.max(1).values.mean().item(), (-(mean * mean.log()).sum()).exp().item()
    print(f"{name}: confidence {confidence:.3f}, classes {classes:.2f}, diversity {spread(items) / spread(test[:2000]):.3f}")


with torch.no_grad():
    print(f"accuracy on test images: {(net(test).argmax(1) == labels).float().mean().item():.4f}")
judge("test images", test[:2000])
for file in sys.argv[2:]:
    a = np.load(file)
    judge(file, torch.tensor(a).permute(0, 3, 1, 2))
