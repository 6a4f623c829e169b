"""Spike times and gradients of jaxsnn 0.3.0 (https://pypi.org/project/jaxsnn/0.3.0/), for the tests of `snn::events`.

Writes tests/data/events/jaxsnn.json: small networks with their weights, input spikes, all spikes of each layer, and the
gradient of a loss on first spike times by jaxsnn's EventProp.

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


def layered(rng, ratio, reset, hidden):
    """5 channels, a hidden layer, 3 outputs."""
    tau_mem = ratio * TAU_SYN
    lif = LIFParameters(v_reset=reset, v_th=1.0, tau_syn=TAU_SYN, tau_mem=tau_mem)
    weights = [3.0 + 1.6 * rng.standard_normal((5, hidden)), 8.0 / hidden * (1 + rng.standard_normal((hidden, 3)))]
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
    parameters = init(jax.random.PRNGKey(0))
    times = np.concatenate([2 * TAU_SYN * rng.random(4), [0.0]])
    order = np.argsort(times)
    inputs = Spike(
        time=jnp.asarray(times[order])[None],
        idx=jnp.asarray(order)[None],
        current=jnp.zeros((1, 5)),
        layer_idx=jnp.zeros((1, 5), dtype=int),
        internal=jnp.ones((1, 5), dtype=bool),
    )

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


def main():
    rng = np.random.default_rng(1)
    cases = [
        layered(rng, ratio, reset, hidden)
        for ratio, reset, hidden in [(2, 0.0, 12), (2, -1000.0, 20), (1, 0.0, 12), (1, -1000.0, 20)]
    ]
    path = pathlib.Path(__file__).parent / "data" / "events" / "jaxsnn.json"
    text = json.dumps({"source": "jaxsnn 0.3.0, float64, by tests/jaxsnn_events.py", "cases": cases})
    path.write_text(text + "\n")
    for case in cases:
        print([len(spikes) for spikes in case["spikes"]], case["loss"], np.abs(case["gradient"][0]).max())


if __name__ == "__main__":
    main()
