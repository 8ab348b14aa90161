"""Steps of one of five GANs on 64x64x3 in PyTorch, with the library's networks: `wgan_gp` and `acgan` (DCGAN's, width 64, 100 latents),
`sngan` (residual, width 64, 128 latents), `r3gan` (inverted bottlenecks, width 16, 64 latents), `biggan` (width 32, 120 latents).

PyTorch at its best: channels last, gradients set to None, the discriminator frozen in the generator's step, which learns from the
samples that the discriminator's last update has seen, fused Adam. Penalties of gradients by double backward. Arguments: model, batch,
threads; `compile` for torch.compile of both networks.
"""
import math, sys, torch
from torch import nn
import torch.nn.functional as F
from torch.nn.utils.parametrizations import spectral_norm
from serve import serve

model, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(1)
layout, CLASSES = torch.channels_last, 10


def grid(x, width):
    return x.view(-1, width, 4, 4).contiguous(memory_format=layout)


class DcganGenerator(nn.Module):
    def __init__(self, latent, c=(512, 256, 128, 64)):
        super().__init__()
        self.project = nn.Linear(latent, 16 * c[0], bias=False)
        layers = [nn.BatchNorm2d(c[0]), nn.ReLU(True)]
        for i in range(3):
            layers += [nn.ConvTranspose2d(c[i], c[i + 1], 4, 2, 1, bias=False), nn.BatchNorm2d(c[i + 1]), nn.ReLU(True)]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose2d(c[3], 3, 4, 2, 1), nn.Tanh())
        self.width = c[0]

    def forward(self, z, y):
        z = z if y is None else torch.cat([z, y], 1)
        return self.layers(grid(self.project(z), self.width))


class DcganDiscriminator(nn.Module):
    def __init__(self, norm, c=(3, 64, 128, 256, 512), classes=0):
        super().__init__()
        layers = []
        for i in range(4):
            layers.append(nn.Conv2d(c[i], c[i + 1], 4, 2, 1, bias=i == 0))
            if i:
                layers.append(norm(c[i + 1]))
            layers.append(nn.LeakyReLU(0.2, inplace=norm is nn.BatchNorm2d))
        self.layers, self.score = nn.Sequential(*layers), nn.Linear(16 * c[4], 1)
        self.classes = nn.Linear(16 * c[4], classes) if classes else None

    def forward(self, x, y=None):
        h = self.layers(x).flatten(1)
        return self.score(h) if self.classes is None else (self.score(h), self.classes(h))


def sn(layer, on=True):
    return spectral_norm(layer) if on else layer


class Up(nn.Module):
    def __init__(self, i, o, told=0, spectral=False):
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(i), nn.BatchNorm2d(o)])
        if told:
            self.scale = nn.ModuleList([nn.Linear(told, i, bias=False), nn.Linear(told, o, bias=False)])
            self.shift = nn.ModuleList([nn.Linear(told, i, bias=False), nn.Linear(told, o, bias=False)])
        self.convs = nn.ModuleList([sn(nn.Conv2d(i, o, 3, 1, 1), spectral), sn(nn.Conv2d(o, o, 3, 1, 1), spectral)])
        self.shortcut = sn(nn.Conv2d(i, o, 1), spectral)

    def normed(self, i, x, told):
        x = self.norms[i](x)
        if told is not None:
            x = x * (self.scale[i](told) + 1)[:, :, None, None] + self.shift[i](told)[:, :, None, None]
        return F.relu(x)

    def forward(self, x, told=None):
        h = self.convs[0](F.interpolate(self.normed(0, x, told), scale_factor=2))
        return self.convs[1](self.normed(1, h, told)) + F.interpolate(self.shortcut(x), scale_factor=2)


class Down(nn.Module):
    def __init__(self, i, o, first, pooled):
        super().__init__()
        self.convs = nn.ModuleList([sn(nn.Conv2d(i, o, 3, 1, 1)), sn(nn.Conv2d(o, o, 3, 1, 1))])
        self.shortcut = sn(nn.Conv2d(i, o, 1)) if pooled else None
        self.first, self.pooled = first, pooled

    def forward(self, x):
        h = self.convs[1](F.relu(self.convs[0](x if self.first else F.relu(x))))
        return F.avg_pool2d(h, 2) + self.shortcut(F.avg_pool2d(x, 2)) if self.pooled else h + x


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        of = lambda i, o: sn(nn.Conv2d(i, o, 1, bias=False))
        self.q, self.k, self.v, self.out = of(c, c // 8), of(c, c // 8), of(c, c // 2), of(c // 2, c)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        n, _, h, w = x.shape
        flat = lambda conv: conv(x).flatten(2).transpose(1, 2)
        seen = F.scaled_dot_product_attention(flat(self.q), flat(self.k), flat(self.v), scale=1.0)
        return x + self.gamma * self.out(seen.transpose(1, 2).reshape(n, -1, h, w))


class ResnetGenerator(nn.Module):
    def __init__(self, latent, width):
        super().__init__()
        self.project, self.width = nn.Linear(latent, 16 * width), width
        self.blocks = nn.ModuleList(Up(width, width) for _ in range(4))
        self.norm, self.out = nn.BatchNorm2d(width), nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, z, y):
        x = grid(self.project(z), self.width)
        for block in self.blocks:
            x = block(x)
        return torch.tanh(self.out(F.relu(self.norm(x))))


