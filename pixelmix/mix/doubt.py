"""What a separation should not be trusted in, said plainly.

The limits are measured on real solos side by side (docs/reliability.md): a warning is mostly right,
and its absence proves little.
"""

from collections.abc import Mapping
from itertools import combinations

from pixelmix.mix.gains import REST
from pixelmix.mix.meter import Level
from pixelmix.types import FloatArray

HARDLY = 0.02
"""Share of the sound below which a region is as good as silent."""
UNSURE = 0.3
"""Confidence below which what a region gets is a guess."""
ALIKE = 0.9
"""Correlation of two masks from which on they are one, as for regions that are found."""
MUCH = 0.4
"""Share of the sound above which several regions should not leave that much to ``rest``."""


def doubts(levels: Mapping[str, Level], likeness: FloatArray) -> tuple[str, ...]:
    """Return warnings about the regions of a separation, in the order of the regions.

    Parameters
    ----------
    levels
        Measures by name; ``rest``, where it is there, counts only beside several regions.
    likeness
        ``(regions, regions)``, how their masks correlate.
    """
    regions = {name: level for name, level in levels.items() if name != REST}
    silent = {name for name, level in regions.items() if level.share < HARDLY}
    unsure = {name for name, level in regions.items() if level.confidence < UNSURE}
    nowhere = len(regions) > 1 and len(unsure) == len(regions)
    found = []
    if nowhere:
        found.append(
            "no region has a sound that surely belongs to it: the sound may not come from what is "
            "seen, or be none that the model knows"
        )
    rest = levels[REST].share if REST in levels else 0.0
    if rest > MUCH and len(regions) > 1 and not nowhere:
        found.append(
            f"{100 * rest:.0f} % of the sound belongs to no region and is in {REST}: something "
            "sounds that has none, or is not seen; name every player, or look at the picture that "
            "'pixelmix regions' draws"
        )
    for name, level in regions.items():
        if name in silent:
            found.append(
                f"{name}: gets hardly any of the sound ({100 * level.share:.1f} %): it is silent, "
                "or its place shows nothing that the model hears"
            )
        elif name in unsure and not nowhere:
            found.append(
                f"{name}: what it gets is a guess (confidence {level.confidence:.2f}); it may be "
                "silent, or not what sounds here"
            )
    found += [
        f"{one} and {other} look and sound alike to the model: their stems are shares of one sound"
        for (i, one), (j, other) in combinations(enumerate(regions), 2)
        if likeness[i, j] >= ALIKE and not {one, other} & (silent | unsure)
    ]
    return tuple(found)
