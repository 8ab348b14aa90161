"""WaveNet of 30 layers of 64 channels (three cycles of dilations 1 to 512), as many steps as a line of standard input says;
answers with the milliseconds a step, of the clock and of the processors, and peak memory. Arguments: `sample`, threads: a step
is 1,000 samples of one stream, each layer computed once a sample from queues; or `step`, threads, sounds, length: a training step."""
import resource, sys, time, torch
from torch import nn
import torch.nn.functional as F

mode, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(1)
W, S, LEVELS = 64, 64, 256
DILATIONS = [2**i for i in range(10)] * 3


class Layer(nn.Module):
    def __init__(self, dilation, last):
        super().__init__()
        self.dilation = dilation
        self.gates = nn.Conv1d(W, 2 * W, 2, dilation=dilation)
        self.out = nn.Conv1d(W, S if last else W + S, 1)

    def forward(self, x, skip):
        f, g = self.gates(F.pad(x, (self.dilation, 0))).chunk(2, 1)
        out = self.out(torch.tanh(f) * torch.sigmoid(g))
        if out.shape[1] == S:
            return x, skip + out
        return x + out[:, :W], skip + out[:, W:]


class WaveNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Embedding(LEVELS + 1, W), nn.Embedding(LEVELS + 1, W)
        self.layers = nn.ModuleList(Layer(d, i == 29) for i, d in enumerate(DILATIONS))
        self.hidden, self.output = nn.Conv1d(S, S, 1), nn.Conv1d(S, LEVELS, 1)

    def forward(self, codes):
        before = F.pad(codes, (2, 0), value=LEVELS)
        x = (self.one(before[:, 1:-1]) + self.two(before[:, :-2])).transpose(1, 2)
        skip = 0
        for layer in self.layers:
            x, skip = layer(x, skip)
        return self.output(F.relu(self.hidden(F.relu(skip))))


net = WaveNet()


@torch.inference_mode()
def sample(n=1000):
    gates = [(torch.cat([l.gates.weight[:, :, 0], l.gates.weight[:, :, 1]], 1), l.gates.bias) for l in net.layers]
    outs = [(l.out.weight[:, :, 0], l.out.bias) for l in net.layers]
    queues = [torch.zeros(d, W) for d in DILATIONS]
    hidden, output = net.hidden.weight[:, :, 0], net.output.weight[:, :, 0]
    one, two = LEVELS, LEVELS
    made = []
    for t in range(n):
        x = net.one.weight[one] + net.two.weight[two]
        skip = 0
        for (gw, gb), (ow, ob), queue in zip(gates, outs, queues):
            slot = queue[t % len(queue)]
            pair = torch.cat([slot, x])
            slot.copy_(x)
            u = torch.addmv(gb, gw, pair)
            out = torch.addmv(ob, ow, torch.tanh(u[:W]) * torch.sigmoid(u[W:]))
            if len(out) == S:
                skip = skip + out
            else:
                x, skip = x + out[:W], skip + out[W:]
        logits = torch.addmv(net.output.bias, output, F.relu(torch.addmv(net.hidden.bias, hidden, F.relu(skip))))
        one, two = int(torch.multinomial(F.softmax(logits, 0), 1)), one
        made.append(one)
    return made


if mode == "step":
    items, length = int(sys.argv[3]), int(sys.argv[4])
    codes = torch.randint(LEVELS, (items, length))
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True)

    def step():
        loss = F.cross_entropy(net(codes), codes)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()
else:
    step = sample

for line in sys.stdin:
    steps = int(line)
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    ms, cpu = (time.perf_counter() - start) * 1e3 / steps, (time.process_time() - cpu) * 1e3 / steps
    print(ms, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
