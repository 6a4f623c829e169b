"""Spike times and gradients of jaxsnn 0.3.0 (https://pypi.org/project/jaxsnn/0.3.0/), for the tests of `snn::events`.

Writes tests/data/events/jaxsnn.json: small networks with their weights, input spikes, all spikes of each layer, and the
gradient of a loss on first spike times by jaxsnn's EventProp. Writes tests/data/events/jaxsnn_parameters.npz, the parameters of
one of them as jaxsnn has them, and jaxsnn_parameters.json, what this network answers.

    pip install jaxsnn==0.3.0
    python tests/jaxsnn_events.py
"""

import json
import pathlib
from functools import partial

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np
from jaxsnn.event.loss import first_spike
from jaxsnn.event.modules import LIF, Linear, Source
from jaxsnn.event.modules.lif import LIFParameters
from jaxsnn.event.topology import Topology
from jaxsnn.event.types import Spike

TAU_SYN, T_MAX = 5e-3, 20e-3


def network(weights, ratio, reset, hidden):
    """Parameters and function of a network of 5 channels, a hidden layer and 3 outputs, and its neurons."""
    tau_mem = ratio * TAU_SYN
    lif = LIFParameters(v_reset=reset, v_th=1.0, tau_syn=TAU_SYN, tau_mem=tau_mem)
    topology = Topology(t_max=T_MAX, backprop_method="eventprop")
    topology.add({
        "input": Source(5),
        "hidden": LIF(hidden, 200, lif),
        "output": LIF(3, 500, lif),
        "first": Linear(pre_weights=jnp.asarray(weights[0])),
        "second": Linear(pre_weights=jnp.asarray(weights[1])),
    })
    topology.connect([("input", "first"), ("first", "hidden"), ("hidden", "second"), ("second", "output")])
    init, apply = topology.done()
    return init(jax.random.PRNGKey(0)), apply, lif


def spikes_at(times):
    """One spike of each channel."""
    order = np.argsort(times)
    return Spike(
        time=jnp.asarray(times[order])[None],
        idx=jnp.asarray(order)[None],
        current=jnp.zeros((1, 5)),
        layer_idx=jnp.zeros((1, 5), dtype=int),
        internal=jnp.ones((1, 5), dtype=bool),
    )


def layered(rng, ratio, reset, hidden):
    """Spikes, loss and gradient of a random network."""
    weights = [3.0 + 1.6 * rng.standard_normal((5, hidden)), 8.0 / hidden * (1 + rng.standard_normal((hidden, 3)))]
    parameters, apply, lif = network(weights, ratio, reset, hidden)
    tau_mem = ratio * TAU_SYN
    times = np.concatenate([2 * TAU_SYN * rng.random(4), [0.0]])
    inputs = spikes_at(times)

    def loss(parameters):
        events = apply({"input": inputs}, parameters)
        first = jax.vmap(first_spike, in_axes=(0, None))(events["output"], 3)[0]
        reached = jnp.where(jnp.isfinite(first), first, 0.0)
        return jnp.sum(reached * jnp.asarray([1.0, -2.0, 0.5])) / TAU_SYN, events

    (value, events), gradient = jax.value_and_grad(loss, has_aux=True)(parameters)

    def spikes(layer):
        record = events[layer]
        own = np.asarray(record.internal[0]) & (np.asarray(record.idx[0]) >= 0)
        pairs = zip(np.asarray(record.time[0])[own].tolist(), np.asarray(record.idx[0])[own].tolist())
        return sorted(pairs)

    return {
        "tau_mem": tau_mem,
        "tau_syn": TAU_SYN,
        "reset": reset,
        "duration": T_MAX,
        "inputs": times.tolist(),
        "hidden": hidden,
        "weights": [w.ravel().tolist() for w in weights],
        "loss": float(value),
        "spikes": [spikes("hidden"), spikes("output")],
        "gradient": [np.asarray(gradient[name]).ravel().tolist() for name in ("first", "second")],
    }


def answers(rng, folder):
    """Parameters in a file, and the first spike of each output for some points; the larger a coordinate, the earlier."""
    hidden = 20
    weights = [3.0 + 1.6 * rng.standard_normal((5, hidden)), 8.0 / hidden * (1 + rng.standard_normal((hidden, 3)))]
    parameters, apply, lif = network(weights, 2, -1000.0, hidden)
    # Of populations, jaxsnn's parameters are None.
    matrices = {name: matrix for name, matrix in parameters.items() if matrix is not None}
    np.savez(folder / "jaxsnn_parameters.npz", **matrices, **lif.as_dict())
    points = rng.random((8, 4)).astype(np.float32)
    first = []
    for point in points:
        times = np.concatenate([2 * TAU_SYN * (1.0 - point.astype(float)), [0.0]])
        events = apply({"input": spikes_at(times)}, parameters)
        first.append(np.asarray(jax.vmap(first_spike, in_axes=(0, None))(events["output"], 3)[0]))
    first = [[time if np.isfinite(time) else None for time in row.tolist()] for row in first]
    text = json.dumps({"source": "jaxsnn 0.3.0, float64, by tests/jaxsnn_events.py", "points": points.tolist(), "first": first})
    (folder / "jaxsnn_parameters.json").write_text(text + "\n")
    print(first)


def main():
    rng = np.random.default_rng(1)
    cases = [
        layered(rng, ratio, reset, hidden)
        for ratio, reset, hidden in [(2, 0.0, 12), (2, -1000.0, 20), (1, 0.0, 12), (1, -1000.0, 20)]
    ]
    folder = pathlib.Path(__file__).parent / "data" / "events"
    path = folder / "jaxsnn.json"
    text = json.dumps({"source": "jaxsnn 0.3.0, float64, by tests/jaxsnn_events.py", "cases": cases})
    path.write_text(text + "\n")
    for case in cases:
        print([len(spikes) for spikes in case["spikes"]], case["loss"], np.abs(case["gradient"][0]).max())
    answers(rng, folder)


if __name__ == "__main__":
    main()
