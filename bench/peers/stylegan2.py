"""Steps of StyleGAN2 on 64x64x3 in PyTorch: the library's networks at width 16 with 128 latents, R1 every 16 updates and path
lengths every 4, by double backward, so that a round of 16 steps holds all.

PyTorch at its best: channels last (`contiguous` for the other layout), styles that scale activations in place of weights,
gradients set to None, the discriminator frozen in the generator's step, fused Adam. Arguments: batch, threads.
"""
import math, sys, torch
from torch import nn
import torch.nn.functional as F
from serve import serve

batch, threads, options = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
torch.set_num_threads(threads)
torch.manual_seed(1)
layout = torch.contiguous_format if "contiguous" in options else torch.channels_last
W, LATENT, MAPPING, GAIN = 16, 128, 4, math.sqrt(2)
sizes = [4, 8, 16, 32, 64]
ch = [W << min(4 - i, 3) for i in range(5)]  # by size


def lrelu(x):
    return F.leaky_relu(x, 0.2)


class Linear(nn.Module):
    def __init__(self, i, o, gain=1.0, rate=1.0):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(o, i) / rate), nn.Parameter(torch.zeros(o))
        self.w, self.b = gain * rate / math.sqrt(i), gain * rate

    def forward(self, x):
        return F.linear(x, self.weight * self.w, self.bias * self.b)


class Conv(nn.Module):
    def __init__(self, i, o, k=3, stride=1, padding=0, gain=1.0, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(o, i, k, k))
        self.bias = nn.Parameter(torch.zeros(o)) if bias else None
        self.w, self.gain, self.stride, self.padding = gain / math.sqrt(i * k * k), gain, stride, padding

    def forward(self, x):
        bias = None if self.bias is None else self.bias * self.gain
        return F.conv2d(x, self.weight * self.w, bias, self.stride, self.padding)


