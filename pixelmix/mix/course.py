"""How the loudness of regions goes over time, and what their share of the spectrogram is."""

from dataclasses import dataclass

import numpy as np

from pixelmix.types import BoolArray, FloatArray

_FINEST = 4
"""STFT frames of the shortest step."""
_MOST = 1_200
"""Steps that are kept; a longer sound has longer ones."""
_SOUNDS_DB = -25.0
"""Against its own loud moments, from where on a region counts as sounding."""
_SHARE_DB = -13.0
"""The same against the whole sound of the moment."""
_SILENCE_DB = -66.0
"""Full scale; nothing sounds below."""
_LOUD_QUANTILE = 0.95
_SHORTEST = 0.25
"""Seconds: shorter sounds are not reported, shorter pauses are bridged."""

Spans = tuple[tuple[float, float], ...]


class Course:
    """Takes masks and magnitudes as they pass; memory does not grow with the length."""

    def __init__(self, regions: int, frame: float) -> None:
        self._frame = frame
        """Seconds of an STFT frame."""
        self._per_step = _FINEST
        self._regions = regions
        self._columns: list[_Column] = []
        self._open: _Column | None = None

    def add(self, masks: FloatArray, magnitude: FloatArray, level: FloatArray) -> None:
        """Take ``(regions, rows, frames)``, ``(rows, frames)`` and the mean square ``(frames,)``.

        Masks compete already: their sum is one at most.
        """
        every = np.concatenate([masks, 1.0 - masks.sum(axis=0, keepdims=True)])
        power = np.square(magnitude)
        energy = np.square(every) * power
        for i in range(magnitude.shape[1]):
            self._take(_Column(energy[..., i], power[:, i], float(level[i]), 1))

    def _take(self, column: "_Column") -> None:
        self._open = column if self._open is None else self._open.joined(column)
        if self._open.frames == self._per_step:
            self._columns.append(self._open)
            self._open = None
        if len(self._columns) == 2 * _MOST:
            pairs = zip(self._columns[::2], self._columns[1::2], strict=True)
            self._columns = [one.joined(other) for one, other in pairs]
            self._per_step *= 2

    @property
    def _all(self) -> list["_Column"]:
        return self._columns + ([self._open] if self._open else [])

    @property
    def step(self) -> float:
        """Seconds of a step."""
        return self._per_step * self._frame

    @property
    def _seconds(self) -> float:
        # Frames are centred on their moments: the last one on the end of the sound.
        return (sum(column.frames for column in self._all) - 1) * self._frame

    def shares(self) -> FloatArray:
        """Return ``(regions + 1,)``: parts of the sound's energy, ``rest`` last; sum one."""
        energy = np.zeros(self._regions + 1)
        for column in self._all:
            energy += column.energy.sum(axis=1)
        return np.asarray(energy / (energy.sum() or 1.0), np.float32)

    def loudness(self) -> FloatArray:
        """Return ``(regions + 1, steps)`` dB full scale of every region's sound and of ``rest``."""
        rows = []
        for column in self._all:
            heard = column.energy.sum(axis=1)
            part = heard / max(float(heard.sum()), 1e-20)
            rows.append(part * column.level / column.frames)
        power = np.array(rows).reshape(-1, self._regions + 1).T
        found: FloatArray = (10 * np.log10(np.maximum(power, 1e-12))).astype(np.float32)
        return found

    def spectrogram(self) -> tuple[FloatArray, FloatArray]:
        """Return the mixture ``(rows, steps)`` in dB and the regions' parts of it.

        The parts ``(regions, rows, steps)`` are those of the energy, 0 to 1.
        """
        columns = self._all
        if not columns:
            return np.zeros((1, 0), np.float32), np.zeros((self._regions, 1, 0), np.float32)
        power = np.stack([column.power / column.frames for column in columns], axis=1)
        energy = np.stack([column.energy for column in columns], axis=2)
        parts = energy[:-1] / np.maximum(energy.sum(axis=0), 1e-20)
        db = 10 * np.log10(np.maximum(power, 1e-12))
        return db.astype(np.float32), parts.astype(np.float32)

    def spans(self, start: float) -> tuple[Spans, ...]:
        """Return when each region sounds, seconds; ``start`` is the time of the first frame."""
        loudness = self.loudness()
        if not loudness.size:
            return ((),) * self._regions
        whole = 10 * np.log10((10 ** (loudness / 10)).sum(axis=0))
        found = []
        for own in loudness[:-1]:
            loud = float(np.quantile(own, _LOUD_QUANTILE))
            least = np.maximum(max(loud + _SOUNDS_DB, _SILENCE_DB), whole + _SHARE_DB)
            found.append(_spans(own >= least, self.step, start, self._seconds))
        return tuple(found)


def _spans(sounding: BoolArray, step: float, start: float, seconds: float) -> Spans:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], sounding, [False]])))
    spans: list[tuple[float, float]] = []
    # The last step may be an open one, shorter than the others.
    for first, last in np.minimum(edges.reshape(-1, 2) * step, seconds).tolist():
        if spans and first - spans[-1][1] < _SHORTEST:
            spans[-1] = (spans[-1][0], last)
        else:
            spans.append((first, last))
    return tuple(
        (round(start + first, 3), round(start + last, 3))
        for first, last in spans
        if last - first >= _SHORTEST
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """Sums over some frames."""

    energy: FloatArray
    """(regions + 1, rows)"""
    power: FloatArray
    """(rows,)"""
    level: float
    frames: int

    def joined(self, other: "_Column") -> "_Column":
        return _Column(
            self.energy + other.energy,
            self.power + other.power,
            self.level + other.level,
            self.frames + other.frames,
        )
