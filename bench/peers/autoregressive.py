"""Trains a model of the library `pytorch-generative` on dynamically binarized MNIST, as its `reproduce()` does but for so
many steps, and prints the mean nats of the 10,000 test images, binarized once.

    pip install pytorch-generative, or PYTHONPATH=/path/to/pytorch-generative
    python bench/peers/autoregressive.py MODEL FOLDER_OF_IDX STEPS [THREADS] [WIDTH] [SEED]

MODEL is fvbn, nade, made, pixel_cnn or gated_pixel_cnn; WIDTH replaces its number of hidden units or features.

Its NADE returns probabilities, which its `reproduce()` hands to a loss that expects logits; here they go to the
cross-entropy of probabilities, as NADE's likelihood has it.
"""
import importlib.util, pathlib, sys, time, types
import numpy as np, torch
import torch.nn.functional as F


def library():
    """Its models alone: the package as a whole also wants torchvision and tensorboard."""
    where = importlib.util.find_spec("pytorch_generative")
    root = pathlib.Path(where.submodule_search_locations[0])
    for name, folder in [("pytorch_generative", root), ("pytorch_generative.models", root / "models"),
                         ("pytorch_generative.models.autoregressive", root / "models" / "autoregressive")]:
        module = types.ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules[name] = module
    nn = importlib.import_module("pytorch_generative.nn")
    sys.modules["pytorch_generative"].nn = nn
    return lambda file: importlib.import_module(f"pytorch_generative.models.autoregressive.{file}")


name, folder, steps = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
width = int(sys.argv[5]) if len(sys.argv) > 5 else None
torch.manual_seed(int(sys.argv[6]) if len(sys.argv) > 6 else 0)
load = library()


def images(file):
    return torch.from_numpy(np.fromfile(folder / file, np.uint8)[16:].reshape(-1, 1, 28, 28).astype(np.float32) / 255)


train, test = images("train-images-idx3-ubyte"), images("t10k-images-idx3-ubyte")
decay, rate, batch = 1.0, 1e-3, {"fvbn": 512, "nade": 512, "made": 64, "pixel_cnn": 256, "gated_pixel_cnn": 128}[name]
if name == "fvbn":
    net = load("fvbn").FullyVisibleBeliefNetwork(n_dims=784)
elif name == "nade":
    net = load("nade").NADE(input_dim=784, hidden_dim=width or 500)
elif name == "made":
    net = load("made").MADE(input_dim=784, hidden_dims=[width or 8000], n_masks=1)
elif name == "pixel_cnn":
    net, decay = load("pixel_cnn").PixelCNN(n_residual=15, residual_channels=width or 16, head_channels=32), 0.999977
else:
    net, decay = load("gated_pixel_cnn").GatedPixelCNN(n_gated=10, gated_channels=width or 128, head_channels=32), 0.9999
# FVBN reads the device from its parameters; MADE has no images until it has seen some.
adam = torch.optim.Adam(net.parameters(), lr=rate)
schedule = torch.optim.lr_scheduler.MultiplicativeLR(adam, lr_lambda=lambda _: decay)


def nats(x):
    y = net(x)
    cross = F.binary_cross_entropy if name == "nade" else F.binary_cross_entropy_with_logits
    y = y.clamp(1e-7, 1 - 1e-7) if name == "nade" else y
    return cross(y.flatten(1), x.flatten(1), reduction="none").sum(1)


@torch.no_grad()
def score():
    g = torch.Generator().manual_seed(7)
    return sum(nats(torch.bernoulli(test[i : i + 250], generator=g)).sum().item() for i in range(0, len(test), 250)) / len(test)


order, at, cpu = torch.randperm(len(train)), 0, time.process_time()
for step in range(1, steps + 1):
    if at + batch > len(train):
        order, at = torch.randperm(len(train)), 0
    x = torch.bernoulli(train[order[at : at + batch]])
    at += batch
    adam.zero_grad()
    loss = nats(x).mean()
    loss.backward()
    adam.step()
    schedule.step()
    if step % max(1, steps // 10) == 0:
        print(f"step {step}: {loss.item():.2f} nats, {time.process_time() - cpu:.0f} s of processor time", flush=True)
spent = time.process_time() - cpu
print(f"{name}: {score():.3f} nats on test images after {steps} steps, {spent:.0f} s of processor time")
