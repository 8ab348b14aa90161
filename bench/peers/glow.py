"""Glow (Kingma & Dhariwal 2018) as `menagerie train glow-fashion` has it, in PyTorch.

    glow.py step THREADS [contiguous]
        one training step a line of standard input; answers with its milliseconds, of the clock and of the processors
    glow.py train FOLDER STEPS [THREADS] [SEED] [DECAY]
        trains on the IDX files of Fashion-MNIST in FOLDER, the learning rate times DECAY every step, and prints the bits per
        dimension of its 10,000 test images

28x28x1, two levels of eight steps, networks of 128 channels, batch 64, Adam 1e-3, the gradient's norm clipped at 1: the
same layers, first weights of the same distribution, the same bound of the couplings' scale.
"""
import gzip, math, os, resource, sys, time
import numpy as np, torch
from torch import nn
import torch.nn.functional as F

LEVELS, DEPTH, WIDTH, BATCH, BOUND, MIX_BOUND = 2, 8, 128, 64, 2.0, 4.0


class ActNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.log_scale, self.shift = nn.Parameter(torch.zeros(1, c, 1, 1)), nn.Parameter(torch.zeros(1, c, 1, 1))
        self.started = False

    def forward(self, x):
        if not self.started:
            with torch.no_grad():
                mean = x.mean((0, 2, 3), keepdim=True)
                std = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True).sqrt().clamp(min=1e-3)
                self.shift.copy_(-mean / std)
                self.log_scale.copy_(-std.log())
            self.started = True
        return x * self.log_scale.exp() + self.shift, self.log_scale.sum() * x.shape[2] * x.shape[3]


class Mix(nn.Module):
    def __init__(self, c):
        super().__init__()
        q = torch.linalg.qr(torch.randn(c, c, dtype=torch.float64))[0]
        p, l, u = torch.linalg.lu(q)
        d = u.diagonal()
        self.register_buffer("p", p.float())
        self.register_buffer("sign", d.sign().float())
        self.register_buffer("eye", torch.eye(c))
        self.triangles = nn.Parameter((l.tril(-1) + u.triu(1)).float())
        self.log_scale = nn.Parameter((MIX_BOUND * torch.atanh((d.abs().log() / MIX_BOUND).clamp(-0.99, 0.99))).float())

    def forward(self, x):
        log_s = MIX_BOUND * torch.tanh(self.log_scale / MIX_BOUND)
        w = self.p @ (self.triangles.tril(-1) + self.eye) @ (self.triangles.triu(1) + torch.diag(self.sign * log_s.exp()))
        return F.conv2d(x, w[:, :, None, None]), log_s.sum() * x.shape[2] * x.shape[3]


class Coupling(nn.Module):
    def __init__(self, c, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        a, b = x.chunk(2, 1)
        t, s = self.net(a).chunk(2, 1)
        s = BOUND * torch.tanh(s / BOUND)
        return torch.cat([a, b * s.exp() + t], 1), s.sum((1, 2, 3))


def he(conv, gain=1.0):
    fan = conv.weight[0].numel()
    nn.init.normal_(conv.weight, 0, gain * math.sqrt(2 / fan))
    nn.init.zeros_(conv.bias)
    return conv


def network(c):
    layers = [nn.Conv2d(c // 2, WIDTH, 3, 1, 1), nn.ReLU(True), nn.Conv2d(WIDTH, WIDTH, 1), nn.ReLU(True), nn.Conv2d(WIDTH, c, 3, 1, 1)]
    return nn.Sequential(he(layers[0]), layers[1], he(layers[2]), layers[3], he(layers[4], 0.0))


class Glow(nn.Module):
    def __init__(self):
        super().__init__()
        self.levels, c = nn.ModuleList(), 1
        for level in range(LEVELS):
            c *= 4
            steps = [m for _ in range(DEPTH) for m in (ActNorm(c), Mix(c), Coupling(c, network(c)))]
            last = level + 1 == LEVELS
            steps.append(ActNorm(c) if last else Coupling(c, he(nn.Conv2d(c // 2, c, 3, 1, 1), 0.0)))
            self.levels.append(nn.ModuleList(steps))
            c //= 2

    def forward(self, levels):
        """Nats of every image, given its levels with noise, in [0, 256)."""
        x, n = levels / 256 - 0.5, levels[0].numel()
        log_p = x.new_full((x.shape[0],), -n * (math.log(256) + 0.5 * math.log(2 * math.pi)))
        for i, steps in enumerate(self.levels):
            x = F.pixel_unshuffle(x, 2)
            for m in steps:
                x, d = m(x)
                log_p = log_p + d
            if i + 1 < LEVELS:
                x, z = x.chunk(2, 1)
                log_p = log_p - 0.5 * (z * z).sum((1, 2, 3))
        return log_p - 0.5 * (x * x).sum((1, 2, 3))


def images(folder, part):
    path = f"{folder}/{part}-images-idx3-ubyte"
    data = open(path, "rb").read() if os.path.exists(path) else gzip.open(path + ".gz").read()
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=16).reshape(-1, 1, 28, 28).copy())


class Trainer:
    def __init__(self, layout):
        self.layout = layout
        self.model = Glow().to(memory_format=layout)
        self.optimizer = torch.optim.Adam(self.model.parameters(), 1e-3, fused=True)

    def step(self, x):
        x = (x.float() + torch.rand(x.shape)).to(memory_format=self.layout)
        self.optimizer.zero_grad(set_to_none=True)
        loss = -self.model(x).mean() / 784
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss.item() / math.log(2)


def serve(threads, layout):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    trainer = Trainer(layout)
    x = torch.randint(0, 256, (BATCH, 1, 28, 28), dtype=torch.uint8)
    for line in sys.stdin:
        steps = int(line)
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(steps):
            trainer.step(x)
        ms, cpu = (time.perf_counter() - start) * 1e3 / steps, (time.process_time() - cpu) * 1e3 / steps
        print(ms, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)


def train(folder, steps, threads, seed, decay):
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    trainer = Trainer(torch.channels_last)
    data, start, cpu = images(folder, "train"), time.perf_counter(), time.process_time()
    order, at = torch.randperm(len(data)), 0
    for step in range(1, steps + 1):
        if at + BATCH > len(data):
            order, at = torch.randperm(len(data)), 0
        bits = trainer.step(data[order[at : at + BATCH]])
        at += BATCH
        for group in trainer.optimizer.param_groups:
            group["lr"] *= decay
        if step % 50 == 0 or step == 1:
            print(f"step {step}: {bits:.4f} bits per dimension, {time.perf_counter() - start:.0f} s", flush=True)
    test, nats = images(folder, "t10k"), 0.0
    cpu = time.process_time() - cpu
    with torch.no_grad():
        for i in range(0, len(test), 100):
            x = test[i : i + 100].float()
            nats += trainer.model((x + torch.rand(x.shape)).to(memory_format=torch.channels_last)).sum().item()
    print(f"test: {-nats / len(test) / 784 / math.log(2):.4f} bits per dimension; {cpu:.0f} s of processor time in training")


if sys.argv[1] == "step":
    serve(int(sys.argv[2]), torch.contiguous_format if "contiguous" in sys.argv[3:] else torch.channels_last)
else:
    threads, seed, decay = sys.argv[4:] + ["2", "0", "1"][len(sys.argv) - 4 :]
    train(sys.argv[2], int(sys.argv[3]), int(threads), int(seed), float(decay))
