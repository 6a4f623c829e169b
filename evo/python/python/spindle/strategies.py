"""Strategies by ask and tell. **Fitness is maximised**; `minimise=True` turns it round.

    search = spindle.strategies.CmaEs(numpy.zeros(10), sigma=0.5, population=16, seed=1)
    while search.stop is None:
        members = search.ask()                        # float64 [population, n]
        search.tell([fitness(x) for x in members])

`spindle.strategies.all()` has every strategy by its name. A search is the same bits as one of `evo`, for any number of
threads; pickled, it goes on with the same bits. A member whose fitness is NaN or infinite has failed: it ranks last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from . import _native
from ._arrays import numbers
from ._text import sets


def _vector(name: str, values: Any, of: str) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}, expected one axis: {of}")
    return numbers(name, array, array.shape, np.float64, of)


class Archive(NamedTuple):
    """The elites of an archive, in the order of their cells."""

    cells: np.ndarray
    """Number of each cell that is filled, int64 `[elites]`; those of a grid go up along its last axis first."""
    fitness: np.ndarray
    """`[elites]`."""
    descriptors: np.ndarray
    """`[elites, descriptors]`."""
    parameters: np.ndarray
    """`[elites, n]`."""
    count: int
    """Number of all cells."""
    names: tuple[str, ...] = ()
    """Names of the descriptors, in the archive of a run."""

    @property
    def coverage(self) -> float:
        """Part of the cells that is filled."""
        return len(self.cells) / self.count


class Strategy:
    """A running search; see the subclasses.

    Args:
        x0: Start of the mean, finite, `[n]`.
        seed: Of all random numbers, 0 to 2**64 - 1.
        minimise: Whether lower is better: in `tell`, and in `best`.
        **fields: Settings, such as `sigma` and `population`; `settings()` lists them. A string is RON, as after --set:
            `optimizer="Adam(learning_rate: 0.02)"`.

    Raises:
        ValueError: A field that does not exist or is out of range, with the text of the command line.
    """

    name: ClassVar[str] = ""
    """Name on the command line."""

    def __init__(self, x0: Any, *, seed: int = 0, minimise: bool = False, **fields: Any) -> None:
        if not self.name:
            raise TypeError("Strategy is the base of all strategies: take one of them, such as CmaEs")
        start = _vector("x0", x0, "parameters")
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= int(seed) < 1 << 64:
            raise ValueError(f"seed is {seed!r}, expected 0 to 2**64 - 1")
        self.minimise = bool(minimise)
        self._native = _native.Search(self.name, start, int(seed), sets(fields))

    @classmethod
    def settings(cls) -> dict[str, dict[str, str]]:
        """Each setting's unit, default and range."""
        (found,) = (each for each in _native.strategies() if each[0] == cls.name)
        return {field: {"unit": unit, "default": default, "range": valid} for field, unit, default, valid in found[4]}

    def __repr__(self) -> str:
        return f"<spindle.strategies.{type(self).__name__} {self._native.config}, generation {self.generation}>"

    @property
    def population(self) -> int:
        """Members per generation (λ)."""
        return self._native.shape[0]

    @property
    def n(self) -> int:
        """Number of parameters."""
        return self._native.shape[1]

    def ask(self) -> np.ndarray:
        """The members of the next generation, float64 `[population, n]`; the same ones until `tell`."""
        members = np.empty(self._native.shape)
        self._native.ask(members)
        return members

    def tell(self, fitness: Any, descriptors: Any = None, objectives: Any = None) -> None:
        """Takes the fitness of each member, `[population]`; higher is better unless `minimise`.

        `descriptors`, `[population, descriptors]`, say how each member behaves, for the strategies that keep an
        archive: `MapElites`, `CmaMe` and `CmaMae`; for `Constrained`, they are the constraints, which hold where they
        are ≤ 0. `objectives`, `[population, objectives]`, are all objectives, for `Nsga2` and `MoCmaEs`: higher is
        better unless `minimise`; the fitness is then what `best` goes by.

        Raises:
            ValueError: Another number of values, no `ask` before, no finite value at all, descriptors that are missing,
                or some for a strategy that takes none.
        """
        values = _vector("fitness", fitness, "members")
        each = self._native.descriptors
        if objectives is not None:
            if "objectives" not in self.settings():
                raise ValueError(f"strategy {self.name} takes no objectives")
            if descriptors is not None:
                raise ValueError(f"strategy {self.name} takes no descriptors")
            own = numbers("objectives", objectives, (len(values), each), np.float64, "members, objectives")
            own = -own if self.minimise else own
        elif descriptors is None:
            own = np.empty(0)
        elif not each:
            raise ValueError(f"strategy {self.name} takes no descriptors")
        else:
            own = numbers("descriptors", descriptors, (len(values), each), np.float64, "members, descriptors")
        self._native.tell(-values if self.minimise else values, own.ravel())

    @property
    def archive(self) -> Archive | None:
        """The best member so far of each cell; `None` for strategies that keep no archive."""
        found = self._native.archive
        if found is None:
            return None
        cells, fitness, descriptors, parameters, count = found
        return Archive(
            cells.astype(np.int64),
            -fitness if self.minimise else fitness,
            descriptors.reshape(len(cells), -1),
            parameters.reshape(len(cells), self.n),
            count,
        )

    @property
    def mean(self) -> np.ndarray:
        """Mean of the search distribution, `[n]`."""
        return self._native.mean

    @property
    def sigma(self) -> float:
        """Overall step size, in units of the parameters."""
        return self._native.sigma

    @property
    def best(self) -> tuple[np.ndarray, float] | None:
        """The best member that was told so far and its fitness; `None` before the first `tell`."""
        found = self._native.best
        if found is None:
            return None
        fitness, member = found
        return member, -fitness if self.minimise else fitness

    @property
    def stop(self) -> str | None:
        """Why going on is unlikely to help, as of the last `tell`; the search itself never stops."""
        return self._native.stop

    @property
    def generation(self) -> int:
        """Generations told so far."""
        return self._native.counts[0]

    @property
    def evaluations(self) -> int:
        """Members told so far."""
        return self._native.counts[1]

    def __getstate__(self) -> dict[str, Any]:
        return {"minimise": self.minimise, "saved": self._native.saved()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.minimise = state["minimise"]
        self._native = _native.Search.restored(*state["saved"])


def all() -> dict[str, type[Strategy]]:
    """Every strategy by its name on the command line."""
    return {each.name: each for each in Strategy.__subclasses__()}


def _made(
    name: str, config: str, summary: str, reference: str, fields: list[tuple[str, str, str, str]]
) -> type[Strategy]:
    settings = "\n".join(f"    {field} ({default}): {valid}" for field, _, default, valid in fields)
    text = (
        f"{summary}\n\nFitness is maximised. Arguments are those of `Strategy`; settings, with defaults and ranges:\n\n"
    )
    return type(
        config, (Strategy,), {"name": name, "__module__": __name__, "__doc__": f"{text}{settings}\n\n{reference}"}
    )


# A class for each strategy of the program, called as in configs: CmaEs, OpenEs, …
for _each in _native.strategies():
    globals()[_each[1]] = _made(*_each)

if TYPE_CHECKING:

    def __getattr__(name: str) -> type[Strategy]: ...
