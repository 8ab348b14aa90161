"""Forward and backward to all weights of a stack of residual blocks: 3x3 convolutions, 128 channels, 16x16.
Arguments: batch, threads, blocks, then `contiguous` for another layout than channels last."""
import sys, torch
from torch import nn
import torch.nn.functional as F
from serve import serve

batch, threads, blocks = map(int, sys.argv[1:4])
torch.set_num_threads(threads)
torch.manual_seed(1)
layout = torch.contiguous_format if "contiguous" in sys.argv[4:] else torch.channels_last
pairs = [[nn.Conv2d(128, 128, 3, 1, 1, bias=False).to(memory_format=layout) for _ in range(2)] for _ in range(blocks)]
weights = [c.weight for pair in pairs for c in pair]
for w in weights:
    nn.init.normal_(w, 0, 0.02)
x, toward = (torch.randn(batch, 128, 16, 16).to(memory_format=layout) for _ in range(2))


def step():
    for w in weights:
        w.grad = None
    y = x
    for first, second in pairs:
        y = y + second(F.relu(first(y), inplace=True))
    loss = (y * toward).mean()
    loss.backward()
    return loss.item()


serve(step)
