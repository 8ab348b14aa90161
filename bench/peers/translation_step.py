"""pix2pix and CycleGAN in PyTorch, with the library's networks, for a step's time or for a training.

`translation_step.py MODEL BATCH THREADS SIZE` answers with the time of steps of batches of noise, as every peer does.
`translation_step.py MODEL BATCH THREADS SIZE train PAIRS.npy TEST.npy OUT.npy STEPS SEED WIDTH` trains on pairs `[count, height, 2 width,
channels]` in [0, 1], left to right, and writes what it makes of the left halves of others.

pix2pix: a U-Net of width 64 that ends at 2 or 3 pixels, instance norm, dropout in its inner levels, a critic of patches that sees both
images, 100 times L1. CycleGAN: residual generators of width 64 with 6 blocks, instance norm, reflected borders, least squares, 10
times the cycle, 5 times the identity, critics that are shown earlier translations. PyTorch at its best: channels last, critics frozen while
the generators learn, one forward pass of a generator for both, gradients set to None, fused Adam.
"""
import itertools, math, random, sys, torch
from torch import nn
import torch.nn.functional as F

model, batch, threads, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
training = sys.argv[6:] if sys.argv[5:6] == ["train"] else None
width = int(training[5]) if training else 64
torch.set_num_threads(threads)
torch.manual_seed(int(training[4]) if training else 1)
layout = torch.channels_last


def norm(c):
    return nn.InstanceNorm2d(c, affine=True)


