#!/usr/bin/env python3
"""Reads a NIR file with the package `nir` and compares a recorded run with plain Euler in NumPy.

    python3 tests/nir_check.py FILE.nir IN.npy OUT.npy     # OUT.npy from `evo nir run`
    python3 tests/nir_check.py FILE.nir                    # reads it only

Needs: pip install nir h5py numpy. Knows the nodes of exported controllers: Affine and Linear with the activation that
their metadata name, LI, LIF, CubaLI and CubaLIF with reset to v_reset, and recurrent layers as nested graphs. 64-bit floats, so a spike may differ where a potential is within
rounding of the threshold; the run is judged until the first one does.
"""

import sys

import nir
import numpy as np


# NIR has no nodes for these.
ACTIVATIONS = {None: lambda x: x, "tanh": np.tanh, "relu": lambda x: np.maximum(x, 0)}


def main(file, x=None, y=None):
    graph = nir.read(file)
    dt = float(graph.metadata["dt"]) if "dt" in graph.metadata else None
    print(f"nir {nir.version} reads {file}: {len(graph.nodes)} nodes, metadata {sorted(graph.metadata)}")
    if x is None:
        return
    state, spikes = {}, {}
    order = ["input"]
    following = dict(graph.edges)
    while order[-1] in following:
        order.append(following[order[-1]])

    def euler(name, node, x):
        if isinstance(node, (nir.CubaLI, nir.CubaLIF)):
            i = state.get(f"{name}.i", 0.0)
            x = i + dt / node.tau_syn * (node.w_in * x - i)
            state[f"{name}.i"] = x
        tau = node.tau_mem if isinstance(node, (nir.CubaLI, nir.CubaLIF)) else node.tau
        v = state.get(name, 0.0)
        v = v + dt / tau.astype(float) * (node.v_leak - v + node.r * x)
        if isinstance(node, (nir.LI, nir.CubaLI)):
            state[name] = v
            return v
        z = (v > node.v_threshold).astype(float)
        state[name] = np.where(z > 0, node.v_reset, v)
        return z

    def apply(name, node, x):
        if isinstance(node, nir.Affine):
            y = node.weight.astype(float) @ x + node.bias
            return ACTIVATIONS[node.metadata.get("activation")](y)
        if isinstance(node, nir.Linear):
            return node.weight.astype(float) @ x
        if isinstance(node, (nir.LI, nir.LIF, nir.CubaLI, nir.CubaLIF)):
            return euler(name, node, x)
        if isinstance(node, nir.NIRGraph):
            last = spikes.get(name, np.zeros(len(x)))
            x = x + apply(name, node.nodes["w_rec"], last)
            spikes[name] = euler(name, node.nodes["lif"], x)
            return spikes[name]
        assert isinstance(node, (nir.Input, nir.Output)), type(node)
        return x

    worst, rows = 0.0, 0
    for x, expected in zip(np.load(x), np.load(y)):
        for name in order:
            x = apply(name, graph.nodes[name], x)
        difference = np.abs(x - expected).max()
        if difference > 1e-3:
            break
        worst, rows = max(worst, difference), rows + 1
    print(f"{rows} ticks agree, largest difference {worst:.1e}")
    if rows < min(100, len(np.load(y))):
        sys.exit("the runs differ")


if __name__ == "__main__":
    main(*sys.argv[1:])
