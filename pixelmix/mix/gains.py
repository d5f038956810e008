"""How loud each region becomes: reading gains, their course over time, and the new sum."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pixelmix.errors import UsageError
from pixelmix.types import FloatArray, Gain, GainSpan, StemBlock

REST = "rest"
"""Name of what no region claims."""
FADE_SECONDS = 0.02
"""Length of the linear fade at each edge of a span."""
MAX_GAIN = 1000.0
"""Linear, 60 dB: more is a slip of the keyboard and would only produce noise."""

_FORMS = (
    "write NAME=0.2, NAME=-12dB, NAME=mute or NAME=solo, and add a time span like this: "
    "NAME=-6dB@0:10-0:25 (or @90- to the end)"
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_SECONDS = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class GainOption:
    """One ``--gain`` as it was written."""

    name: str
    gain: float
    """Linear; 1.0 for ``solo``."""
    start: float = 0.0
    """Seconds from the start of the input."""
    end: float = math.inf
    solo: bool = False
    """Everything else falls silent while this holds."""

    @property
    def always(self) -> bool:
        """Whether it was written without a time span."""
        return self.start == 0.0 and self.end == math.inf


def parse_gain(text: str) -> GainOption:
    """Read ``NAME=VALUE`` or ``NAME=VALUE@START-END``.

    ``VALUE`` is a linear gain, a level such as ``-12dB``, ``mute`` or ``solo``; times are
    seconds, ``M:SS`` or ``H:MM:SS``, with fractions; an empty ``END`` means to the end.

    Raises
    ------
    UsageError
        For anything else; the message shows the accepted forms.
    """
    name, equals, rest = text.partition("=")
    name = name.strip()
    value, at, span = rest.partition("@")
    if not name or not equals:
        raise UsageError(f"cannot read the gain {text!r}: {_FORMS}")
    word = value.strip().lower()
    solo = word == "solo"
    gain = 1.0 if solo else _value(word, text)
    start, end = _span(span, text) if at else (0.0, math.inf)
    return GainOption(name, gain, start, end, solo)


def merge_gains(options: Sequence[GainOption], region_names: Sequence[str]) -> tuple[Gain, ...]:
    """Combine all gains into one `Gain` per region that is changed, in the regions' order.

    A later option of the same name wins over an earlier one; spans win over what holds always.
    While something is solo, every region that is not, and ``rest``, is silent.

    Raises
    ------
    UsageError
        If an option names no region; the message lists the names.
    """
    known = [*region_names, REST]
    for option in options:
        if option.name not in known:
            names = ", ".join(known)
            raise UsageError(f"there is no region named {option.name!r}; there are: {names}")
    merged = (_merge(name, options) for name in known)
    return tuple(gain for gain in merged if not is_unity(gain))


def is_unity(gain: Gain) -> bool:
    """Whether `gain` changes nothing at any time."""
    return gain.base == 1.0 and all(span.gain == 1.0 for span in gain.spans)


def gain_curve(gain: Gain, start_sample: int, n: int, rate: int) -> FloatArray:
    """Return the linear gain ``(n,)`` of the samples from `start_sample` on.

    Constant but for linear fades of 20 ms inside each span at its edges (shorter in spans
    shorter than two fades; centred on the edge where two spans meet). Where spans overlap the
    later one in ``gain.spans`` holds.
    """
    times, values = _breakpoints(gain)
    if len(values) == 1:
        return np.full(n, values[0], dtype=np.float32)
    seconds = np.arange(start_sample, start_sample + n) / rate
    return np.interp(seconds, times, values).astype(np.float32)


def remix(
    block: StemBlock,
    region_names: Sequence[str],
    gains: Sequence[Gain],
    rate: int,
    start_sample: int,
) -> FloatArray:
    """Return the new sound ``(channels, samples)`` of a block that begins at `start_sample`.

    ``y = x + sum_r (g_r - 1) s_r + (g_rest - 1) (x - sum_r s_r)``; what has no gain keeps its
    level, and without any change the samples are returned bit for bit.
    """
    by_name: Mapping[str, Gain] = {gain.name: gain for gain in gains}
    n = block.samples.shape[-1]

    def curve(name: str) -> FloatArray | np.float32:
        gain = by_name.get(name)
        if gain is None:
            return np.float32(1.0)
        return gain_curve(gain, start_sample, n, rate) if gain.spans else np.float32(gain.base)

    # The same sum with the original taken out of the brackets: x g_rest + sum_r (g_r - g_rest) s_r.
    rest = curve(REST)
    out: FloatArray = block.samples * rest
    for name, stem in zip(region_names, block.stems, strict=True):
        change = curve(name) - rest
        if np.any(change):
            out += stem * change
    return out


def _value(word: str, text: str) -> float:
    """Return the linear gain written as `word`."""
    if word == "mute":
        return 0.0
    level = word.removesuffix("db").rstrip()
    if not _NUMBER.fullmatch(level):
        raise UsageError(f"cannot read the gain {text!r}: {_FORMS}")
    number = float(level)
    if word.endswith("db"):
        number = math.inf if number > 1e4 else 10.0 ** (number / 20.0)
    elif number < 0:
        raise UsageError(f"the gain {text!r} is negative: {_FORMS}")
    if number > MAX_GAIN:
        raise UsageError(f"the gain {text!r} is more than {MAX_GAIN:g} (60 dB); use a smaller one")
    return number


def _span(span: str, text: str) -> tuple[float, float]:
    """Return start and end in seconds of ``START-END`` or ``START-``."""
    first, dash, last = span.partition("-")
    if not dash:
        raise UsageError(f"the time span of {text!r} has no end: {_FORMS}")
    start = _seconds(first.strip(), text)
    end = _seconds(last.strip(), text) if last.strip() else math.inf
    if start >= end:
        raise UsageError(f"the time span of {text!r} ends before it starts; swap the times")
    return start, end


def _seconds(time: str, text: str) -> float:
    """Return the seconds of ``S``, ``M:SS`` or ``H:MM:SS``, the last part with fractions."""
    *high, low = time.split(":")
    good = len(high) <= 2 and all(re.fullmatch(r"\d+", part, re.ASCII) for part in high)
    if not good or not _SECONDS.fullmatch(low):
        raise UsageError(f"cannot read the time {time!r} in {text!r}: {_FORMS}")
    parts = [*map(float, high), float(low)]
    if any(part >= 60 for part in parts[1:]):
        raise UsageError(f"the time {time!r} in {text!r} has more than 59 minutes or seconds")
    total = 0.0
    for part in parts:
        total = total * 60 + part
    return total


def _merge(name: str, options: Sequence[GainOption]) -> Gain:
    """Combine what all options mean for one name."""
    base, spans = 1.0, []
    for option in options:
        if option.name == name and option.always:
            base = option.gain
        elif option.name == name:
            spans.append(GainSpan(option.gain, option.start, option.end))
    # Solos of others silence this one, wherever it is not solo itself.
    solos = [option for option in options if option.solo]
    own = [(option.start, option.end) for option in solos if option.name == name]
    for option in solos:
        if option.name == name:
            continue
        for start, end in _without((option.start, option.end), own):
            if start == 0.0 and end == math.inf:
                return Gain(name, 0.0)
            spans.append(GainSpan(0.0, start, end))
    return Gain(name, base, tuple(spans))


def _without(
    span: tuple[float, float], holes: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Return the parts of `span` outside all `holes`."""
    parts = [span]
    for low, high in holes:
        pieces = [piece for a, b in parts for piece in ((a, min(b, low)), (max(a, high), b))]
        parts = [(a, b) for a, b in pieces if a < b]
    return parts


@lru_cache(maxsize=256)
def _breakpoints(gain: Gain) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return times (s) and gains between which the curve is straight; constant beyond them."""
    edges = {edge for span in gain.spans for edge in (span.start, span.end)}
    cuts = [0.0, *sorted(edge for edge in edges if 0.0 < edge < math.inf), math.inf]
    # Stretches of equal gain: (start, end, gain, whether a span holds there).
    stretches: list[tuple[float, float, float, bool]] = []
    for start, end in pairwise(cuts):
        holding = [span for span in gain.spans if span.start <= start and end <= span.end]
        value, held = (holding[-1].gain, True) if holding else (gain.base, False)
        same = stretches and stretches[-1][2:] == (value, held)
        first = stretches.pop()[0] if same else start
        stretches.append((first, end, value, held))
    times, values = [0.0], [stretches[0][2]]
    for (a, edge, before, left), (_, b, after, right) in pairwise(stretches):
        lengths = [length / 2 for length, inside in ((edge - a, left), (b - edge, right)) if inside]
        fade = min([FADE_SECONDS, *lengths])
        share = left / (left + right)
        times += [edge - share * fade, edge + (1 - share) * fade]
        values += [before, after]
    return np.array(times), np.array(values)
