"""One training step of DCGAN-64 a line of standard input; answers with its milliseconds, of the
clock and of the processors.

PyTorch at its best: channels last, gradients set to None, the discriminator frozen in the generator's
step, fused Adam. Arguments: batch, threads, `bf16` for autocast.
"""
import resource, sys, time, torch
from torch import nn
import torch.nn.functional as F

batch, threads = int(sys.argv[1]), int(sys.argv[2])
bf16 = "bf16" in sys.argv[3:]
torch.set_num_threads(threads)
torch.manual_seed(1)
mf = torch.channels_last


def discriminator():
    c = [3, 64, 128, 256, 512]
    layers = []
    for i in range(4):
        layers.append(nn.Conv2d(c[i], c[i + 1], 4, 2, 1, bias=False))
        if i:
            layers.append(nn.BatchNorm2d(c[i + 1]))
        layers.append(nn.LeakyReLU(0.2, inplace=True))
    return nn.Sequential(*layers, nn.Conv2d(512, 1, 4, 1, 0, bias=False))


def generator():
    c = [512, 256, 128, 64]
    layers = [nn.ConvTranspose2d(100, 512, 4, 1, 0, bias=False), nn.BatchNorm2d(512), nn.ReLU(True)]
    for i in range(3):
        layers += [nn.ConvTranspose2d(c[i], c[i + 1], 4, 2, 1, bias=False), nn.BatchNorm2d(c[i + 1]), nn.ReLU(True)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh())


D, G = discriminator().to(memory_format=mf), generator().to(memory_format=mf)
for m in [*D.modules(), *G.modules()]:
    if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(m.weight, 0, 0.02)
adam = lambda net: torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999), fused=True)
opt_d, opt_g = adam(D), adam(G)
real = (torch.rand(batch, 3, 64, 64) * 2 - 1).to(memory_format=mf)


def step():
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        fake = G(torch.randn(batch, 100, 1, 1))
        opt_d.zero_grad(set_to_none=True)
        loss = F.softplus(-D(real).float()).mean()
        loss.backward()
        loss_fake = F.softplus(D(fake.detach()).float()).mean()
        loss_fake.backward()
        opt_d.step()
        for p in D.parameters():
            p.requires_grad_(False)
        opt_g.zero_grad(set_to_none=True)
        F.softplus(-D(fake).float()).mean().backward()
        opt_g.step()
        for p in D.parameters():
            p.requires_grad_(True)
    return loss.item() + loss_fake.item()


for line in sys.stdin:
    steps = int(line)
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    ms, cpu = (time.perf_counter() - start) * 1e3 / steps, (time.process_time() - cpu) * 1e3 / steps
    print(ms, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
