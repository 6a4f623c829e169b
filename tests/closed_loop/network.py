"""Spiking networks: the layout of their parameters, their weights in every precision, and a control step."""

import numpy as np

from . import codes, like
from .equations import Model
from .numbers import STATE_LIMIT, SUM_LIMIT, f32, gain, snap_current, tanh, uniform
from .population import Population
from .refusal import require

PRECISIONS = ("F32", "F32Free", "I8", "Binary")
INPUT = -1


def power_of_two(count):
    """The next one."""
    return 1 << max(count - 1, 0).bit_length()


class Projection:
    """Connections from the encoder (`INPUT`) or a population to a population, as weights [sources, targets].

    `sum` is what a tick adds; of `I8` and `Binary` weights are whole numbers, of which `unit` makes a weight.
    """

    def __init__(self, precision, source, rows, scale, fan_in, sign):
        self.precision, self.source, self.rows, self.sign = precision, source, rows, sign
        self.bias, self.recurrent, self.in_order = None, False, False
        if precision == "F32":
            self.step = f32(max(2.0**-12, 2.0**-19 * power_of_two(fan_in)))
        elif precision == "I8":
            digits, exponent = np.frexp(np.clip(np.float64(scale), 2.0**-64, 2.0**64))
            scale = f32(np.ldexp(np.floor(digits * 64 + 0.5) / 64, exponent)) if scale > 0 else f32(0)
            self.unit = scale / f32(32)
        elif precision == "Binary":
            self.unit = scale
        self.scale = scale

    def load(self, theta, exists):
        """θ [rows and perhaps a bias, targets]; `exists`: which connections there are."""
        if self.precision == "F32":
            weights = np.clip(np.rint(self.scale * theta * (f32(1) / self.step)) * self.step, f32(-32), f32(32))
        elif self.precision == "F32Free":
            weights = self.scale * theta
        elif self.precision == "I8":
            weights = np.clip(np.rint(theta * f32(32)), f32(-127), f32(127))
        else:
            weights = (theta > f32(0.5)).astype(f32)
        self.fix(np.where(exists, weights, f32(0)))

    def fix(self, weights):
        """Takes the weights as they are."""
        if self.sign is not None:
            weights[: self.rows] = np.abs(weights[: self.rows]) * self.sign[:, None]
        self.weights, bias = weights[: self.rows], weights[self.rows :]
        self.bias = bias[0] if len(bias) else None

    def currents(self, x):
        """Of an encoder's currents x: one after the other, each product and each sum rounded by itself."""
        if self.precision == "I8":
            steps = np.clip(np.rint(x * f32(32)), -127, 127).astype(np.float64)
            total = steps @ self.weights.astype(np.float64) + (0 if self.bias is None else 32 * self.bias.astype(float))
            return total.astype(f32) * (self.unit / f32(32))
        total = np.zeros((len(x), self.weights.shape[1]), f32)
        for i, row in enumerate(self.weights):
            total = total + x[:, i : i + 1] * row
        if self.precision == "Binary":
            return snap_current(total * self.unit)
        total = total if self.bias is None else total + self.bias
        return snap_current(total) if self.precision == "F32" else total

    def add(self, total, spikes):
        """`total` and the weights of the neurons that spiked."""
        if self.precision in ("I8", "Binary"):
            return total + (spikes @ self.weights) * self.unit
        if not self.in_order:
            # Sums on the grid are exact in any order.
            return total + spikes @ self.weights
        for i, row in enumerate(self.weights):
            total = total + spikes[:, i : i + 1] * row
        return total


class Layer:
    """A hidden layer or the readout: neurons, what enters them, and which of their spikes arrive when."""

    def __init__(self, population, incoming, delays):
        self.population, self.incoming, self.delays = population, incoming, delays

    def start(self, worlds):
        """Begins an episode in each of so many worlds."""
        self.population.start(worlds)
        longest = 0 if self.delays is None else int(self.delays.max())
        self.past = [np.zeros((worlds, self.population.neurons), f32)] * (longest + 1)
        self.arriving = self.past[0]

    def keep(self, spikes):
        self.past = [*self.past[1:], spikes.astype(f32)]
        self.arriving = self.past[-1]
        if self.delays is not None:
            columns = np.arange(len(self.delays))
            self.arriving = np.stack(self.past)[-1 - self.delays, :, columns].T


