"""One epoch of yin-yang by exact gradients: `evo` beside jaxsnn 0.3.0, in one run.

    pip install jaxsnn==0.3.0
    cargo build --release -p evo
    python tests/events_speed.py target/release/evo [HIDDEN]

jaxsnn runs its own example (`jaxsnn.examples.event.yinyang_layered_event_prop`: 4992 samples in batches of 64, one spike per
neuron); `evo` runs configs/yin_yang_events.ron with as many hidden neurons and 4992 samples in the same batches. Processor
seconds are user and system time of all threads, without the first step, in which jaxsnn compiles. `evo` has one thread, since
idle ones that wait for work count, too. Both take turns.
"""

import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAMPLES = 4992

JAXSNN = """
import os, resource, sys, time
from functools import partial
import jax, jax.numpy as jnp, optax
from jax import random
from jaxsnn.base.dataset import data_loader, yinyang_dataset
from jaxsnn.event.encode import encode, spatio_temporal_encode, target_temporal_encode
from jaxsnn.event.loss import mse_loss
from jaxsnn.event.modules import LIF, Linear, Source
from jaxsnn.event.modules.lif.lif import LIFParameters
from jaxsnn.event.topology import Topology
from jaxsnn.event.training import update
from jaxsnn.event.types import OptState
from jaxsnn.examples.event.utils import loss_wrapper

hidden, samples = int(sys.argv[1]), int(sys.argv[2])
tau = 6e-6
params = LIFParameters(v_reset=-1000.0, v_th=1.0, tau_syn=tau, tau_mem=2 * tau)
rng, data_rng = random.split(random.PRNGKey(0))
inputs = jax.jit(jax.vmap(partial(spatio_temporal_encode, t_late=2 * tau, duplication=5, duplicate_neurons=False)))
targets = jax.jit(jax.vmap(partial(target_temporal_encode, n_classes=3, correct_target_time=0.8 * tau,
                                   wrong_target_time=1.2 * tau)))
data = encode(yinyang_dataset(data_rng, samples, mirror=True, bias_spike=0.0), inputs, targets)
data = ({"inp": data[0]}, data[1])
topology = Topology(t_max=4 * tau, backprop_method="eventprop")
topology.add({"inp": Source(5), "lif1": LIF(hidden, hidden + 25, params), "lif2": LIF(3, hidden + 3, params),
              "syn1": Linear(mean=3.0 / 5, std=1.6 / 5), "syn2": Linear(mean=0.5, std=0.8)})
topology.connect([("inp", "syn1"), ("syn1", "lif1"), ("lif1", "syn2"), ("syn2", "lif2")])
init, apply = topology.done()
weights = init(rng)
optimizer = optax.chain(optax.scale(1.0 / tau), optax.clip(0.01), optax.adam(0.005))
loss = partial(loss_wrapper, apply, mse_loss, params.tau_mem, "lif2", 3)
step = jax.jit(partial(update, optimizer, loss))
batches = data_loader(data, 64, rng=random.PRNGKey(1))
def batch(at):
    return jax.tree.map(lambda leaf: leaf[at], batches)
count = samples // 64
state = OptState(optimizer.init(weights), weights, rng)
wall = time.time()
state, _ = jax.block_until_ready(step(state, batch(0)))
first = time.time() - wall
used, wall = time.process_time(), time.time()
for at in range(1, 1 + count // 4):
    state, _ = step(state, batch(at))
jax.block_until_ready(state)
scale = count / (count // 4)
print(first, scale * (time.process_time() - used), scale * (time.time() - wall),
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def evo(program, hidden, epochs):
    """Processor seconds, seconds and MiB of a run."""
    with tempfile.TemporaryDirectory() as folder:
        # Held after its spike for the whole sample, a neuron spikes once, as jaxsnn's with their very low reset.
        layer = f"controller.hidden=[Dense(neurons: {hidden}, refractory: 0.03)]"
        command = [program, "--config", "yin_yang_events.ron", "-q", "--threads", "1", "--generations", str(epochs), "--set", layer]
        command += ["--set", f"task.data.train={SAMPLES}", "--set", "task.data.validation=3", "--set", "task.data.test=3"]
        wall = time.time()
        child = subprocess.Popen([*command, "--out", f"{folder}/run"], cwd=ROOT, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        assert status == 0, status
        return used.ru_utime + used.ru_stime, time.time() - wall, used.ru_maxrss / 1024


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    hidden = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    for _ in range(2):
        out = subprocess.run([sys.executable, "-c", JAXSNN, str(hidden), str(SAMPLES)], capture_output=True, text=True, check=True)
        first, peer, peer_wall, peer_memory = map(float, re.findall(r"[\d.e+-]+", out.stdout.strip().splitlines()[-1]))
        one, three = evo(program, hidden, 1), evo(program, hidden, 3)
        own, own_wall = (three[0] - one[0]) / 2, (three[1] - one[1]) / 2
        print(f"{hidden} hidden: jaxsnn {peer:.2f} processor s, {peer_wall:.2f} s per epoch, first step {first:.1f} s, "
              f"{peer_memory:.0f} MiB; evo {own:.2f} processor s, {own_wall:.2f} s, whole run of 1 epoch {one[1]:.1f} s, "
              f"{three[2]:.0f} MiB; ratio {peer / own:.1f}", flush=True)


if __name__ == "__main__":
    main()
