"""Steps of PyTorch-GAN's `gan.py` (argument `gan`) or of PyTorch's example VAE (`vae`), as many as a line of
standard input says; answers with the milliseconds a step, of the clock and of the processors. Further arguments: batch, threads."""
import resource, sys, time, torch
from torch import nn
import torch.nn.functional as F

model, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(1)
real = torch.rand(batch, 784)


def gan():
    def block(i, o):
        return [nn.Linear(i, o), nn.BatchNorm1d(o, 0.8), nn.LeakyReLU(0.2, inplace=True)]

    G = nn.Sequential(nn.Linear(100, 128), nn.LeakyReLU(0.2, inplace=True), *block(128, 256), *block(256, 512), *block(512, 1024), nn.Linear(1024, 784), nn.Tanh())
    D = nn.Sequential(nn.Linear(784, 512), nn.LeakyReLU(0.2, inplace=True), nn.Linear(512, 256), nn.LeakyReLU(0.2, inplace=True), nn.Linear(256, 1))
    opt_g, opt_d = (torch.optim.Adam(n.parameters(), 2e-4, (0.5, 0.999), fused=True) for n in (G, D))

    def step():
        fake = G(torch.randn(batch, 100))
        for p in D.parameters():
            p.requires_grad_(False)
        opt_g.zero_grad(set_to_none=True)
        F.softplus(-D(fake)).mean().backward()
        opt_g.step()
        for p in D.parameters():
            p.requires_grad_(True)
        opt_d.zero_grad(set_to_none=True)
        loss = (F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()) / 2
        loss.backward()
        opt_d.step()
        return loss.item()

    return step


def vae():
    encode = nn.Sequential(nn.Linear(784, 400), nn.ReLU(inplace=True), nn.Linear(400, 40))
    decode = nn.Sequential(nn.Linear(20, 400), nn.ReLU(inplace=True), nn.Linear(400, 784))
    opt = torch.optim.Adam([*encode.parameters(), *decode.parameters()], 1e-3, fused=True)

    def step():
        mean, log_var = encode(real).chunk(2, 1)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_var)
        divergence = 0.5 * (log_var.exp() + mean.pow(2) - log_var - 1).sum() / batch
        loss = F.binary_cross_entropy_with_logits(decode(z), real) * 784 + divergence
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        return loss.item()

    return step


step = {"gan": gan, "vae": vae}[model]()
for line in sys.stdin:
    steps = int(line)
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    ms, cpu = (time.perf_counter() - start) * 1e3 / steps, (time.process_time() - cpu) * 1e3 / steps
    print(ms, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