class Modulated(nn.Module):
    def __init__(self, i, o, k, demodulate, gain):
        super().__init__()
        self.weight, self.style = nn.Parameter(torch.randn(o, i, k, k)), Linear(LATENT, i)
        self.demodulate, self.gain, self.k = demodulate, gain, k

    def forward(self, x, w):
        s = self.style(w) + 1
        x = x * s[:, :, None, None]
        if not self.demodulate:
            return F.conv2d(x, self.weight * (self.gain / math.sqrt(self.weight[0].numel())), padding=self.k // 2)
        y = F.conv2d(x, self.weight, padding=self.k // 2)
        q = (s * s) @ self.weight.square().sum((2, 3)).t()
        return y * (torch.rsqrt(q + 1e-8) * self.gain)[:, :, None, None]


class Styled(nn.Module):
    def __init__(self, i, o, size):
        super().__init__()
        self.conv, self.size = Modulated(i, o, 3, True, GAIN), size
        self.strength, self.bias = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(o))

    def forward(self, x, w):
        if x.shape[2] != self.size:
            x = F.interpolate(x, size=self.size, mode="bilinear", align_corners=False)
        y = self.conv(x, w)
        noise = torch.randn(y.shape[0], 1, self.size, self.size) * self.strength
        return lrelu(y + (noise + self.bias[None, :, None, None]) * GAIN)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.mapping = nn.ModuleList(Linear(LATENT, LATENT, GAIN, 0.01) for _ in range(MAPPING))
        self.constant = nn.Parameter(torch.randn(1, ch[0], 4, 4))
        layers = [Styled(ch[0], ch[0], 4)]
        for i in range(1, 5):
            layers += [Styled(ch[i - 1], ch[i], sizes[i]), Styled(ch[i], ch[i], sizes[i])]
        self.layers = nn.ModuleList(layers)
        self.colours = nn.ModuleList(Modulated(c, 3, 1, False, 1.0) for c in ch)
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(3)) for _ in ch)

    def style(self, z):
        z = z * torch.rsqrt(z.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.mapping:
            z = lrelu(layer(z))
        return z

    def styles(self, n):
        a, b = self.style(torch.randn(n, LATENT)), self.style(torch.randn(n, LATENT))
        places = len(self.layers) + 1
        cross = torch.where(torch.rand(n) < 0.9, torch.randint(1, places, (n,)), torch.tensor(places))
        own = (torch.arange(places)[None] < cross[:, None])[:, :, None]
        return torch.where(own, a[:, None], b[:, None])

    def forward(self, w):
        x = self.constant.expand(w.shape[0], -1, -1, -1).contiguous(memory_format=layout)
        x = self.layers[0](x, w[:, 0])
        colour = lambda i, x, w: self.colours[i](x, w) + self.biases[i][None, :, None, None]
        picture = colour(0, x, w[:, 1])
        for i in range(1, 5):
            x = self.layers[2 * i - 1](x, w[:, 2 * i - 1])
            x = self.layers[2 * i](x, w[:, 2 * i])
            up = F.interpolate(picture, size=sizes[i], mode="bilinear", align_corners=False)
            picture = up + colour(i, x, w[:, 2 * i + 1])
        return picture


kernel = torch.tensor([1.0, 3, 3, 1]) / 8
kernel = (kernel[:, None] * kernel[None])[None, None]


def blur(x, stride, padding):
    c = x.shape[1]
    return F.conv2d(x, kernel.expand(c, 1, 4, 4), stride=stride, padding=padding, groups=c)


class Down(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.same, self.down = Conv(i, i, 3, 1, 1, GAIN), Conv(i, o, 3, 2, 0, 1.0)
        self.shortcut = Conv(i, o, 1, gain=1 / GAIN, bias=False)

    def forward(self, x):
        y = lrelu(self.down(blur(lrelu(self.same(x)), 1, 2)))
        return y + self.shortcut(blur(x, 2, 1))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.colours = Conv(3, ch[4], 1, gain=GAIN)
        self.blocks = nn.ModuleList(Down(ch[i], ch[i - 1]) for i in (4, 3, 2, 1))
        self.last = Conv(ch[0] + 1, ch[0], 3, 1, 1, GAIN)
        self.features, self.score = Linear(16 * ch[0], ch[0], GAIN), Linear(ch[0], 1)

    def forward(self, x):
        x = lrelu(self.colours(x))
        for block in self.blocks:
            x = block(x)
        n, c, h, w = x.shape
        g = x.reshape(4, n // 4, c, h, w)
        spread = (g - g.mean(0)).square().mean(0).add(1e-8).sqrt().mean((1, 2, 3))
        x = torch.cat([x, spread.repeat(4)[:, None, None, None].expand(n, 1, h, w)], 1)
        return self.score(lrelu(self.features(lrelu(self.last(x)).flatten(1))))


def adam(net, every):
    c = every / (every + 1)
    return torch.optim.Adam(net.parameters(), 0.002 * c, (0.0, 0.99**c), fused=True)


G, D = Generator().to(memory_format=layout), Discriminator().to(memory_format=layout)
average = [p.detach().clone() for p in G.parameters()]
opt_g, opt_d = adam(G, 4), adam(D, 16)
real = (torch.rand(batch, 3, 64, 64) * 2 - 1).to(memory_format=layout)
done, usual = 0, 0.0


def train():
    global done, usual
    fake = G(G.styles(batch))
    opt_d.zero_grad(set_to_none=True)
    F.softplus(-D(real)).mean().backward()
    F.softplus(D(fake.detach())).mean().backward()
    if done % 16 == 0:
        x = real.detach().requires_grad_()
        (g,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
        (0.5 * 16 * g.square().sum((1, 2, 3)).mean()).backward()
    opt_d.step()
    D.requires_grad_(False)
    opt_g.zero_grad(set_to_none=True)
    F.softplus(-D(fake)).mean().backward()
    if done % 4 == 0:
        w = G.styles(batch // 2)
        image = G(w)
        y = torch.randn_like(image) / 64
        (g,) = torch.autograd.grad((image * y).sum(), w, create_graph=True)
        lengths = g.square().sum(2).mean(1).sqrt()
        usual += 0.01 * (lengths.mean().item() - usual)
        (4 * 2.0 * (lengths - usual).square().mean()).backward()
    opt_g.step()
    D.requires_grad_(True)
    torch._foreach_lerp_(average, list(G.parameters()), 0.001)
    done += 1


serve(train)
