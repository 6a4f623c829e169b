"""Numbers as Spindle rounds them: 32-bit floats, each operation by itself."""

import numpy as np

f32 = np.float32

STATE_LIMIT = f32(128)
SUM_LIMIT = f32(2**30)


def tanh(x):
    """The hyperbolic tangent of actions and perceptrons: a rational function."""
    x = np.clip(x, f32(-4.97), f32(4.97))
    q = x * x
    over = x * (f32(135135) + q * (f32(17325) + q * (f32(378) + q)))
    under = f32(135135) + q * (f32(62370) + q * (f32(3150) + q * f32(28)))
    return np.clip(over / under, f32(-1), f32(1))


def snap_current(x):
    """To the grid of currents, 2⁻¹²."""
    return np.rint(x * f32(4096)) * f32(1 / 4096)


def snap(x, limit=STATE_LIMIT):
    """To the grid of states, 2⁻¹⁶ within ±limit."""
    return np.rint(np.clip(x, -limit, limit) * f32(65536)) * f32(1 / 65536) + f32(0)


def free(x):
    """A state off the grid: numbers below 2⁻¹²⁶ are 0."""
    return np.where(np.abs(x) < np.finfo(f32).tiny, f32(0), x)


def narrow(x):
    """A value of parameters alone, computed in 64 bits and rounded once."""
    x = np.asarray(x, np.float64).astype(f32)
    return free(x)


def gain(value, sources):
    """Scale of the weights from so many sources."""
    return f32(f32(value) / np.sqrt(f32(sources)))


def expf(x):
    """`libm::expf` (FreeBSD's e_expf.c), which makes receptive fields; for x ≤ 0."""
    low, x = x, np.maximum(x, f32(-104))
    size = np.abs(x)
    k = np.trunc(f32(1.4426950216) * x - f32(0.5))
    k = np.where(size > f32(1.0397207), k, f32(-1))
    k = np.where(size > f32(0.34657359), k, f32(0)).astype(f32)
    high, rest = x - k * f32(6.9314575195e-01), k * f32(1.4286067653e-06)
    r = high - rest
    square = r * r
    c = r - square * (f32(1.6666625440e-1) + square * f32(-2.7667332906e-3))
    y = np.ldexp(f32(1) + (r * c / (f32(2) - c) - rest + high), k.astype(int)).astype(f32)
    y = np.where(size > f32(2**-13), y, f32(1) + x)
    return np.where(low <= f32(-103.972084), f32(0), y)


MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    """SplitMix64's finaliser, of an array of uint64."""
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return z ^ z >> np.uint64(31)


def uniform(seed, stream, count):
    """Uniform numbers in [0, 1) for the places 0 to count − 1 of a stream: those that draw wiring and spikes."""

    def one(z):
        return int(mix(np.array([z & MASK], np.uint64))[0])

    key = one(seed + GOLDEN) ^ one(stream * GOLDEN + 1)
    places = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN) + np.uint64(key)
    return (mix(places) >> np.uint64(11)).astype(np.float64) / 2.0**53
