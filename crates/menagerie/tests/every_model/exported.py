"""Runs exported models and compares what they give with what they should: exported.py CASES.json

Every case is a function of a model, its inputs and its outputs as files of numbers. The model is run by onnxruntime and, where it
and safetensors are there, by PyTorch; numbers must agree to 1e-5, where the largest counts as one.
"""
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

try:
    import safetensors
    import torch

    torch.set_num_threads(1)
except ImportError:
    torch = None


def array(folder, about):
    return np.fromfile(folder / about["file"], dtype=about["type"]).reshape(about["shape"])


def module(folder):
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found.load()


def by_onnxruntime(folder, case, inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    path = str(folder / f"{case['function']}.onnx")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(zip(case["names"], inputs)))


def by_torch(folder, case, inputs):
    function = getattr(module(folder), case["function"])
    with torch.no_grad():
        outputs = function(*map(torch.from_numpy, inputs))
    return [t.numpy() for t in (outputs if isinstance(outputs, tuple) else (outputs,))]


def main():
    failures = []
    programs = [("onnxruntime", by_onnxruntime)]
    if torch:
        programs.append(("torch", by_torch))
    else:
        print("skipped: PyTorch or safetensors is not here", file=sys.stderr)
    for case in json.loads(Path(sys.argv[1]).read_text()):
        folder = Path(case["folder"])
        inputs = [array(folder, i) for i in case["inputs"]]
        want = [array(folder, o) for o in case["outputs"]]
        for name, run in programs:
            what = f"{folder.name} {case['function']} of {case['batch']} by {name}"
            try:
                got = run(folder, case, inputs)
            except Exception as e:
                failures.append(f"{what}: {type(e).__name__}: {str(e)[:300]}")
                continue
            for g, w in zip(got, want, strict=True):
                if g.shape != w.shape or g.dtype != w.dtype:
                    failures.append(f"{what}: {g.dtype}{g.shape} instead of {w.dtype}{w.shape}")
                    continue
                off = np.abs(g.astype(np.float64) - w).max(initial=0.0)
                if not off <= 1e-5 * max(1.0, np.abs(w).max(initial=0.0)):
                    failures.append(f"{what}: off by {off}")
    print("\n".join(failures))
    sys.exit(bool(failures))


main()
