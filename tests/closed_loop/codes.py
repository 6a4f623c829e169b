"""Encoders, from a normalised observation to currents or spikes, and decoders, from the readout to actions.

Of several worlds at once: observations are [worlds, observations]. One class each, as in `snn/src/encoder` and
`snn/src/decoder`; fields are those of the config.
"""

import numpy as np

from .numbers import expf, f32, uniform
from .refusal import Refused


class Current:
    spiking = False

    def __init__(self, negated=False):
        self.negated = negated

    def width(self, inputs):
        return 2 * inputs if self.negated else inputs

    def currents(self, x):
        return np.concatenate([x, -x], 1) if self.negated else x


class ReceptiveFields:
    """`Population`."""

    spiking = False

    def __init__(self, fields=8, limit=3.0, width=1.0):
        self.fields, self.limit, self.sigma = fields, f32(limit), f32(width)

    def width(self, inputs):
        return inputs * self.fields

    def currents(self, x):
        spacing = f32(2) * self.limit / f32(self.fields - 1)
        centres = np.arange(self.fields).astype(f32) * spacing
        distance = (x[:, :, None] + self.limit - centres) / (self.sigma * spacing)
        return expf(f32(-0.5) * distance * distance).reshape(len(x), -1)


class Spikes:
    """What encoders that spike have in common."""

    spiking = True

    def width(self, inputs):
        return inputs

    def start(self, worlds, inputs, seeds):
        """Begins an episode in each of so many worlds."""
        self.step, self.seeds = 0, seeds
        self.reference = np.zeros((worlds, inputs), f32)

    def share(self, x):
        """Where x lies in ±limit, in [0, 1]."""
        return np.clip(f32(0.5) + f32(0.5) * x / self.limit, f32(0), f32(1))


class Rate(Spikes):
    def __init__(self, rate=0.75, limit=3.0):
        self.rate, self.limit = f32(rate), f32(limit)

    def spikes(self, x, ticks):
        probability = (self.rate * self.share(x)).astype(np.float64)
        first, self.step = self.step * ticks, self.step + 1
        draw = [[uniform(seed, first + tick, x.shape[1]) for tick in range(ticks)] for seed in self.seeds]
        return np.array(draw) < probability[:, None]


class Latency(Spikes):
    def __init__(self, limit=3.0):
        self.limit = f32(limit)

    def spikes(self, x, ticks):
        late = (f32(1) - self.share(x)) * f32(ticks - 1)
        # Half away from zero.
        return np.floor(late.astype(np.float64) + 0.5)[:, None] == np.arange(ticks)[:, None]


class Delta(Spikes):
    def __init__(self, threshold=0.1):
        self.threshold = f32(threshold)

    def width(self, inputs):
        return 2 * inputs

    def spikes(self, x, ticks):
        change = x - self.reference
        count = np.minimum(np.trunc(np.abs(change) / self.threshold), ticks)
        self.reference += count * np.copysign(self.threshold, change)
        fires = count[:, None] > np.arange(ticks)[:, None]
        up_down = np.stack([fires & (change >= 0)[:, None], fires & (change < 0)[:, None]], -1)
        return up_down.reshape(len(x), ticks, -1)


class Membrane:
    """`sums`: whether the readout is a sum over the ticks of a control step; `votes`: of fixed weights."""

    sums = votes = False

    def __init__(self, model="li", parameters=None, evolve=None):
        self.model, self.parameters, self.evolve = model, parameters or {}, evolve or {}

    def start(self, worlds, outputs):
        """Begins an episode in each of so many worlds."""
        self.memory = np.zeros((worlds, outputs), f32)

    def decode(self, readout, ticks):
        return readout


class Sum(Membrane):
    """What decoders that count spikes have in common."""

    sums = True

    def __init__(self):
        super().__init__("model sum\nstate r = 0\nr = r + I\n")


class Count(Sum):
    def decode(self, readout, ticks):
        return readout / f32(ticks)


class FilteredRate(Sum):
    """`Rate`."""

    def __init__(self, decay=0.5):
        super().__init__()
        self.decay = f32(decay)

    def decode(self, readout, ticks):
        self.memory = self.decay * self.memory + (f32(1) - self.decay) * (readout / f32(ticks))
        return self.memory


class PopulationVector(Sum):
    """`Population`. Its readout has votes, then numbers of spikes; actions need neither bias nor tanh."""

    votes = True

    def decode(self, readout, ticks):
        votes, counts = np.split(readout, 2, axis=1)
        mean = np.clip(votes / np.where(counts > 0, counts, f32(1)), f32(-1), f32(1))
        self.memory = np.where(counts > 0, mean, self.memory)
        return self.memory

    @staticmethod
    def weights(neurons, outputs):
        """Fixed weights [neurons, 2 · outputs], multiples of 2⁻¹⁶."""
        weights = np.zeros((neurons, 2 * outputs), f32)
        for neuron in range(neurons):
            output, place = neuron % outputs, neuron // outputs
            group = -(-(neurons - output) // outputs)
            preferred = f32(2) * f32(place) / f32(group - 1) - f32(1) if group >= 2 else f32(0)
            weights[neuron, output] = np.rint(preferred * f32(64)) / f32(64) / f32(1024)
            weights[neuron, outputs + output] = f32(1 / 1024)
        return weights


ENCODERS = {"Current": Current, "Population": ReceptiveFields, "Rate": Rate, "Latency": Latency, "Delta": Delta}
DECODERS = {"Membrane": Membrane, "Rate": FilteredRate, "Count": Count, "Population": PopulationVector}


def build(what, kinds, config):
    """The encoder or decoder of a config, such as `{"Current": {"negated": false}}`."""
    ((name, fields),) = config.items()
    if name not in kinds:
        raise Refused(f"{what} '{name}' is not run here; valid: {', '.join(kinds)}")
    try:
        return kinds[name](**fields)
    except TypeError as error:
        raise Refused(f"{what} '{name}': {error}") from error
