"""Spiking networks in continuous time: from event to event, in 64-bit floats."""

from math import exp, expm1, inf, log, sqrt

import numpy as np

from .numbers import f32, gain, tanh
from .refusal import require


class Neurons:
    """Time constants, threshold and reset of a layer."""

    def __init__(self, config, spiking):
        self.mem, self.syn = config.get("tau_mem", 0.01), config.get("tau_syn", 0.005)
        self.threshold, self.reset = config.get("threshold", 1.0), config.get("reset", 0.0)
        self.refractory = config.get("refractory", 0.0)
        self.two = self.mem == 2 * self.syn
        require(self.two or not spiking, "layers are run here with tau_mem = 2 · tau_syn")
        require(self.mem != self.syn, "readouts are run here with tau_mem other than tau_syn")
        self.delta = (self.mem - self.syn) / (self.mem * self.syn)
        self.factor = self.syn / (self.mem - self.syn)

    def flow(self, time):
        """What is left of V and of I after some time, and what I has added to V."""
        mem = exp(-time / self.mem)
        if self.two:
            return mem, mem * mem, mem - mem * mem
        syn, power = exp(-time / self.syn), time * self.delta
        cross = -mem * expm1(-power) if power > 0 else syn * expm1(power)
        return mem, syn, cross * self.factor

    def crossing(self, u, i, h):
        """When u = V − E reaches h, the threshold minus E (Göltz et al. 2021, equation 11)."""
        if u >= h:
            return 0.0
        if h > 0 and i <= h:
            return inf
        a = u + i
        square = a * a - 4 * i * h
        if h > 0:
            if not (a > 0 and square > 0):
                return inf
            x = (a + sqrt(square)) / (2 * i)
            return -self.mem * log(x) if x < 1 else 0.0
        root = sqrt(max(square, 0.0))
        x = (a + root) / (2 * i) if a > 0 else 2 * h / (a - root) if a < root else 0.0
        return -self.mem * log(x) if 0 < x < 1 else inf


class World:
    """The state of one individual: per layer potentials, currents, the times of both, and until when V is held."""

    def __init__(self, network):
        self.network = network
        sizes = [*network.sizes, network.outputs]
        self.v, self.i, self.time = ([[0.0] * size for size in sizes] for _ in range(3))
        self.held = [[-inf] * size for size in sizes]

    def advance(self, layer, neuron, time):
        neurons, drive = self.network.layers[layer], self.drive[layer][neuron]
        held, since = self.held[layer][neuron], self.time[layer][neuron]
        if held > since:
            until = min(held, time)
            self.i[layer][neuron] *= neurons.flow(until - since)[1]
            since = self.time[layer][neuron] = until
            if held > time:
                return
        mem, syn, cross = neurons.flow(time - since)
        u, i = self.v[layer][neuron] - drive, self.i[layer][neuron]
        self.v[layer][neuron] = drive + (mem * u + cross * i)
        self.i[layer][neuron], self.time[layer][neuron] = i * syn, time

    def predict(self, layer, neuron):
        neurons, drive = self.network.layers[layer], self.drive[layer][neuron]
        held, since, i = self.held[layer][neuron], self.time[layer][neuron], self.i[layer][neuron]
        u = self.v[layer][neuron] - drive
        if held > since:
            if held > self.network.step:
                return inf
            u, i, since = neurons.reset - drive, neurons.flow(held - since)[1] * i, held
        return since + neurons.crossing(u, i, neurons.threshold - drive)

    def arrive(self, layer, weights, time):
        """A spike reaches all neurons of a layer."""
        last = layer == len(self.network.sizes)
        for neuron, weight in enumerate(weights):
            if last:
                self.measure(neuron, time)
            else:
                self.advance(layer, neuron, time)
            self.i[layer][neuron] += weight
            if not last:
                self.next[layer][neuron] = self.predict(layer, neuron)

    def measure(self, output, time):
        """Brings an output to a time, with the integral of its potential."""
        layer, neurons = len(self.network.sizes), self.network.layers[-1]
        since = self.time[layer][output]
        mem, syn, cross = neurons.flow(time - since)
        u, i = self.v[layer][output], self.i[layer][output]
        end = mem * u + cross * i
        self.integral[output] += neurons.syn * (1 - syn) * i + neurons.mem * (u - end)
        self.v[layer][output], self.i[layer][output], self.time[layer][output] = end, i * syn, time

    def run(self, drive, inputs):
        """A control step; returns who spiked."""
        network, end = self.network, self.network.step
        sizes = [*network.sizes, network.outputs]
        self.drive = [drive, *([0.0] * size for size in sizes[1:])]
        self.time = [[0.0] * size for size in sizes]
        self.integral = [0.0] * network.outputs
        self.next = [[self.predict(k, n) for n in range(size)] for k, size in enumerate(network.sizes)]
        spiked, count = [np.zeros((1, size), bool) for size in network.sizes], 0
        while True:
            times = [min(layer) for layer in self.next]
            spike, arrival = min(times), inputs[0][0] if inputs else inf
            if min(spike, arrival) >= end:
                break
            count += 1
            require(count <= network.limit, "the activity runs away")
            if arrival <= spike:
                _, channel, amplitude = inputs.pop(0)
                self.arrive(0, [amplitude * weight for weight in network.incoming[0][channel]], arrival)
                continue
            layer = times.index(spike)
            neuron, neurons = self.next[layer].index(spike), network.layers[layer]
            self.advance(layer, neuron, spike)
            spiked[layer][0, neuron] = True
            self.v[layer][neuron] = neurons.reset
            if neurons.refractory > 0:
                self.held[layer][neuron] = spike + neurons.refractory
            self.next[layer][neuron] = self.predict(layer, neuron)
            # A spike reaches everything at once, before any further one.
            if network.recurrent[layer] is not None:
                self.arrive(layer, network.recurrent[layer][neuron], spike)
            self.arrive(layer + 1, network.incoming[layer + 1][neuron], spike)
        for layer, size in enumerate(network.sizes):
            for neuron in range(size):
                self.advance(layer, neuron, end)
                self.held[layer][neuron] -= end
        for output in range(network.outputs):
            self.measure(output, end)
        return spiked


