#!/usr/bin/env python3
"""Makes the embedded data sets of this folder from their published sources.

    python3 make.py digits  digits.csv.gz       # sklearn/datasets/data/digits.csv.gz of scikit-learn's wheel
    python3 make.py fashion FOLDER              # the four *-ubyte.gz files of Fashion-MNIST

Both become gzipped IDX files, the format of MNIST. Nothing is random and time stamps are left out,
so the same input gives the same pixels on any machine.
"""
import gzip
import math
import struct
import sys
from pathlib import Path

HERE = Path(__file__).parent


def write(name, shape, data):
    assert len(data) == math.prod(shape)
    head = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    (HERE / name).write_bytes(gzip.compress(head + bytes(data), compresslevel=9, mtime=0))


def digits(path):
    """1,797 images of 8x8 with values 0 to 16, here 0 to 255; the first 1,437 train, the last 360 test.

    The order is the file's, in which writers follow each other, so the two parts share few writers.
    """
    rows = [[int(float(v)) for v in line.split(",")] for line in gzip.open(path, "rt") if line.strip()]
    assert len(rows) == 1797 and all(len(r) == 65 for r in rows)
    for part, some in [("train", rows[:1437]), ("t10k", rows[1437:])]:
        write(f"digits-{part}-images-idx3-ubyte.gz", (len(some), 8, 8), [(v * 255 + 8) // 16 for r in some for v in r[:64]])
        write(f"digits-{part}-labels-idx1-ubyte.gz", (len(some),), [r[64] for r in some])


def fashion(folder):
    """The first 600 of each class of the training set and the first 100 of each of the test set, in their order."""
    for part, each in [("train", 600), ("t10k", 100)]:
        images = gzip.open(Path(folder) / f"{part}-images-idx3-ubyte.gz").read()[16:]
        labels = gzip.open(Path(folder) / f"{part}-labels-idx1-ubyte.gz").read()[8:]
        seen, chosen = [0] * 10, []
        for i, label in enumerate(labels):
            if seen[label] < each:
                seen[label] += 1
                chosen.append(i)
        assert seen == [each] * 10
        write(f"fashion-{part}-images-idx3-ubyte.gz", (len(chosen), 28, 28), b"".join(images[784 * i : 784 * (i + 1)] for i in chosen))
        write(f"fashion-{part}-labels-idx1-ubyte.gz", (len(chosen),), [labels[i] for i in chosen])


if __name__ == "__main__":
    {"digits": digits, "fashion": fashion}[sys.argv[1]](sys.argv[2])
