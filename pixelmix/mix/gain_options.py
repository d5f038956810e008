"""Gains as people write them, on the command line and in files."""

import math
import re
from dataclasses import dataclass, field

from pixelmix.errors import UsageError

MAX_GAIN = 1000.0
"""Linear, 60 dB: more is a slip of the keyboard and would only produce noise."""

_FORMS = (
    "write NAME=0.2, NAME=-12dB, NAME=mute or NAME=solo, and add a time span like this: "
    "NAME=-6dB@0:10-0:25 (or @90- to the end)"
)
_VALUES = "write 0.2, -12dB, mute or solo"
_TIMES = "write seconds, M:SS or H:MM:SS"
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_SECONDS = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class GainOption:
    """One gain as it was written."""

    name: str
    gain: float
    """Linear; 1.0 for ``solo``."""
    start: float = 0.0
    """Seconds from the start of the input."""
    end: float = math.inf
    solo: bool = False
    """Everything else falls silent while this holds."""
    where: str = field(default="", compare=False)
    """Where it was written; messages about it begin so."""

    @property
    def always(self) -> bool:
        """Whether it was written without a time span."""
        return self.start == 0.0 and self.end == math.inf


def parse_gain(text: str) -> GainOption:
    """Read ``NAME=VALUE`` or ``NAME=VALUE@START-END``, its parts as in `gain_option`.

    Raises
    ------
    UsageError
        For anything else; the message shows the accepted forms.
    """
    where = f"--gain {text!r}: "
    name, equals, rest = text.partition("=")
    value, at, span = rest.partition("@")
    start, dash, end = span.partition("-")
    if not name.strip() or not equals or bool(at) != bool(start.strip() and dash):
        raise UsageError(f"{where}{_FORMS}")
    return gain_option(where, name, value, start, end)


def gain_option(where: str, name: str, value: str, start: str = "", end: str = "") -> GainOption:
    """Read the parts of a gain.

    ``value`` is a linear gain, a level such as ``-12dB``, ``mute`` or ``solo``; times are
    seconds, ``M:SS`` or ``H:MM:SS``, with fractions. An empty ``start`` is that of the input, an
    empty ``end`` its end.

    Raises
    ------
    UsageError
        If a part cannot be read; the message begins with `where` and shows the accepted forms.
    """
    try:
        word = value.strip().lower()
        solo = word == "solo"
        gain = 1.0 if solo else _value(word)
        first = _seconds(start.strip()) if start.strip() else 0.0
        last = _seconds(end.strip()) if end.strip() else math.inf
    except UsageError as error:
        raise UsageError(f"{where}{error}") from error
    if first >= last:
        raise UsageError(f"{where}the time span ends before it starts; swap the times")
    return GainOption(name.strip(), gain, first, last, solo, where)


def _value(word: str) -> float:
    """Return the linear gain written as `word`."""
    if word == "mute":
        return 0.0
    level = word.removesuffix("db").rstrip()
    if not _NUMBER.fullmatch(level):
        raise UsageError(f"{word!r} is no gain: {_VALUES}")
    number = float(level)
    if word.endswith("db"):
        number = math.inf if number > 1e4 else 10.0 ** (number / 20.0)
    elif number < 0:
        raise UsageError(f"the gain {word!r} is negative: {_VALUES}")
    if number > MAX_GAIN:
        raise UsageError(f"the gain {word!r} is more than {MAX_GAIN:g} (60 dB); use a smaller one")
    return number


def _seconds(time: str) -> float:
    """Return the seconds of ``S``, ``M:SS`` or ``H:MM:SS``, the last part with fractions."""
    *high, low = time.split(":")
    good = len(high) <= 2 and all(re.fullmatch(r"\d+", part, re.ASCII) for part in high)
    if not good or not _SECONDS.fullmatch(low):
        raise UsageError(f"{time!r} is no time: {_TIMES}")
    parts = [*map(float, high), float(low)]
    if any(part >= 60 for part in parts[1:]):
        raise UsageError(f"the time {time!r} has more than 59 minutes or seconds")
    total = 0.0
    for part in parts:
        total = total * 60 + part
    return total
