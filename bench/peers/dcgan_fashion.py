"""Trains the library's `dcgan` in PyTorch on Fashion-MNIST at 28x28 and writes samples after some epochs.

    python bench/peers/dcgan_fashion.py FOLDER_OF_IDX OUT SEED WIDTH SAMPLES EPOCH,EPOCH,... [THREADS]

The same widths, batches of 64, losses, Adam and moving average of the generator (0.999, less over the first steps) as the
recipe `dcgan-fashion`.
Samples of epoch E go to OUT/epoch-E.npy: [SAMPLES, 28, 28, 1], numbers from 0 to 255.
"""
import copy, pathlib, sys, time
import numpy as np, torch
from torch import nn
import torch.nn.functional as F

folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
seed, width, count = (int(v) for v in sys.argv[3:6])
epochs = [int(v) for v in sys.argv[6].split(",")]
torch.set_num_threads(int(sys.argv[7]) if len(sys.argv) > 7 else 2)
torch.manual_seed(seed)
batch = 64


class View(nn.Module):
    def forward(self, x):
        return x.view(-1, 2 * width, 7, 7)


def up(inputs, outputs, bias):
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)


G = nn.Sequential(nn.Linear(100, 49 * 2 * width, bias=False), View(), nn.BatchNorm2d(2 * width), nn.ReLU(),
                  up(2 * width, width, False), nn.BatchNorm2d(width), nn.ReLU(), up(width, 1, True), nn.Tanh())
D = nn.Sequential(nn.Conv2d(1, width, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False),
                  nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(49 * 2 * width, 1))
for m in [*G.modules(), *D.modules()]:
    if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
        nn.init.normal_(m.weight, 0, 0.02)
    elif isinstance(m, nn.BatchNorm2d):
        nn.init.normal_(m.weight, 1, 0.02)
G, D = G.to(memory_format=torch.channels_last), D.to(memory_format=torch.channels_last)
average = copy.deepcopy(G)
optimizers = [torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999), fused=True) for n in (G, D)]
images = np.fromfile(folder / "train-images-idx3-ubyte", np.uint8)[16:].reshape(-1, 1, 28, 28)
images = torch.from_numpy(images.astype(np.float32) / 127.5 - 1)


def step(real, t):
    fake = G(torch.randn(len(real), 100))
    optimizers[1].zero_grad()
    (F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()).backward()
    optimizers[1].step()
    for p in D.parameters():
        p.requires_grad_(False)
    optimizers[0].zero_grad()
    F.softplus(-D(fake)).mean().backward()
    optimizers[0].step()
    for p in D.parameters():
        p.requires_grad_(True)
    weight = 1 - min(0.999, (1 + t) / (10 + t))
    with torch.no_grad():
        for a, b in zip([*average.parameters(), *average.buffers()], [*G.parameters(), *G.buffers()]):
            a.lerp_(b, weight) if a.is_floating_point() else a.copy_(b)


@torch.inference_mode()
def sample():
    average.eval()
    torch.manual_seed(1234)
    parts = [average(torch.randn(250, 100)) for _ in range(count // 250)]
    return ((torch.cat(parts).permute(0, 2, 3, 1) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).numpy()


out.mkdir(parents=True, exist_ok=True)
begun, t = time.process_time(), 0
for epoch in range(1, max(epochs) + 1):
    order = torch.randperm(len(images))
    for at in range(0, len(images) - batch + 1, batch):
        t += 1
        step(images[order[at : at + batch]].to(memory_format=torch.channels_last), t)
    if epoch in epochs:
        state = torch.get_rng_state()
        np.save(out / f"epoch-{epoch}.npy", sample())
        torch.set_rng_state(state)
    print(f"epoch {epoch}: {time.process_time() - begun:.0f} s of processor time", flush=True)
