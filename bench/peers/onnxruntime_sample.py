"""Samples by ONNX Runtime: onnxruntime_sample.py FOLDER THREADS BATCH, where FOLDER holds sample.onnx, latents.bin and
images.bin, what the latents become, which is checked first."""
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from serve import serve

folder, threads, batch = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(str(folder / "sample.onnx"), options, providers=["CPUExecutionProvider"])
z = np.fromfile(folder / "latents.bin", np.float32).reshape(batch, -1)
want = np.fromfile(folder / "images.bin", np.float32)
[images] = session.run(None, {"latent": z})
off = np.abs(images.ravel() - want).max()
assert off < 1e-5, f"the images are off by {off}"
serve(lambda: session.run(None, {"latent": z}))
