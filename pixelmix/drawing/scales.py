"""Where the marks of an axis are, and what is written at them."""

import math
from collections.abc import Iterator

import numpy as np

from pixelmix.types import FloatArray

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
_HOUR = 3600


def time_marks(start: float, seconds: float, steps: int) -> list[tuple[float, str]]:
    """Return times and their labels from `start` to ``start + seconds``, at most `steps` + 1.

    Seconds are written as ``5 s``, minutes as ``1:30`` and hours as ``1:30:00``.
    """
    step = _step(seconds / max(steps, 1))
    first = math.ceil(start / step - 1e-6)
    last = math.floor((start + seconds) / step + 1e-6)
    end = start + seconds
    return [(index * step, _time(index * step, step, end)) for index in range(first, last + 1)]


def time_label(time: float) -> str:
    """Return a single time, such as ``3.5 s``, ``1:30`` or ``1:30:00``."""
    return f"{time:.1f} s" if time < 60.0 else _clock(round(time), hours=time >= _HOUR)


def _step(least: float) -> float:
    """Return the smallest pleasing step that is not below `least` seconds."""
    if least <= 1.0:
        power = 10.0 ** math.floor(math.log10(max(least, 1e-6)))
        return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)
    for step in _STEPS:
        if step >= least:
            return float(step)
    hours = math.ceil(math.log2(least / _HOUR)) if least > _HOUR else 0
    return float(_HOUR * 2**hours)


def _time(time: float, step: float, end: float) -> str:
    if step < 1.0:
        return f"{time:.{math.ceil(-math.log10(step) - 1e-9)}f} s"
    if end <= 60.0:
        return f"{round(time)} s"
    return _clock(round(time), hours=end >= _HOUR)


def _clock(seconds: int, *, hours: bool) -> str:
    if not hours:
        return f"{seconds // 60}:{seconds % 60:02}"
    return f"{seconds // _HOUR}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def frequency_marks(
    frequencies: FloatArray, height: int, least: int
) -> Iterator[tuple[float, str]]:
    """Yield places above the bottom of an axis `height` pixels high, and the Hz there.

    The rows of the axis are centred on `frequencies` ``(rows,)``, low to high; two labels are at
    least `least` pixels apart.
    """
    if len(frequencies) < 2:
        return
    before = -math.inf
    for power in range(1, 6):
        for factor in (1, 2, 5):
            hertz = factor * 10**power
            if not frequencies[0] <= hertz <= frequencies[-1]:
                continue
            row = float(np.interp(hertz, frequencies, np.arange(len(frequencies))))
            place = (row + 0.5) * height / len(frequencies)
            if place - before >= least:
                yield place, f"{hertz} Hz" if hertz < 1000 else f"{hertz // 1000} kHz"
                before = place
