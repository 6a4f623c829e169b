"""Perceptrons, the linear policy included."""

import numpy as np

from .numbers import f32, gain, tanh
from .refusal import require


class Perceptron:
    """A controller `Mlp`: `start(worlds, seeds)`, then actions of normalised observations."""

    def __init__(self, config, inputs, outputs):
        self.ticks, self.sizes, self.spikes = 0, [], []
        self.relu = config.get("activation", "Tanh") == "Relu"
        hidden = config.get("hidden", [64, 64])
        self.blocks, self.scales = [], []
        sizes = [inputs, *hidden, outputs]
        for index, (sources, units) in enumerate(zip(sizes, sizes[1:])):
            last = index == len(hidden)
            name = "readout" if last else f"hidden.{index}"
            factor = config.get("output_gain" if last else "hidden_gain", 1.0)
            self.scales.append(gain(factor, sources))
            self.blocks += [(f"{name}.weight", (sources, units), None), (f"{name}.bias", (1, units), None)]

    def load(self, blocks):
        """Takes θ as arrays, one per block, with which entries exist."""
        arrays = [theta for theta, _ in blocks]
        self.layers = [(scale * w, b[0]) for scale, w, b in zip(self.scales, arrays[::2], arrays[1::2])]

    def start(self, worlds, seeds):
        """A perceptron remembers nothing."""

    def __call__(self, x):
        """Actions [worlds, outputs] in ±1 of normalised observations."""
        for index, (weights, bias) in enumerate(self.layers):
            total = np.zeros((len(x), weights.shape[1]), f32)
            for i, row in enumerate(weights):
                total = total + x[:, i : i + 1] * row
            total = total + bias
            require(np.isfinite(total).all(), "the controller's outputs are not finite")
            last = index + 1 == len(self.layers)
            x = np.maximum(total, f32(0)) if self.relu and not last else tanh(total)
        return x
