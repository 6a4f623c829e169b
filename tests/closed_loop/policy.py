"""A policy from a checkpoint: normalisation of observations, controller, parameters."""

import json
import re
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from .events import Events
from .network import Network
from .numbers import f32
from .perceptron import Perceptron
from .refusal import Refused, require

FORMAT = 2
# Smallest deviation by which an observation is divided.
FLOOR = 1e-3


class Policy:
    """What `evo eval` runs: `start(worlds, seeds)`, then actions of raw observations."""

    def __init__(self, run, best=False):
        """`run`: a run folder (its last checkpoint) or a checkpoint; its mean, or the best member ever seen."""
        file = Path(run)
        file = file / "checkpoints" / "last.safetensors" if file.is_dir() else file
        self.run, self.file, self.which = str(run), file, "best" if best else "mean"
        try:
            self.read(file, "best." if best else "")
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise Refused(f"{file} is no checkpoint of a run that can be read: {error}") from error
        except Refused as refusal:
            raise Refused(f"{file}: {refusal}") from refusal

    def read(self, file, prefix):
        with safe_open(file, "numpy") as tensors:
            metadata = tensors.metadata() or {}
            require("spindle" in metadata, "not a Spindle checkpoint")
            self.header = header = json.loads(metadata["spindle"])
            require(header["format"] <= FORMAT, f"format {header['format']}; read are formats up to {FORMAT}")
            require("layout" in header, "holds no controller; valid: checkpoints of runs")
            names = set(tensors.keys())
            require(self.which in names, f"has no '{self.which}' (has: {', '.join(sorted(names))})")
            require("observation.mean" in names, "was trained without a world")
            theta = tensors.get_tensor(self.which)
            mean, m2, count = (tensors.get_tensor(f"{prefix}observation.{name}") for name in ("mean", "m2", "count"))
        require(np.isfinite(theta).all(), f"'{self.which}' holds numbers that are not finite")
        self.config = header["config"]
        ((self.env, self.settings),) = self.config["env"].items()
        rollout = self.config.get("rollout", {})
        self.clip, count = f32(rollout.get("clip", 5.0)), count[0]
        self.mean, self.inverse = np.zeros(len(mean), f32), np.ones(len(mean), f32)
        if rollout.get("normalize", True) and count > 0:
            self.mean = mean.astype(f32)
            self.inverse = (1 / np.maximum(np.sqrt(m2 / count), FLOOR)).astype(f32)
        self.inputs = len(mean)
        self.build(theta, header["layout"])

    def build(self, theta, layout):
        ((kind, config),) = self.config.get("controller", {"Snn": {}}).items()
        listed = re.findall(r"([\w.]+)\[(\d+)×(\d+)\]", layout)
        require(listed, f"layout without blocks: {layout}")
        last = [int(columns) for name, _, columns in listed if name == "readout.bias"]
        weights = [int(columns) for name, _, columns in listed if name == "readout.weight"]
        # The votes of a population have no block; their controllers say how many actions there are.
        shape = re.match(r"\w+ \d+-(?:.*-)?(\d+),", layout)
        self.outputs = (last or weights or [int(shape[1])])[0]
        require(kind in ("Snn", "Events", "Mlp"), f"controller {kind} is not run here; valid: Snn, Events, Mlp")
        if kind == "Mlp":
            self.controller = Perceptron(config, self.inputs, self.outputs)
        elif kind == "Events":
            self.controller = Events(config, self.inputs, self.outputs)
        else:
            self.controller = Network(config, self.inputs, self.outputs, self.clip)
        blocks = self.controller.blocks
        expected = [(name, *map(str, shape)) for name, shape, _ in blocks]
        require(listed == expected, f"its layout is {layout}, but its config makes {expected}")
        arrays, start = [], 0
        for _, shape, places in blocks:
            if isinstance(places, tuple):
                index, sign = places
                count = index.max() + 1
                full, exists = theta[start : start + count][index] * sign, np.full(shape, True)
            else:
                full, exists = np.zeros(shape, f32), np.full(shape, places is None)
                count = full.size if places is None else len(places)
                at = np.arange(full.size) if places is None else places
                full.flat[at], exists.flat[at] = theta[start : start + count], True
            arrays.append((full, exists))
            start += count
        require(start == len(theta), f"{len(theta)} parameters, but its config makes {start}")
        self.controller.load(arrays)

    def start(self, worlds, seeds=None):
        """Begins an episode in each of so many worlds; `seeds` draw what is random in an encoder."""
        self.controller.start(worlds, range(worlds) if seeds is None else seeds)

    def __call__(self, raw):
        """Actions [worlds, outputs] in ±1 of observations [worlds, inputs] as the task gives them."""
        raw = np.asarray(raw).astype(f32)
        require(np.isfinite(raw).all(), "an observation is not finite")
        return self.controller(np.clip((raw - self.mean) * self.inverse, -self.clip, self.clip))

    @property
    def spikes(self):
        """Per hidden layer of the last step: [worlds, ticks, neurons]."""
        return self.controller.spikes
