#!/usr/bin/env python3
"""How long a generation takes with up to 1,000 ranks, as results/benchmarks/ranks.md explains: prints its table and draws
model.svg beside this file. Needs matplotlib."""

import math
from pathlib import Path

# Measured on the development machine, developer's build.
STEP = 2.65e-6  # seconds of a core per control step of the ant in lanes, its spiking controller included
NOISE = 1.48e-9  # seconds of a core per parameter and member: ask and tell of OpenES
ROW = 96 + 16 * 27 + 8  # bytes that an episode of the ant sends: terms, and running statistics of its 27 observations
# Assumed.
VARIATION = 0.5  # standard deviation of an episode's length over its mean
NETWORKS = {"InfiniBand, 2 µs, 12.5 GB/s": (2e-6, 12.5e9), "TCP over Ethernet, 30 µs, 1.25 GB/s": (30e-6, 1.25e9)}
CORES = 8
PARAMETERS = 6408
GATHERINGS = 5  # agreement; lengths and rows of the episodes; lengths and words of the stop


def parts(ranks, episodes, steps, network):
    """Seconds of a generation: episodes if all ranks were done at once, waiting for the last one, the strategy, and the
    network."""
    latency, bandwidth = NETWORKS[network]
    ideal = episodes * steps * STEP / (ranks * CORES)
    each = max(episodes / ranks, 1)
    late = ideal * VARIATION * math.sqrt(2 * math.log(ranks) / each) if ranks > 1 else 0
    strategy = NOISE * PARAMETERS * episodes / CORES
    # One message to every other rank, as Open MPI does it for calls that do not block.
    sent = (ranks - 1) / ranks * episodes * ROW / bandwidth
    return ideal, late, strategy, GATHERINGS * (ranks - 1) * latency + sent


def main():
    names = list(NETWORKS)
    print("| episodes | ranks | episodes, s | waiting for the last rank, s | OpenES, s | InfiniBand, ms | Ethernet, ms | efficiency |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for episodes in (1_000, 10_000, 100_000):
        one = sum(parts(1, episodes, 1000, names[0]))
        for ranks in (1, 10, 100, 1000):
            ideal, late, strategy, fast = parts(ranks, episodes, 1000, names[0])
            slow = parts(ranks, episodes, 1000, names[1])[3]
            share = one / ranks / (ideal + late + strategy + fast)
            print(
                f"| {episodes:,} | {ranks:,} | {ideal:.3g} | {late:.2g} | {strategy:.2g} | {1e3 * fast:.2g} | {1e3 * slow:.2g} | "
                f"{100 * share:.0f} % |"
            )

    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "ranks", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    ranks = [1, 2, 4, 8, 16, 32, 64, 100, 128, 200, 256, 400, 512, 700, 1000]
    rows = [parts(r, 10_000, 1000, names[0]) for r in ranks]
    labels = ["episodes", "waiting for the last rank", "OpenES on every rank", "InfiniBand"]
    for index, label in enumerate(labels):
        values = [row[index] or float("nan") for row in rows]
        left.loglog(ranks, values, label=label)
    left.loglog(ranks, [parts(r, 10_000, 1000, names[1])[3] or float("nan") for r in ranks], "--", label="TCP over Ethernet")
    left.loglog(ranks, [sum(row) for row in rows], "k", label="all, with InfiniBand")
    left.set(xlabel=f"ranks of {CORES} cores", ylabel="seconds per generation", title="10,000 ants of 1,000 steps")
    left.legend(fontsize=8)
    for episodes in (1_000, 10_000, 100_000):
        one = sum(parts(1, episodes, 1000, names[0]))
        share = [100 * one / r / sum(parts(r, episodes, 1000, names[0])) for r in ranks]
        right.semilogx(ranks, share, label=f"{episodes:,} episodes")
    right.axhline(95, color="gray", linewidth=0.5)
    right.set(xlabel=f"ranks of {CORES} cores", ylabel="efficiency, %", ylim=(0, 105), title="against one rank")
    right.legend(fontsize=8)
    path = Path(__file__).with_name("model.svg")
    figure.savefig(path, metadata={"Date": None})
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


if __name__ == "__main__":
    main()
