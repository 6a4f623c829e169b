"""Neuron models: reads their text (docs/neurons.md), and values of their expressions over arrays of neurons.

Two kinds of values meet in an expression. What depends on parameters alone is kept in 64 bits (dtype float64)
and rounded once, where it meets what changes from tick to tick (float32; conditions: bool).
"""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from . import functions
from .numbers import f32, narrow
from .refusal import Refused, require

BUILT_IN = Path(__file__).resolve().parents[2] / "snn" / "neurons"

# Numbers stay; every name gets a letter in front, so that none is a word of Python.
WORDS = re.compile(r"(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_]\w*)")
RANGE = re.compile(r"in\s*([\[(])\s*(\S+?)\s*,\s*(\S+?)\s*([\])])")


@dataclass
class Parameter:
    """A parameter of a model: its default, its range, and who has a value of its own if it is evolved."""

    default: float
    low: float
    high: float
    evolve: str

    def grow(self, start, theta):
        """The value for `theta`, `start` for 0: within its range, whatever θ is."""
        change = 0.5 * np.asarray(theta, np.float64)
        if np.isfinite(self.low) and np.isfinite(self.high):
            share = np.clip((start - self.low) / (self.high - self.low), 1e-3, 1 - 1e-3)
            logit = np.log(share / (1 - share)) + change
            return self.low + (self.high - self.low) / (1 + np.exp(-logit))
        if np.isfinite(self.low):
            return self.low + max(start - self.low, 1e-3) * np.exp(np.clip(change, -60, 60))
        if np.isfinite(self.high):
            return self.high - max(self.high - start, 1e-3) * np.exp(np.clip(change, -60, 60))
        return start + change * max(abs(start), 1)


def expression(text):
    def word(match):
        name = match["word"]
        return match[0] if name in (None, "and", "or", "not") else "_" + name

    try:
        return ast.parse(WORDS.sub(word, text).replace("^", "**").strip(), mode="eval").body
    except SyntaxError as error:
        raise Refused(f"`{text.strip()}` is no expression of a neuron model") from error


def joined(text):
    """The lines of a model without comments and texts in quotes; a line goes on inside open parentheses."""
    rest = ""
    for line in text.splitlines():
        rest += " " + re.sub(r'"[^"]*"', "", line).split("#")[0].strip()
        if rest.count("(") + rest.count("[") <= rest.count(")") + rest.count("]"):
            if rest.strip():
                yield rest.strip()
            rest = ""


@dataclass
class Model:
    """A neuron model."""

    name: str = ""
    parameters: dict = field(default_factory=dict)
    starts: dict = field(default_factory=dict)
    resets: list = field(default_factory=list)
    statements: list = field(default_factory=list)

    @property
    def spikes(self):
        return any(kind == "spike" for kind, _, _ in self.statements)

    @classmethod
    def named(cls, text):
        """The model called `text`, or written in it."""
        if "\n" not in text:
            file = BUILT_IN / f"{text}.neuron"
            require(file.is_file(), f"neuron model '{text}' is not one of {sorted(f.stem for f in BUILT_IN.glob('*'))}")
            text = file.read_text()
        model = cls()
        for line in joined(text):
            model.line(line)
        return model

    def line(self, line):
        first, _, rest = line.partition(" ")
        if re.match(r"\w+\s*=(?!=)", line):
            self.assign("assign", None, line)
        elif first == "model":
            self.name = rest.split()[0]
        elif first == "param":
            name, _, rest = rest.partition("=")
            found = RANGE.search(rest)
            low, high = (float(found[2]), float(found[3])) if found else (-np.inf, np.inf)
            evolve = re.search(r"\bevolve\s+(\w+)", rest)
            scope = evolve[1].capitalize() if evolve else "Fixed"
            self.parameters[name.strip()] = Parameter(float(rest.split()[0]), low, high, scope)
        elif first == "state":
            name, _, start = rest.partition("=")
            self.starts[name.strip()] = expression(start)
        elif first == "let":
            self.assign("let", None, rest)
        elif first == "spike":
            self.statements.append(("spike", None, expression(rest)))
        elif first == "reset":
            name, _, rest = rest.partition(":")
            self.resets.append(name.strip())
            for one in rest.split(";"):
                self.assign("reset", name.strip(), one)
        else:
            require(first == "source", f"model '{self.name}': the line `{line}` is unknown")

    def assign(self, kind, reset, text):
        name, _, value = text.partition("=")
        self.statements.append((kind, (name.strip(), reset), expression(value)))

    @property
    def reads_apart(self):
        """Whether it tells recurrent input from the rest."""
        return any(
            isinstance(node, ast.Name) and node.id in ("_I_in", "_I_rec")
            for _, _, tree in self.statements
            for node in ast.walk(tree)
        )


