"""What every peer does: as many steps as a line of standard input says, answered with the milliseconds a
step, of the clock and of the processors, and the peak resident memory in MiB."""
import resource, sys, time


def serve(step):
    for line in sys.stdin:
        steps = int(line)
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(steps):
            step()
        ms, cpu = (time.perf_counter() - start) * 1e3 / steps, (time.process_time() - cpu) * 1e3 / steps
        print(ms, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
