"""Functions of values that change from tick to tick, made of sums and products of 32-bit floats.

The same operations in the same order as `snn/src/equations/functions.rs`, so the same bits.
"""

import numpy as np

from .numbers import f32


def bits(x):
    return np.asarray(x, f32).view(np.uint32)


def number(x):
    return np.asarray(x, np.uint32).view(f32)


def polynomial(x, coefficients):
    """Horner's scheme, highest power first."""
    total = f32(coefficients[0])
    for coefficient in coefficients[1:]:
        total = total * x + f32(coefficient)
    return total


def minimum(a, b):
    return np.where(b < a, b, a)


def maximum(a, b):
    return np.where(a < b, b, a)


def quotient(a, b):
    r = number(np.uint32(0x7EF311C7) - bits(b))
    for _ in range(3):
        r = r * (f32(2) - b * r)
    q = a * r
    return q + r * (a - b * q)


def divide(a, b):
    size = np.abs(b)
    scale = np.where(f32(2.0**64) < size, f32(2.0**-64), f32(1))
    return np.where(size < f32(2.0**-125), a * f32(np.inf), quotient(a * scale, b * scale))


def sqrt(x):
    small = x < f32(2.0**-60)
    scaled = x * np.where(small, f32(2.0**64), f32(1))
    r = number(np.uint32(0x5F375A86) - (bits(scaled) >> np.uint32(1)))
    for _ in range(3):
        r = r * (f32(1.5) - scaled * r * r * f32(0.5))
    s = scaled * r
    s = s + r * f32(0.5) * (scaled - s * s)
    root = s * np.where(small, f32(2.0**-32), f32(1))
    tiny = np.finfo(f32).tiny
    return np.where(x <= -tiny, f32(np.nan), np.where(x < tiny, f32(0), root))


def exp(x):
    x = minimum(maximum(x, f32(-87)), f32(88))
    k = np.floor(x * f32(1.4426950408889634) + f32(0.5))
    r = x - k * f32(0.693359375) - k * f32(-2.1219444005e-4)
    series = [1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1]
    total = polynomial(r, series) * (r * r) + r + f32(1)
    # 2^k.
    return total * number(bits(k + f32(12583039.0)) << np.uint32(23))


def ln(x):
    shifted = bits(x) + np.uint32(0x3F800000 - 0x3F3504F3)
    k = ((shifted >> np.uint32(23)).astype(np.int32) - 127).astype(f32)
    f = number((shifted & np.uint32(0x007FFFFF)) + np.uint32(0x3F3504F3)) - f32(1)
    square = f * f
    series = [
        7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
    ]  # fmt: skip
    total = polynomial(f, series) * (f * square) + k * f32(-2.1219444005e-4) - square * f32(0.5)
    total = f + total + k * f32(0.693359375)
    return np.where(np.finfo(f32).tiny <= x, total, f32(np.nan))


def tanh(x):
    limit = f32(7.9053111076355)
    x = minimum(maximum(x, -limit), limit)
    z = x * x
    odd = [
        -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8,
        1.48572235717979e-5, 6.37261928875436e-4, 4.89352455891786e-3,
    ]  # fmt: skip
    even = [1.19825839466702e-6, 1.18534705686654e-4, 2.26843463243900e-3, 4.89352518554385e-3]
    q = quotient(x * polynomial(z, odd), polynomial(z, even))
    return minimum(maximum(q, f32(-1)), f32(1))


def sigmoid(x):
    return quotient(np.ones_like(x), exp(-maximum(x, f32(-80))) + f32(1))


def power(x, n):
    """xⁿ by squaring, n a whole number above 0."""
    if n == 1:
        return x
    half = power(x, n // 2)
    square = half * half
    return square * x if n % 2 else square