def is_static(*values):
    return all(np.asarray(value).dtype == np.float64 for value in values)


def tick(value):
    """As a number that changes from tick to tick."""
    value = np.asarray(value)
    if value.dtype == np.float64:
        return narrow(value)
    return value.astype(f32) if value.dtype == bool else value


def condition(value):
    value = np.asarray(value)
    return value if value.dtype == bool else value != 0


def static_power(base, exponent):
    if exponent % 1 == 0 and abs(exponent) <= 1024:
        product = np.float64(1) * np.ones_like(base)
        for _ in range(int(abs(exponent))):
            product = product * base
        return 1 / product if exponent < 0 else product
    return np.exp(exponent * np.log(base))


STATIC = {
    "_abs": np.abs, "_exp": np.exp, "_floor": np.floor, "_ln": np.log, "_sqrt": np.sqrt, "_tanh": np.tanh,
    "_sigmoid": lambda x: 1 / (1 + np.exp(-x)), "_min": functions.minimum, "_max": functions.maximum,
    "_clamp": lambda x, low, high: functions.minimum(functions.maximum(x, low), high),
}  # fmt: skip
TICK = STATIC | {name: getattr(functions, name[1:]) for name in ("_exp", "_ln", "_sqrt", "_tanh", "_sigmoid")}
COMPARE = {
    ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater, ast.GtE: np.greater_equal, ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}  # fmt: skip


def evaluate(node, names):
    """The value of an expression."""
    match node:
        case ast.Constant():
            return np.float64(node.value)
        case ast.Name():
            require(node.id in names, f"`{node.id[1:]}` is unknown in a neuron model")
            return names[node.id]
        case ast.UnaryOp(ast.USub()):
            return -number(evaluate(node.operand, names))
        case ast.UnaryOp(ast.Not()):
            return truth(~condition(evaluate(node.operand, names)), evaluate(node.operand, names))
        case ast.BoolOp():
            values = [evaluate(value, names) for value in node.values]
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return truth(join.reduce(np.broadcast_arrays(*map(condition, values))), *values)
        case ast.Compare(ops=[operator]):
            a, b = number(evaluate(node.left, names)), number(evaluate(node.comparators[0], names))
            pair = (a, b) if is_static(a, b) else (tick(a), tick(b))
            return truth(COMPARE[type(operator)](*pair), a, b)
        case ast.BinOp():
            return arithmetic(node.op, number(evaluate(node.left, names)), number(evaluate(node.right, names)))
        case ast.Call(ast.Name()):
            return call(node.func.id, [evaluate(argument, names) for argument in node.args])
    raise Refused(f"`{ast.unparse(node)}` is no expression of a neuron model")


def number(value):
    return tick(value) if np.asarray(value).dtype == bool else value


def truth(value, *of):
    """A condition; of parameters alone it is 1 or 0."""
    return value.astype(np.float64) if is_static(*of) else value


def arithmetic(operator, a, b):
    if is_static(a, b):
        match operator:
            case ast.Add():
                return a + b
            case ast.Sub():
                return a - b
            case ast.Mult():
                return a * b
            case ast.Div():
                return a / b
            case _:
                return static_power(a, b)
    if isinstance(operator, ast.Pow):
        n = float(b)
        positive = functions.power(tick(a), int(abs(n))) if n else np.ones_like(a)
        return positive if n >= 0 else functions.divide(f32(1), positive)
    if isinstance(operator, ast.Div):
        # One division, done once.
        return tick(a) * narrow(1 / b) if is_static(b) else functions.divide(tick(a), tick(b))
    a, b = tick(a), tick(b)
    return a + b if isinstance(operator, ast.Add) else a - b if isinstance(operator, ast.Sub) else a * b


def call(name, values):
    if name == "_if":
        chosen, a, b = values[0], number(values[1]), number(values[2])
        if is_static(chosen):
            require(is_static(a, b), "`if` with a condition of parameters alone between values that are not is not run")
            return np.where(condition(chosen), a, b)
        return np.where(condition(chosen), tick(a), tick(b))
    values = [number(value) for value in values]
    if is_static(*values):
        return np.float64(1) * STATIC[name](*values)
    if name == "_clamp":
        return call("_min", [call("_max", values[:2]), values[2]])
    require(name in TICK, f"`{name[1:]}` is no function of a neuron model")
    return TICK[name](*map(tick, values))
