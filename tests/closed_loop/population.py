"""Neurons of one model, a tick at a time."""

import numpy as np

from .equations import evaluate, number, tick
from .numbers import STATE_LIMIT, f32, free, narrow, snap
from .refusal import require


class Population:
    """Neurons of one model in several worlds at once: `tick` takes currents [worlds, neurons]."""

    def __init__(self, model, neurons, values, reset=None, refractory=0, grid=True, limit=STATE_LIMIT):
        """`values`: of each parameter, one or an array [neurons], 64 bits."""
        self.model, self.neurons, self.grid, self.limit = model, neurons, grid, limit
        self.refractory = refractory
        require(reset is None or reset in model.resets, f"reset '{reset}' is not one of {model.resets}")
        self.reset_kind = reset or (model.resets[0] if model.resets else None)
        self.constants = {f"_{name}": np.float64(1) * value for name, value in values.items()}
        self.initial = {name: snap(narrow(evaluate(start, self.constants))) for name, start in model.starts.items()}
        if refractory:
            self.initial["refractory"] = f32(0)

    def start(self, worlds):
        """Begins an episode in each of so many worlds."""
        shape = (worlds, self.neurons)
        self.states = {name: np.broadcast_to(value, shape).astype(f32) for name, value in self.initial.items()}

    def tick(self, forward, recurrent=None):
        """One tick; returns which neurons spiked."""
        apart = forward if recurrent is None else forward + recurrent
        names = self.constants | {f"_{name}": value for name, value in self.states.items()}
        names |= {"_I": apart, "_I_in": forward, "_I_rec": np.zeros_like(forward) if recurrent is None else recurrent}
        fired = np.zeros(forward.shape, bool)
        for kind, target, tree in self.model.statements:
            if kind == "spike":
                fired = np.broadcast_to(evaluate(tree, names), forward.shape)
                names["_spike"] = fired
                continue
            name, reset = target
            if kind == "reset" and reset != self.reset_kind:
                continue
            value = number(evaluate(tree, names))
            if kind == "reset":
                value = np.where(fired, tick(value), tick(names[f"_{name}"]))
            names[f"_{name}"] = value
        after = {name: tick(names[f"_{name}"]) for name in self.model.starts}
        if self.refractory:
            rest = self.states["refractory"]
            holds = rest > 0
            fired = fired & ~holds
            after = {name: np.where(holds, self.states[name], value) for name, value in after.items()}
            after["refractory"] = np.where(holds, rest - f32(1), np.where(fired, f32(self.refractory), rest))
        for name, value in after.items():
            require(np.isfinite(value).all(), f"state '{name}' of a neuron '{self.model.name}' is not finite")
            settled = snap(value, self.limit) if self.grid else free(value)
            self.states[name] = np.broadcast_to(settled, forward.shape).astype(f32)
        return fired
