"""Steps of a convolutional VAE on 64x64x3, as many as a line of standard input says; answers with the milliseconds a step,
of the clock and of the processors.

Encoder 3-32-64-128-256 (4x4, stride 2), 256, 2 x 32; the decoder is its mirror; pixels are Gaussians of fixed deviation,
dequantized anew each step. PyTorch at its best: channels last, fused Adam. Arguments: batch, threads, `contiguous` to leave
channels first.
"""
import math, resource, sys, time, torch
from torch import nn

batch, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(1)
mf = torch.contiguous_format if "contiguous" in sys.argv[3:] else torch.channels_last
c, latent, deviation = [3, 32, 64, 128, 256], 32, 0.25


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        downs = [m for i in range(4) for m in (nn.Conv2d(c[i], c[i + 1], 4, 2, 1), nn.ReLU(inplace=True))]
        self.encode = nn.Sequential(*downs, nn.Flatten(), nn.Linear(4096, 256), nn.ReLU(inplace=True), nn.Linear(256, 2 * latent))
        self.project = nn.Sequential(nn.Linear(latent, 256), nn.ReLU(inplace=True), nn.Linear(256, 4096), nn.ReLU(inplace=True))
        ups = [m for i in (4, 3, 2, 1) for m in (nn.ConvTranspose2d(c[i], c[i - 1], 4, 2, 1), nn.ReLU(inplace=True))]
        self.decode = nn.Sequential(*ups[:-1])

    def forward(self, x):
        mean, log_variance = self.encode(x).chunk(2, 1)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        back = self.decode(self.project(z).view(-1, 256, 4, 4).contiguous(memory_format=mf))
        divergence = 0.5 * (log_variance.exp() + mean.square() - log_variance - 1).sum(1)
        square = (back - x).square().flatten(1).sum(1)
        numbers = x[0].numel()
        likelihood = -0.5 * square / deviation**2 - numbers * (math.log(deviation) + 0.5 * math.log(2 * math.pi))
        return (divergence - likelihood).mean()


vae = Vae().to(memory_format=mf)
optimizer = torch.optim.Adam(vae.parameters(), 1e-3, fused=True)
images = torch.randint(0, 256, (batch, 3, 64, 64)).float().to(memory_format=mf)


def step():
    loss = vae((images + torch.rand_like(images)) / 128 - 1)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.item()


for line in sys.stdin:
    steps = int(line)
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    ms, cpu = (time.perf_counter() - start) * 1e3 / steps, (time.process_time() - cpu) * 1e3 / steps
    print(ms, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