class ResnetDiscriminator(nn.Module):
    def __init__(self, channels, halvings, attends=None, classes=0):
        super().__init__()
        ends = list(zip(channels[:-1], channels[1:]))
        self.blocks = nn.ModuleList(Down(i, o, n == 0, n < halvings) for n, (i, o) in enumerate(ends))
        self.attention, self.attends = (Attention(channels[attends]) if attends else None), attends
        self.score = sn(nn.Linear(channels[-1], 1))
        self.embedding = sn(nn.Linear(classes, channels[-1], bias=False)) if classes else None

    def forward(self, x, y=None):
        for n, block in enumerate(self.blocks):
            x = block(x)
            if self.attends == n + 1:
                x = self.attention(x)
        h = F.relu(x).sum((2, 3))
        s = self.score(h)
        return s if self.embedding is None else s + (self.embedding(y) * h).sum(1, keepdim=True)


class BigganGenerator(nn.Module):
    def __init__(self, latent=120, width=32, embedding=64):
        super().__init__()
        c = [width << i for i in (4, 3, 2, 1, 0)]
        self.part, self.width = latent // 5, c[0]
        self.embedding = nn.Linear(CLASSES, embedding, bias=False)
        self.project = sn(nn.Linear(latent - 4 * self.part, 16 * c[0]))
        told = self.part + embedding
        self.blocks = nn.ModuleList(Up(c[i], c[i + 1], told, True) for i in range(4))
        self.attention = Attention(c[2])
        self.norm, self.out = nn.BatchNorm2d(c[4]), sn(nn.Conv2d(c[4], 3, 3, 1, 1))

    def forward(self, z, y):
        e, first = self.embedding(y), z.shape[1] - 4 * self.part
        x = grid(self.project(z[:, :first]), self.width)
        for i, block in enumerate(self.blocks):
            if i == 2:
                x = self.attention(x)
            x = block(x, torch.cat([e, z[:, first + i * self.part : first + (i + 1) * self.part]], 1))
        return torch.tanh(self.out(F.relu(self.norm(x))))