class Network:
    """A controller `Snn`: `start(worlds, seeds)`, then actions of normalised observations."""

    def __init__(self, config, inputs, outputs, clip):
        self.inputs, self.outputs, self.clip = inputs, outputs, clip
        require(not config.get("plasticity"), "controllers with `plasticity` are not run here")
        self.precision = config.get("precision", "F32")
        require(self.precision in PRECISIONS, f"precision {self.precision} is not run here; valid: {PRECISIONS}")
        self.ticks, self.config = config.get("ticks", 4), config
        self.encoder = codes.build("encoder", codes.ENCODERS, config.get("encoder", {"Current": {}}))
        self.decoder = codes.build("decoder", codes.DECODERS, config.get("decoder", {"Membrane": {}}))
        self.hidden = [next(iter(layer.items())) for layer in config.get("hidden", [{"Recurrent": {}}])]
        self.sizes = [layer.get("neurons", 64) for _, layer in self.hidden]
        # Blocks of θ: name, shape, and flat places that exist (None: all; of pairs: the parameter and sign of each).
        self.blocks, self.setters, self.layers = [], [], []
        for index in range(len(self.hidden)):
            self.add_hidden(index)
        self.add_readout()

    def block(self, name, shape, setter, places=None):
        """The next block of θ, and what takes it: θ as [rows, columns] and which entries exist."""
        self.blocks.append((name, shape, places))
        self.setters.append(setter)

    def rows(self, source):
        return self.encoder.width(self.inputs) if source == INPUT else self.sizes[source]

    def signs(self, source):
        """Dale's law: excitatory neurons first."""
        share = None if source == INPUT else self.hidden[source][1].get("excitatory")
        if share is None and (self.precision != "Binary" or source == INPUT):
            return None
        share, neurons = 0.5 if share is None else share, self.sizes[source]
        return np.where(np.arange(neurons) < np.rint(share * neurons), f32(1), f32(-1))

    def pairs(self, rows, targets, source, shape):
        """Of a block of push-pull pairs: which parameter each connection has, and the sign of its weight."""
        sources = 1
        if source != INPUT and self.hidden[source][1].get("push_pull", False):
            code = self.hidden[source][1].get("code", "Evolved")
            shared = code != "Evolved" and code["Pairs"].get("shared", True)
            sources = rows // self.inputs if shared else 2
        layer = len(self.layers)
        into = layer < len(self.hidden) and self.hidden[layer][1].get("push_pull", False)
        if sources == 1 and not into:
            return None
        pre, post = np.indices(shape)
        bias = pre >= rows
        row, column = pre // sources, post // 2 if into else post
        pulls = np.where(bias, 0, (pre % 2 if sources > 1 else 0) + (post % 2 if into else 0))
        sign = np.where(pulls % 2 == 1, f32(-1), f32(1))
        return row * (targets // 2 if into else targets) + column, sign

    def source(self, name):
        return INPUT if name == "input" else int(name.removeprefix("hidden."))

    def code(self, code, neurons):
        """Weights [inputs and a bias, neurons] of a population code."""
        copies = neurons // (2 * self.inputs)
        neuron = np.arange(neurons)
        weights = np.zeros((self.inputs + 1, neurons), f32)
        drive = f32(code.get("drive", 0.12))
        weights[neuron // (2 * copies), neuron] = np.where(neuron % 2 == 0, drive, -drive)
        copy = (neuron // 2 % copies).astype(f32)
        place = f32(2) * copy / f32(copies - 1) - f32(1) if copies > 1 else np.zeros(neurons, f32)
        weights[-1] = f32(code.get("center", 0.5)) + f32(code.get("spread", 0.4)) * place
        return weights

    def project(self, wanted, targets, density=1.0, fixed=None, code=None):
        """Projections into the next layer, of `wanted`: source, name, gain, whether recurrent."""
        spiking = [source for source, *_ in wanted if source != INPUT or self.encoder.spiking]
        fan_in, projections = sum(map(self.rows, spiking)), []
        for source, name, factor, recurrent in wanted:
            rows, binary = self.rows(source), self.precision == "Binary"
            scale = gain(factor, rows) * (f32(np.sqrt(2)) if binary else f32(1))
            scale = f32(1 / 2048) if fixed is not None else scale
            projection = Projection(self.precision, source, rows, scale, fan_in, self.signs(source))
            projection.recurrent = recurrent
            projections.append(projection)
            if code is not None and len(projections) == 1:
                on_grid = np.rint(code * (f32(1) / projection.step)) * projection.step if self.precision == "F32" else code
                projection.fix(on_grid.astype(f32))
                continue
            if fixed is not None:
                projection.fix(np.trunc(fixed / projection.unit) if self.precision == "I8" else fixed)
                continue
            shape = (rows + int(source == INPUT and not self.layers and not binary), targets)
            places = self.pairs(rows, targets, source, shape)
            if density < 1:
                drawn = uniform(self.config.get("wiring_seed", 0), len(self.blocks), rows * targets) < density
                places = np.concatenate([np.flatnonzero(drawn), np.arange(rows * targets, shape[0] * targets)])
            self.block(name, shape, projection.load, places)
        return projections

    def populate(self, name, model, neurons, layer, projections, readout=False):
        """The next layer, whose projections there are."""
        model = Model.named(model)
        values, limit = {}, SUM_LIMIT if readout and self.decoder.sums else STATE_LIMIT
        given, evolve = layer.get("parameters", {}), layer.get("evolve", {})
        unknown = sorted((given.keys() | evolve.keys()) - model.parameters.keys())
        require(not unknown, f"{name}: neuron model '{model.name}' has no parameters {unknown}")
        for key, parameter in model.parameters.items():
            values[key] = given.get(key, parameter.default)
            scope = evolve.get(key, parameter.evolve)
            if scope != "Fixed":

                def grow(theta, _, key=key, parameter=parameter, start=values[key]):
                    values[key] = parameter.grow(start, theta[0])

                self.block(f"{name}.parameter.{key}", (1, neurons if scope == "Neuron" else 1), grow)
        require(model.spikes != readout, f"{name}: model '{model.name}' {'spikes' if readout else 'never spikes'}")

        def neuron():
            grid, refractory = self.precision != "F32Free", layer.get("refractory", 0)
            return Population(model, neurons, values, layer.get("reset"), refractory, grid, limit)

        low, high = layer.get("delay", (0, 0))
        delays = None
        if high > 0:
            draw = uniform(self.config.get("wiring_seed", 0), (1 << 32) + len(self.layers), neurons)
            delays = low + np.minimum((draw * (high - low + 1)).astype(int), high - low)
        self.layers.append((neuron, projections, delays))

    def add_hidden(self, index):
        kind, layer = self.hidden[index]
        model = layer.get("model", "lif")
        if layer.get("like"):
            model = like.model(layer["like"], layer.get("switches", {}))
        name, forward = f"hidden.{index}", self.config.get("input_gain", 2.0)
        wanted = [(index - 1, f"{name}.input", forward, False)]
        for skip in layer.get("skip", []):
            source = self.source(skip)
            wanted.append((source, f"{name}.skip.{skip}", forward, source == index))
        if kind == "Recurrent":
            wanted.append((index, f"{name}.recurrent", self.config.get("recurrent_gain", 1.0), True))
        code = layer.get("code", "Evolved")
        code = None if code == "Evolved" else self.code(code["Pairs"], self.sizes[index])
        projections = self.project(wanted, self.sizes[index], layer.get("density", 1.0), code=code)
        self.populate(name, model, self.sizes[index], layer, projections)

    def add_readout(self):
        last, outward = len(self.hidden) - 1, self.config.get("output_gain", 8.0)
        wanted = [(last, "readout.weight", outward, False)]
        for skip in self.config.get("readout_skip", []):
            wanted.append((self.source(skip), f"readout.skip.{skip}", outward, False))
        neurons = self.outputs * (2 if self.decoder.votes else 1)
        fixed = self.decoder.weights(self.sizes[last], self.outputs) if self.decoder.votes else None
        projections = self.project(wanted, neurons, fixed=fixed)
        self.bias = np.zeros(self.outputs, f32)
        if fixed is None and self.precision != "Binary":
            self.block("readout.bias", (1, self.outputs), self.load_bias)
        layer = {"parameters": self.decoder.parameters, "evolve": self.decoder.evolve}
        self.populate("readout", self.decoder.model, neurons, layer, projections, readout=True)

    def load_bias(self, theta, _):
        self.bias = theta[0]

    def load(self, blocks):
        """Takes θ as arrays, one per block, with which entries exist."""
        for setter, (theta, exists) in zip(self.setters, blocks):
            setter(theta, exists)
        self.layers = [Layer(neuron(), projections, delays) for neuron, projections, delays in self.layers]
        for layer in self.layers:
            self.choose_order(layer)

    def choose_order(self, layer):
        """Whether the sums of a layer may be made in any order: if all are multiples of 2⁻¹² below 2¹²."""
        total = sum(np.abs(p.weights).sum(0) * (self.clip if p.source == INPUT else 1) for p in layer.incoming)
        for projection in layer.incoming:
            projection.in_order = self.precision == "F32Free" or total.max() >= 4000

    def start(self, worlds, seeds):
        """Begins an episode in each of so many worlds; `seeds` draw the spikes of the encoder `Rate`."""
        for layer in self.layers:
            layer.start(worlds)
        if self.encoder.spiking:
            self.encoder.start(worlds, self.inputs, seeds)
        self.decoder.start(worlds, self.outputs)
        self.spikes = None

    def __call__(self, x):
        """Actions [worlds, outputs] in ±1 of normalised observations; `spikes[layer]` is [worlds, ticks, neurons]."""
        *hidden, readout = self.layers
        currents = None if self.encoder.spiking else self.encoder.currents(x)
        inputs = self.encoder.spikes(x, self.ticks).astype(f32) if self.encoder.spiking else None
        if self.decoder.sums:
            readout.population.start(len(x))
        for layer, (_, config) in zip(hidden, self.hidden):
            if config.get("fresh"):
                layer.population.start(len(x))
        constant = {}
        for layer in hidden if currents is not None else []:
            for projection in layer.incoming:
                if projection.source == INPUT:
                    constant[layer] = projection.currents(currents)
        record = [[] for _ in hidden]
        for tick in range(self.ticks):
            for index, layer in enumerate(self.layers):
                zero = np.zeros((len(x), layer.population.neurons), f32)
                forward, recurrent = constant.get(layer, zero), zero
                for projection in layer.incoming:
                    if projection.source == INPUT:
                        forward = forward if inputs is None else projection.add(forward, inputs[:, tick])
                    elif projection.recurrent and layer.population.model.reads_apart:
                        recurrent = projection.add(recurrent, self.layers[projection.source].arriving)
                    else:
                        forward = projection.add(forward, self.layers[projection.source].arriving)
                spikes = layer.population.tick(forward, recurrent if layer.population.model.reads_apart else None)
                if index < len(hidden):
                    layer.keep(spikes)
                    record[index].append(spikes)
        self.spikes = [np.stack(spikes, 1) for spikes in record]
        first = next(iter(readout.population.states.values()))
        values = self.decoder.decode(first, self.ticks)
        return values if self.decoder.votes else tanh(values + self.bias)