class Unet(nn.Module):
    def __init__(self, levels):
        super().__init__()
        c = [3] + [min(width << i, 8 * width) for i in range(levels)]
        self.downs, self.ups = nn.ModuleList(), nn.ModuleList()
        for i in range(levels):
            first, last = i == 0, i == levels - 1
            layers = [nn.Conv2d(c[i], c[i + 1], 4, 2, 1, bias=first or last)]
            self.downs.append(nn.Sequential(*layers, *([] if first or last else [norm(c[i + 1])]), nn.LeakyReLU(0.2)))
        for j, i in enumerate(reversed(range(levels))):
            joined = c[i + 1] * (1 if j == 0 else 2)
            layers = [nn.ConvTranspose2d(joined, c[i], 4, 2, 1, bias=i == 0)]
            if i:
                layers += [norm(c[i]), nn.ReLU(True)] + ([nn.Dropout(0.5)] if j < min(3, levels // 2) else [])
            self.ups.append(nn.Sequential(*layers))

    def forward(self, x):
        seen = []
        for down in self.downs:
            x = down(x)
            seen.append(x)
        x = self.ups[0](x)
        for up, level in zip(self.ups[1:], reversed(seen[:-1])):
            x = up(torch.cat([x, level], 1))
        return torch.tanh(x)


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        conv = lambda: nn.Conv2d(c, c, 3, bias=False)
        pad = lambda: nn.ReflectionPad2d(1)
        self.layers = nn.Sequential(pad(), conv(), norm(c), nn.ReLU(True), pad(), conv(), norm(c))

    def forward(self, x):
        return x + self.layers(x)


def residual(blocks=6):
    c = [width, 2 * width, 4 * width]
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(3, c[0], 7, bias=False), norm(c[0]), nn.ReLU(True)]
    for i, o in zip(c, c[1:]):
        layers += [nn.Conv2d(i, o, 3, 2, 1, bias=False), norm(o), nn.ReLU(True)]
    layers += [Block(c[2]) for _ in range(blocks)]
    for i, o in zip(c[::-1], c[-2::-1]):
        layers += [nn.ConvTranspose2d(i, o, 3, 2, 1, 1, bias=False), norm(o), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(c[0], 3, 7), nn.Tanh())


def critic(channels):
    halvings = 3 if size >= 128 else 2 if size >= 48 else 1
    c = [channels] + [min(width << i, 8 * width) for i in range(halvings + 1)]
    layers = [nn.Conv2d(c[0], c[1], 4, 2, 1), nn.LeakyReLU(0.2)]
    for i in range(1, halvings + 1):
        layers += [nn.Conv2d(c[i], c[i + 1], 4, 2 if i < halvings else 1, 1, bias=False), norm(c[i + 1]), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(c[-1], 1, 4, 1, 1))


def ready(net):
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(m.weight, 0, 0.02)
        elif isinstance(m, nn.InstanceNorm2d):
            nn.init.normal_(m.weight, 1, 0.02)
    return net.to(memory_format=layout)


def adam(*nets):
    return torch.optim.Adam(itertools.chain(*(n.parameters() for n in nets)), 2e-4, (0.5, 0.999), fused=True)


def frozen(nets, on):
    for n in nets:
        n.requires_grad_(not on)


class Pix2pix:
    def __init__(self):
        levels = max(2, int(math.log2(size)) - 1)
        self.g, self.d = ready(Unet(levels)), ready(critic(6))
        self.opt_g, self.opt_d = adam(self.g), adam(self.d)

    def step(self, a, b):
        made = self.g(a)
        self.opt_d.zero_grad(set_to_none=True)
        real, fake = self.d(torch.cat([a, b], 1)), self.d(torch.cat([a, made.detach()], 1))
        (F.softplus(-real).mean() + F.softplus(fake).mean()).backward()
        self.opt_d.step()
        frozen([self.d], True)
        self.opt_g.zero_grad(set_to_none=True)
        (F.softplus(-self.d(torch.cat([a, made], 1))).mean() + 100 * (made - b).abs().mean()).backward()
        self.opt_g.step()
        frozen([self.d], False)


class CycleGan:
    def __init__(self):
        self.g, self.f, self.d_b, self.d_a = ready(residual()), ready(residual()), ready(critic(3)), ready(critic(3))
        self.opt_g, self.opt_d = adam(self.g, self.f), adam(self.d_b, self.d_a)
        self.pools = [[], []]

    def shown(self, side, made):
        pool, out = self.pools[side], []
        for x in made.detach():
            if len(pool) < 50:
                pool.append(x)
                out.append(x)
            elif random.random() < 0.5:
                i = random.randrange(50)
                out.append(pool[i])
                pool[i] = x
            else:
                out.append(x)
        return torch.stack(out).to(memory_format=layout)

    def step(self, a, b):
        b_made, a_made = self.g(a), self.f(b)
        self.opt_d.zero_grad(set_to_none=True)
        for side, (d, real, made) in enumerate([(self.d_b, b, b_made), (self.d_a, a, a_made)]):
            loss = (d(real) - 1).square().mean() + d(self.shown(side, made)).square().mean()
            (loss / 2).backward()
        self.opt_d.step()
        frozen([self.d_a, self.d_b], True)
        self.opt_g.zero_grad(set_to_none=True)
        loss = (self.d_b(b_made) - 1).square().mean() + (self.d_a(a_made) - 1).square().mean()
        loss = loss + 10 * ((self.f(b_made) - a).abs().mean() + (self.g(a_made) - b).abs().mean())
        loss = loss + 5 * ((self.g(b) - b).abs().mean() + (self.f(a) - a).abs().mean())
        loss.backward()
        self.opt_g.step()
        frozen([self.d_a, self.d_b], False)


player = {"pix2pix": Pix2pix, "cycle_gan": CycleGan}[model]()
if training is None:
    from serve import serve

    a, b = ((torch.rand(batch, 3, size, size) * 2 - 1).to(memory_format=layout) for _ in range(2))
    serve(lambda: player.step(a, b))
else:
    import numpy as np

    def sides(path):
        x = torch.from_numpy(np.load(path)).float().permute(0, 3, 1, 2) * 2 - 1
        if x.shape[1] == 1:
            x = x.expand(-1, 3, -1, -1)
        return [half.contiguous(memory_format=layout) for half in x.chunk(2, 3)]

    (a, b), (given, _) = sides(training[0]), sides(training[1])
    order = torch.cat([torch.randperm(len(a)) for _ in range(int(training[3]) * batch // len(a) + 1)])
    for i in range(int(training[3])):
        at = order[i * batch : (i + 1) * batch]
        player.step(a[at], b[at])
    with torch.no_grad():
        made = torch.cat([player.g(x) for x in given.split(50)])
    np.save(training[2], (made.permute(0, 2, 3, 1).numpy() + 1) / 2)
