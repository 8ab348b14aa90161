"""PixelCNN with 15 residual blocks of 128 features at 28x28x1 in PyTorch: a training step, or 16 samples drawn naively,
a whole pass for each of the 784 pixels, of which 4 are run and the time is multiplied.

PyTorch at its best: channels last (`contiguous` for the other layout), gradients set to None, fused Adam; samples in
inference mode. Arguments: `step` or `sample`, batch, threads, then any of `contiguous`.
"""
import resource, sys, time, torch
from torch import nn
import torch.nn.functional as F

what, batch, threads, options = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
torch.set_num_threads(threads)
torch.manual_seed(1)
layout = torch.contiguous_format if "contiguous" in options else torch.channels_last
width, depth, head = 128, 15, 32


class Masked(nn.Conv2d):
    """Sees the rows above, and of the present row what is to the left, with the middle if told."""

    def __init__(self, inputs, outputs, kernel, middle):
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        mask = torch.ones_like(self.weight)
        mask[:, :, kernel // 2, kernel // 2 + int(middle) :] = 0
        mask[:, :, kernel // 2 + 1 :] = 0
        self.register_buffer("mask", mask)

    def forward(self, x):
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=self.padding)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(2 * width, width, 1)
        self.spatial = Masked(width, width, 3, True)
        self.up = nn.Conv2d(width, 2 * width, 1)

    def forward(self, h):
        x = F.relu(self.down(F.relu(h)), inplace=True)
        return h + self.up(F.relu(self.spatial(x), inplace=True))


net = nn.Sequential(
    Masked(1, 2 * width, 7, False),
    *[Block() for _ in range(depth)],
    nn.ReLU(),
    nn.Conv2d(2 * width, head, 1),
    nn.ReLU(),
    nn.Conv2d(head, 1, 1),
).to(memory_format=layout)
adam = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
grey = torch.rand(batch, 1, 28, 28)


def step():
    x = torch.bernoulli(grey).to(memory_format=layout)
    adam.zero_grad(set_to_none=True)
    loss = F.binary_cross_entropy_with_logits(net(x), x, reduction="sum") / batch
    loss.backward()
    adam.step()


@torch.inference_mode()
def passes(n):
    x = torch.zeros(batch, 1, 28, 28)
    for i in range(n):
        pixel = 300 + i
        logits = net(x.to(memory_format=layout))[:, :, pixel // 28, pixel % 28]
        x[:, :, pixel // 28, pixel % 28] = torch.bernoulli(torch.sigmoid(logits))


for line in sys.stdin:
    steps = int(line)
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step() if what == "step" else passes(4)
    times = [(time.perf_counter() - start) * 1e3 / steps, (time.process_time() - cpu) * 1e3 / steps]
    if what == "sample":
        times = [t * 784 / 4 for t in times]
    print(*times, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
