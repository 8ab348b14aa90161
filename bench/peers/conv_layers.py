"""PyTorch's side of the convolution benchmark: reads lines
"pass layout transposed batch height in out kernel stride padding repeat"
and answers each with the milliseconds of every repetition. The argument is the number of threads;
with one, CPU time is measured, so that other load on the machine hardly matters."""

import sys
import time

import torch

THREADS = int(sys.argv[1])
torch.set_num_threads(THREADS)
torch.manual_seed(0)
now = time.thread_time if THREADS == 1 else time.perf_counter


def operation(what, layout, transposed, batch, height, inputs, outputs, kernel, stride, padding):
    layout = torch.channels_last if layout == "last" else torch.contiguous_format
    small = (height + 2 * padding - kernel) // stride + 1

    def tensor(*shape):
        return torch.randn(*shape).to(memory_format=layout)

    x = tensor(batch, inputs, height, height)
    gy = tensor(batch, outputs, small, small)
    w = tensor(outputs, inputs, kernel, kernel)
    if transposed:
        x, gy = gy, x
    if what == "Forward":
        function = torch.conv_transpose2d if transposed else torch.conv2d
        return lambda: function(x, w, None, stride, padding)
    wanted = [what == "Input", what == "Weight", False]
    backward = torch.ops.aten.convolution_backward
    both = [stride, stride], [padding, padding], [1, 1]
    return lambda: backward(gy, x, w, None, *both, bool(transposed), [0, 0], 1, wanted)


with torch.no_grad():
    for line in sys.stdin:
        what, layout, *numbers = line.split()
        *sizes, repeat = map(int, numbers)
        run = operation(what, layout, *sizes)
        run()
        times = []
        for _ in range(repeat):
            start = now()
            run()
            times.append((now() - start) * 1e3)
        print(*(f"{t:.4f}" for t in times), flush=True)
