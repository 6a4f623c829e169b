"""Speed and memory of the surrogate-gradient training step of Spindle, Spyx and snnTorch on a processor.

    pip install torch snntorch==1.0.0 jax==0.10.2 spyx==1.0.0 optax
    cargo build -p tests --bin bench_gradients
    python tests/gradients_speed.py target/debug/bench_gradients --out results/benchmarks/gradients.md

140 -> 512 -> 512 LIF -> 20 leaky integrators, batch 128, 128 ticks, inputs that spike in 5 % of the ticks,
all float32; cross-entropy of the mean of the outputs over time, back through all ticks, Adam. Every
library gets the same inputs, labels and weights (no biases) and does the step with its own neurons and
its own default surrogate. One process each; the processes take turns, step by step, and wait in between.
The first step's loss is compared: Spindle's neurons `like` a library must give that library's loss.

Memory is the process's largest resident set. Start is from the creation of the process to the end of
its first step. Time of the processor is user and system time of all threads during a step.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

INPUTS, NEURONS, CLASSES, SAMPLES, TICKS = 140, 512, 20, 128, 128
SHAPES = [(INPUTS, NEURONS), (NEURONS, NEURONS), (NEURONS, CLASSES)]
LABELS = [sample % CLASSES for sample in range(SAMPLES)]


def make(folder):
    import numpy

    random = numpy.random.default_rng(0)
    (random.random((TICKS, SAMPLES, INPUTS)) < 0.05).astype("u1").tofile(f"{folder}/x.u8")
    for index, (rows, columns) in enumerate(SHAPES):
        # As wide as nn.Linear's own and a half more, so that some neurons spike.
        edge = 3**0.5 / rows**0.5
        random.uniform(-edge, edge, (rows, columns)).astype("<f4").tofile(f"{folder}/w{index}.f32")


def load(folder, gain):
    import numpy

    x = numpy.fromfile(f"{folder}/x.u8", "u1").reshape(TICKS, SAMPLES, INPUTS).astype("f4")
    read = lambda index: numpy.fromfile(f"{folder}/w{index}.f32", "<f4").reshape(SHAPES[index])
    return x, [gain * read(index) for index in range(3)]


def spyx(folder, gain):
    """Returns a function that does a step and gives its loss."""
    import jax
    import jax.numpy as jnp
    import optax
    from flax import nnx
    from spyx import nn

    x, weights = load(folder, gain)
    x, labels, rngs = jnp.asarray(x), jnp.asarray(LABELS), nnx.Rngs(0)
    linear = lambda rows, columns: nnx.Linear(rows, columns, use_bias=False, rngs=rngs)
    lif = lambda: nn.LIF((NEURONS,), beta=0.9, rngs=rngs)
    layers = [linear(*SHAPES[0]), lif(), linear(*SHAPES[1]), lif(), linear(*SHAPES[2])]
    model = nn.Sequential(*layers, nn.LI((CLASSES,), beta=0.8, rngs=rngs))
    for layer, weight in zip(layers[::2], weights):
        layer.kernel[...] = jnp.asarray(weight)
    graph, state = nnx.split(model)
    rule = optax.adam(1e-3)
    memory = rule.init(state)

    def loss(state, x):
        traces, _ = nn.run(nnx.merge(graph, state), x)
        return optax.softmax_cross_entropy_with_integer_labels(traces.mean(0), labels).mean()

    @jax.jit
    def step(state, memory, x):
        value, gradient = jax.value_and_grad(loss)(state, x)
        change, memory = rule.update(gradient, memory, state)
        return optax.apply_updates(state, change), memory, value

    def once():
        nonlocal state, memory
        state, memory, value = jax.block_until_ready(step(state, memory, x))
        return float(value)

    return once


def snntorch(folder, gain):
    """Returns a function that does a step and gives its loss."""
    import snntorch
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    x, weights = load(folder, gain)
    x, labels = torch.from_numpy(x), torch.tensor(LABELS)
    linear = [torch.nn.Linear(*shape, bias=False) for shape in SHAPES]
    with torch.no_grad():
        for layer, weight in zip(linear, weights):
            layer.weight.copy_(torch.from_numpy(weight.T.copy()))
    first, second = snntorch.Leaky(beta=0.9), snntorch.Leaky(beta=0.9)
    last = snntorch.Leaky(beta=0.8, reset_mechanism="none")
    parameters = [parameter for layer in linear for parameter in layer.parameters()]
    rule = torch.optim.Adam(parameters, lr=1e-3)

    def once():
        states = [neuron.init_leaky() for neuron in (first, second, last)]
        total = 0
        for tick in range(TICKS):
            spikes, states[0] = first(linear[0](x[tick]), states[0])
            spikes, states[1] = second(linear[1](spikes), states[1])
            _, states[2] = last(linear[2](spikes), states[2])
            total = total + states[2]
        loss = torch.nn.functional.cross_entropy(total / TICKS, labels)
        rule.zero_grad()
        loss.backward()
        rule.step()
        return loss.item()

    return once


def child(library, folder, gain):
    once = {"spyx": spyx, "snntorch": snntorch}[library](folder, gain)
    while True:
        began = time.perf_counter()
        loss = once()
        print(json.dumps({"seconds": time.perf_counter() - began, "loss": loss}), flush=True)
        if not sys.stdin.readline():
            break


class Library:
    """A process that does a step whenever it is asked."""

    def __init__(self, name, command, cores):
        self.name = name
        settings = {**os.environ, "OMP_NUM_THREADS": str(cores), "RAYON_NUM_THREADS": str(cores)}
        began = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=settings,
            preexec_fn=lambda: os.sched_setaffinity(0, range(cores)),
        )
        self.first = self.answer()
        self.start = time.perf_counter() - began
        self.start_cpu = self.cpu()
        self.walls, self.cpus = [], []

    def answer(self):
        line = self.process.stdout.readline()
        assert line, f"{self.name} ended without an answer"
        return json.loads(line)

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def step(self):
        before = self.cpu()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.walls.append(self.answer()["seconds"])
        self.cpus.append(self.cpu() - before)

    def end(self):
        self.process.stdin.close()
        _, _, usage = os.wait4(self.process.pid, 0)
        self.peak = usage.ru_maxrss / 1024


def measure(program, folder, cores, steps, gain):
    own = [sys.executable, os.path.abspath(__file__), "--folder", folder, "--gain", str(gain), "--child"]
    spindle = [program, folder, "--gain", str(gain), "--like"]
    libraries = [
        Library("Spindle, neurons of Spyx", spindle + ["spyx"], cores),
        Library("Spyx", own + ["spyx"], cores),
        Library("Spindle, neurons of snnTorch", spindle + ["snntorch"], cores),
        Library("snnTorch", own + ["snntorch"], cores),
    ]
    for _ in range(steps):
        for library in libraries:
            library.step()
    for library in libraries:
        library.end()
    for own, other in (libraries[:2], libraries[2:]):
        apart = abs(own.first["loss"] - other.first["loss"])
        # A spike more or less, from rounding, shows in the loss.
        assert apart < 1e-2 * other.first["loss"], (own.first, other.first)
    return libraries


def table(libraries):
    text = "| | s per step, least | median | processor s per step | start to first step, s | peak memory, MB | first loss |\n"
    text += "| --- | --- | --- | --- | --- | --- | --- |\n"
    for one in libraries:
        rates = ", ".join(f"{100 * rate:.1f} %" for rate in one.first.get("rates", []))
        text += (
            f"| {one.name}{f' (active: {rates})' if rates else ''} | {min(one.walls):.3f} "
            f"| {statistics.median(one.walls):.3f} | {statistics.median(one.cpus):.2f} | {one.start:.2f} "
            f"| {one.peak:.0f} | {one.first['loss']:.4f} |\n"
        )
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?", help="bench_gradients")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--cores", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--gain", type=float, nargs="+", default=[1.0], help="factors on the weights")
    parser.add_argument("--out", help="file to write the tables to")
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        return child(arguments.child, arguments.folder, arguments.gain[0])
    text = ""
    with tempfile.TemporaryDirectory() as folder:
        make(folder)
        for gain in arguments.gain:
            for cores in arguments.cores:
                load_before = os.getloadavg()[0]
                libraries = measure(arguments.program, folder, cores, arguments.steps, gain)
                text += (
                    f"\n### {cores} core{'s' if cores > 1 else ''}, weights × {gain:g} (load of the machine "
                    f"{load_before:.1f} before, {os.getloadavg()[0]:.1f} after)\n\n{table(libraries)}"
                )
                print(text, flush=True)
    if arguments.out:
        with open(arguments.out, "w") as file:
            file.write(text.lstrip())


if __name__ == "__main__":
    main()