class Bottleneck(nn.Module):
    def __init__(self, c):
        super().__init__()
        inside = 2 * c
        self.widen, self.narrow = nn.Conv2d(c, inside, 1), nn.Conv2d(inside, c, 1, bias=False)
        self.around = nn.Conv2d(inside, inside, 3, 1, 1, groups=max(inside // 16, 1))

    def forward(self, x):
        return x + self.narrow(F.leaky_relu(self.around(F.leaky_relu(self.widen(x), 0.2)), 0.2))


R3 = [16, 32, 64, 128, 128]


class R3Generator(nn.Module):
    def __init__(self, latent=64):
        super().__init__()
        c = R3[::-1]
        self.project, self.basis = nn.Linear(latent, c[0], bias=False), nn.Parameter(torch.randn(1, c[0], 4, 4))
        self.changes = nn.ModuleList(nn.Conv2d(i, o, 1, bias=False) if i != o else nn.Identity() for i, o in zip(c, c[1:]))
        self.blocks = nn.ModuleList(nn.Sequential(Bottleneck(i), Bottleneck(i)) for i in c)
        self.out = nn.Conv2d(c[-1], 3, 1, bias=False)

    def forward(self, z, y):
        x = (self.basis * self.project(z)[:, :, None, None]).contiguous(memory_format=layout)
        x = self.blocks[0](x)
        for change, blocks in zip(self.changes, self.blocks[1:]):
            x = blocks(F.interpolate(change(x), scale_factor=2, mode="bilinear", align_corners=False))
        return self.out(x)


class R3Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.colours, self.basis = nn.Conv2d(3, R3[0], 1, bias=False), nn.Parameter(torch.randn(1, R3[-1], 4, 4) / 4)
        self.changes = nn.ModuleList(nn.Conv2d(i, o, 1, bias=False) if i != o else nn.Identity() for i, o in zip(R3, R3[1:]))
        self.blocks = nn.ModuleList(nn.Sequential(Bottleneck(i), Bottleneck(i)) for i in R3)
        self.score = nn.Linear(R3[-1], 1)

    def forward(self, x, y=None):
        x = self.colours(x)
        for blocks, change in zip(self.blocks, self.changes):
            x = change(F.avg_pool2d(blocks(x), 2))
        return self.score((self.blocks[-1](x) * self.basis).sum((2, 3)))


layer_norm = lambda c: nn.GroupNorm(1, c)
told, updates, latent, rates, betas, decay = False, 1, 100, (2e-4, 2e-4), (0.5, 0.999), 0.0
if model == "wgan_gp":
    G, D, updates = DcganGenerator(100), DcganDiscriminator(layer_norm), 5
    rates, betas = (1e-4, 1e-4), (0.0, 0.9)
elif model == "acgan":
    G, D, told = DcganGenerator(100 + CLASSES), DcganDiscriminator(nn.BatchNorm2d, classes=CLASSES), True
elif model == "sngan":
    G, D, updates, latent = ResnetGenerator(128, 64), ResnetDiscriminator([3] + [64] * 6, 4), 5, 128
    betas = (0.0, 0.9)
elif model == "r3gan":
    G, D, latent, betas, decay = R3Generator(), R3Discriminator(), 64, (0.0, 0.99), 0.995
elif model == "biggan":
    G, D, told, updates, latent = BigganGenerator(), ResnetDiscriminator([3, 32, 64, 128, 256, 256], 4, 2, CLASSES), True, 2, 120
    rates, betas, decay = (5e-5, 2e-4), (0.0, 0.999), 0.999
else:
    sys.exit(f"no peer of {model}")
G, D = G.to(memory_format=layout), D.to(memory_format=layout)
adam = lambda net, rate: torch.optim.Adam(net.parameters(), rate, betas, fused=True)
opt_g, opt_d = adam(G, rates[0]), adam(D, rates[1])
average = [p.detach().clone() for p in G.parameters()]
if "compile" in sys.argv[4:]:
    G_run, D_run = torch.compile(G), torch.compile(D)
else:
    G_run, D_run = G, D
real = (torch.rand(batch, 3, 64, 64) * 2 - 1).to(memory_format=layout)
label = torch.randint(CLASSES, (batch,))
one_hot = F.one_hot(label, CLASSES).float() if told else None
hinge = model in ("sngan", "biggan")


def slopes(x):
    x = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return g.square().sum((1, 2, 3))


def orthogonal(net):
    loss = 0.0
    for p in net.parameters():
        if p.dim() > 1:
            w = p.flatten(1)
            gram = w @ w.t()
            loss = loss + gram.square().sum() - gram.diagonal().square().sum()
    return loss * 1e-4


def losses(fake):
    """The discriminator's, in parts that are passed back one by one."""
    if model == "acgan":
        for x, sign in ((real, -1), (fake, 1)):
            score, classes = D_run(x)
            yield F.softplus(sign * score).mean() + F.cross_entropy(classes, label)
    elif model == "wgan_gp":
        yield -D_run(real).mean()
        yield D_run(fake).mean()
        e = torch.rand(batch, 1, 1, 1)
        yield 10 * (slopes(real + e * (fake - real)).sqrt() - 1).square().mean()
    elif hinge:
        yield F.relu(1 - D_run(real, one_hot)).mean()
        yield F.relu(1 + D_run(fake, one_hot)).mean()
        if model == "biggan":
            yield orthogonal(D)
    else:
        yield F.softplus(D_run(fake) - D_run(real)).mean()
        yield 0.5 * slopes(real).mean()
        yield 0.5 * slopes(fake).mean()


def generator_loss(fake):
    if model == "acgan":
        score, classes = D_run(fake)
        return F.softplus(-score).mean() + F.cross_entropy(classes, label)
    if model == "r3gan":
        return F.softplus(D_run(real) - D_run(fake)).mean()
    loss = -D_run(fake, one_hot).mean()
    return loss + orthogonal(G) if model == "biggan" else loss


def train():
    for i in range(updates):
        with torch.set_grad_enabled(i == updates - 1):
            fake = G_run(torch.randn(batch, latent), one_hot)
        opt_d.zero_grad(set_to_none=True)
        for loss in losses(fake.detach()):
            loss.backward()
        opt_d.step()
    D.requires_grad_(False)
    opt_g.zero_grad(set_to_none=True)
    generator_loss(fake).backward()
    opt_g.step()
    D.requires_grad_(True)
    if decay:
        torch._foreach_lerp_(average, list(G.parameters()), 1 - decay)


serve(train)
