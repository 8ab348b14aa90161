"""Principal components beside an autoencoder of equal size. Arguments: train images and test images (.npy or IDX),
the reconstructions of the test images as `menagerie reconstruct --out FILE.npy` wrote them (item, output, item, output...),
and the number of components. Prints mean squared errors a pixel, where images span [0, 1]."""
import gzip, sys
import numpy as np


def load(path):
    if path.endswith(".npy"):
        x = np.load(path)
        x = x / 255 if x.dtype == np.uint8 else x
    else:
        data = (gzip.open if path.endswith(".gz") else open)(path, "rb").read()
        x = np.frombuffer(data, np.uint8, offset=16) / 255
        x = x.reshape(int.from_bytes(data[4:8], "big"), -1)
    return x.reshape(len(x), -1).astype(np.float64)


train, test, back = (load(p) for p in sys.argv[1:4])
k = int(sys.argv[4])
item, output = back[0::2], back[1::2]
mean = train.mean(0)
values, vectors = np.linalg.eigh(np.cov(train.T))
basis = vectors[:, -k:]
centred = item - mean
error = ((centred - centred @ basis @ basis.T) ** 2).mean()
print(f"{len(item)} items: PCA with {k} components {error:.5f}, autoencoder {((item - output) ** 2).mean():.5f}")
assert np.abs(item[:10] - test[:10]).max() < 0.01, "the reconstructions are of other items"
