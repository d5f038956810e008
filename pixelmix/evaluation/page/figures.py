"""Numbers as a reader wants them, and the rows of a report in the order in which they are read."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pixelmix.evaluation.report import Interval, Row

MINUS = "\N{MINUS SIGN}"
NO_BREAK = "\N{NO-BREAK SPACE}"

_BOUNDS = frozenset({"mixture", "ideal-binary", "ideal-ratio"})


@dataclass(frozen=True, slots=True)
class Metric:
    """One of the figures of a row."""

    title: str
    meaning: str
    of: Callable[[Row], Interval]


METRICS = (
    Metric("NSDR", "how much closer to the truth than the mixture", lambda row: row.nsdr),
    Metric("SIR", "how little of the other sounds is left", lambda row: row.sir),
    Metric("SAR", "how free of artefacts", lambda row: row.sar),
    Metric("SI-SDR gain", "as NSDR, blind to loudness", lambda row: row.si_sdr),
)


@dataclass(frozen=True, slots=True)
class Task:
    """All methods on one sort of mixture."""

    sources: int
    pairing: str
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """What the mixtures are made of."""
        kinds = {"different": "different kinds", "same": "the same kind"}
        return f"{self.sources} sounds of {kinds.get(self.pairing, self.pairing)}"

    def best(self, metric: Metric) -> Row | None:
        """Return the method that comes first by one metric; None where nothing competes.

        Bounds do not compete: the mixture has hardly an artefact, ideal masks know the truth.
        """
        rivals = [row for row in self.rows if not is_bound(row.method)]
        rivals = [row for row in rivals if math.isfinite(metric.of(row).mean)]
        return max(rivals, key=lambda row: metric.of(row).mean) if len(rivals) > 1 else None


def tasks(rows: Sequence[Row]) -> Iterator[Task]:
    """Yield the rows by sort of mixture: different kinds before the same, fewer sounds first.

    Within a task the methods keep their order, but bounds come last.
    """
    sorts = sorted({(row.pairing, row.sources) for row in rows})
    for pairing, sources in sorts:
        same = [row for row in rows if (row.pairing, row.sources) == (pairing, sources)]
        yield Task(sources, pairing, tuple(sorted(same, key=lambda row: is_bound(row.method))))


def is_bound(method: str) -> bool:
    """Whether a method is no rival but the least or the most that a mask can do."""
    return method in _BOUNDS


def decibels(value: float) -> str:
    """Return a level with one decimal, without its unit."""
    if math.isnan(value):
        return "\N{EN DASH}"
    size = "\N{INFINITY}" if math.isinf(value) else f"{abs(value):.1f}"
    return f"{MINUS}{size}" if value < 0 and size != "0.0" else size


def percent(share: float) -> str:
    """Return a share as a whole percentage."""
    return f"{100 * share:.0f}{NO_BREAK}%"


def interval(values: Interval, show: Callable[[float], str] = decibels) -> str:
    """Return the bounds of an interval."""
    return f"{show(values.low)} to {show(values.high)}"


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    noun = one if number == 1 else many or f"{one}s"
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}") + f" {noun}"


def change(gain: float) -> str:
    """Return what a gain over the mixture means."""
    direction = "closer to the truth than" if gain >= 0 else "further from the truth than"
    return f"{decibels(abs(gain))}{NO_BREAK}dB {direction} the mixture"
