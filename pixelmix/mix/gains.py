"""How loud each region becomes: gains merged, their course over time, and the new sum."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pixelmix.errors import UsageError
from pixelmix.mix.gain_options import GainOption
from pixelmix.types import FloatArray, Gain, GainSpan, StemBlock

REST = "rest"
"""Name of what no region claims."""
FADE_SECONDS = 0.02
"""Length of the linear fade at each edge of a span."""


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
            raise UsageError(
                f"{option.where}there is no region named {option.name!r}; there are: {names}"
            )
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
        if high <= span[0] or low >= span[1]:
            continue
        pieces = [piece for a, b in parts for piece in ((a, min(b, low)), (max(a, high), b))]
        parts = [(a, b) for a, b in pieces if a < b]
    return parts


@lru_cache(maxsize=256)
def _breakpoints(gain: Gain) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return times (s) and gains between which the curve is straight; constant beyond them."""
    edges = {edge for span in gain.spans for edge in (span.start, span.end)}
    cuts = np.array([0.0, *sorted(edge for edge in edges if 0.0 < edge < math.inf), math.inf])
    levels, held = np.full(len(cuts) - 1, gain.base), np.zeros(len(cuts) - 1, dtype=bool)
    for span in gain.spans:
        first, last = np.searchsorted(cuts, (span.start, span.end))
        levels[first:last], held[first:last] = span.gain, True
    # Stretches of equal gain: (start, end, gain, whether a span holds there).
    stretches: list[tuple[float, float, float, bool]] = []
    pieces = zip(pairwise(cuts.tolist()), levels.tolist(), held.tolist(), strict=True)
    for (start, end), value, within in pieces:
        same = stretches and stretches[-1][2:] == (value, within)
        first = stretches.pop()[0] if same else start
        stretches.append((first, end, value, within))
    times, values = [0.0], [stretches[0][2]]
    for (a, edge, before, left), (_, b, after, right) in pairwise(stretches):
        lengths = [length / 2 for length, inside in ((edge - a, left), (b - edge, right)) if inside]
        fade = min([FADE_SECONDS, *lengths])
        share = left / (left + right)
        times += [edge - share * fade, edge + (1 - share) * fade]
        values += [before, after]
    return np.array(times), np.array(values)