class Events:
    """A controller `Events`: `start(worlds, seeds)`, then actions of normalised observations."""

    def __init__(self, config, inputs, outputs):
        self.inputs, self.outputs, self.ticks = inputs, outputs, 1
        self.step, self.limit = config.get("step", 0.02), config.get("max_events", 100_000)
        ((self.encoder, self.code),) = config.get("encoder", {"Current": {}}).items()
        ((self.readout, leaky),) = config.get("readout", {"Last": {}}).items()
        require(self.readout in ("Last", "Integral"), f"readout {self.readout} is not run here; valid: Last, Integral")
        self.blocks, self.scales, self.sizes, self.layers = [], [], [], []
        kinds, sources = [], inputs + 1
        for index, layer in enumerate(config.get("hidden", [{"Recurrent": {}}])):
            ((kind, own),) = layer.items()
            require(tuple(own.get("delay", (0, 0))) == (0, 0), "layers with `delay` are not run here")
            size = own.get("neurons", 64)
            self.blocks.append((f"hidden.{index}.input", (sources, size), None))
            self.scales.append(gain(config.get("input_gain", 4.0), inputs if index == 0 else sources))
            if kind == "Recurrent":
                self.blocks.append((f"hidden.{index}.recurrent", (size, size), None))
                self.scales.append(gain(config.get("recurrent_gain", 1.0), size))
            kinds.append(kind)
            self.layers.append(Neurons(own, True))
            self.sizes.append(size)
            sources = size
        self.blocks += [("readout.weight", (sources, outputs), None), ("readout.bias", (1, outputs), None)]
        self.scales += [gain(config.get("output_gain", 8.0), sources), f32(1)]
        self.layers.append(Neurons(leaky, False))
        self.kinds = kinds

    def load(self, blocks):
        """Takes θ as arrays, one per block, with which entries exist."""
        scaled = [(float(scale) * theta.astype(float)).tolist() for scale, (theta, _) in zip(self.scales, blocks)]
        self.incoming, self.recurrent = [], []
        for kind in self.kinds:
            self.incoming.append(scaled.pop(0))
            self.recurrent.append(scaled.pop(0) if kind == "Recurrent" else None)
        self.incoming.append(scaled.pop(0))
        self.bias = scaled.pop(0)[0]

    def start(self, worlds, seeds):
        """Begins an episode in each of so many worlds."""
        self.worlds = [World(self) for _ in range(worlds)]

    def enter(self, x):
        """Currents into the first layer, and input spikes in the order of their times."""
        values, size = [*map(float, x), 1.0], self.sizes[0]
        if self.encoder == "Current":
            drive = [0.0] * size
            for value, row in zip(values, self.incoming[0]):
                drive = [sum_ + value * weight for sum_, weight in zip(drive, row)]
            return drive, []
        if self.encoder == "Spikes":
            return [0.0] * size, [(0.0, k, value) for k, value in enumerate(values) if value != 0]
        low, high = self.code.get("low", 0.0), self.code.get("high", 1.0)
        window, bias = self.code.get("window", 0.01), len(x)
        late = [(window * ((high - min(max(value, low), high)) / (high - low)), k, 1.0) for k, value in enumerate(values[:-1])]
        return [0.0] * size, sorted([*late, (0.0, bias, 1.0)])

    def __call__(self, x):
        """Actions [worlds, outputs] in ±1 of normalised observations."""
        values, spiked = [], []
        for world, row in zip(self.worlds, x):
            spiked.append(world.run(*self.enter(row)))
            value = [part / self.step for part in world.integral] if self.readout == "Integral" else world.v[-1]
            values.append([part + bias for part, bias in zip(value, self.bias)])
        self.spikes = [np.stack(layer) for layer in zip(*spiked)]
        return tanh(np.array(values).astype(f32))
