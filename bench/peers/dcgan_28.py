"""The library's `dcgan` in PyTorch: a training step at 28x28x1, or with `sample` 64x64x3 samples.

PyTorch at its best: channels last (`contiguous` for the other layout), gradients set to None, the discriminator
frozen in the generator's step, fused Adam; samples in evaluation and inference mode.
Arguments: batch, threads, then any of `sample`, `contiguous`, `foreach`.
"""
import sys, torch
from torch import nn
import torch.nn.functional as F
from serve import serve

batch, threads, options = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
torch.set_num_threads(threads)
torch.manual_seed(1)
last = "contiguous" not in options
layout = torch.channels_last if last else torch.contiguous_format
# Channels from the image down to the grid, and the grid's side.
channels, side = ([3, 64, 128, 256, 512], 4) if "sample" in options else ([1, 64, 128], 7)


class Grid(nn.Module):
    """A vector as a grid of pixels; in channels last this is a view."""

    def forward(self, x):
        if last:
            return x.view(-1, side, side, channels[-1]).permute(0, 3, 1, 2)
        return x.view(-1, channels[-1], side, side)


class Flat(nn.Module):
    def forward(self, x):
        return (x.permute(0, 2, 3, 1) if last else x).flatten(1)


def generator():
    layers = [nn.Linear(100, side * side * channels[-1], bias=False), Grid()]
    for i in reversed(range(1, len(channels))):
        c, out = channels[i], channels[i - 1]
        layers += [nn.BatchNorm2d(c), nn.ReLU(inplace=True), nn.ConvTranspose2d(c, out, 4, 2, 1, bias=i == 1)]
    return nn.Sequential(*layers, nn.Tanh())


def discriminator():
    layers = []
    for i in range(len(channels) - 1):
        layers.append(nn.Conv2d(channels[i], channels[i + 1], 4, 2, 1, bias=i == 0))
        if i:
            layers.append(nn.BatchNorm2d(channels[i + 1]))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    return nn.Sequential(*layers, Flat(), nn.Linear(side * side * channels[-1], 1))


def network(make):
    net = make().to(memory_format=layout)
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(m.weight, 0, 0.02)
    how = {"foreach": True} if "foreach" in options else {"fused": True}
    return net, torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999), **how)


G, opt_g = network(generator)
D, opt_d = network(discriminator)
real = (torch.rand(batch, channels[0], 28, 28) * 2 - 1).to(memory_format=layout)


def train():
    fake = G(torch.randn(batch, 100))
    opt_d.zero_grad(set_to_none=True)
    loss = F.softplus(-D(real)).mean()
    loss.backward()
    loss_fake = F.softplus(D(fake.detach())).mean()
    loss_fake.backward()
    opt_d.step()
    for p in D.parameters():
        p.requires_grad_(False)
    opt_g.zero_grad(set_to_none=True)
    loss_g = F.softplus(-D(fake)).mean()
    loss_g.backward()
    opt_g.step()
    for p in D.parameters():
        p.requires_grad_(True)
    return loss.item() + loss_fake.item(), loss_g.item()


@torch.inference_mode()
def sample():
    return G(torch.randn(batch, 100)).numpy()


if "sample" in options:
    G.eval()
serve(sample if "sample" in options else train)
