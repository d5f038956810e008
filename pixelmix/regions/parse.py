"""Reading points and boxes as people write them, and fitting them to a picture."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from pixelmix.errors import UsageError
from pixelmix.types import Box, Region

RESERVED = "rest"
"""Name of what no region claims; no region can have it."""

_POINT = "write X,Y in pixels or percent, such as 320,180 or violin=25%,40%"
_REGION = "write X,Y,W,H in pixels or percent, such as 0,60,320,240 or violin=0%,10%,50%,80%"
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)", re.ASCII)
_NAME = re.compile(r"\w(?:[\w .-]*[\w-])?")
_LONGEST = 64
# Windows knows these as devices, with any extension.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Length:
    """A coordinate or extent as written."""

    value: float
    percent: bool
    """Whether `value` is in percent of the picture's width or height, else in pixels."""

    def pixels(self, size: int) -> float:
        """Return it in pixels of a picture side of `size` pixels."""
        return self.value * size / 100.0 if self.percent else self.value


@dataclass(frozen=True, slots=True)
class PlaceSpec:
    """A point or a box as it was written, before the picture's size is known."""

    text: str
    """As written, for messages."""
    name: str | None
    x: Length
    y: Length
    width: Length | None = None
    """``None`` for a point, and so is `height`."""
    height: Length | None = None


def parse_point(text: str) -> PlaceSpec:
    """Read ``[NAME=]X,Y``; each number in pixels or, with ``%``, in percent.

    Raises
    ------
    UsageError
        If it is not written so, or the name cannot be used.
    """
    name, (x, y) = _parts(text, "point", 2, _POINT)
    return PlaceSpec(text, name, x, y)


def parse_region(text: str) -> PlaceSpec:
    """Read ``[NAME=]X,Y,W,H``; each number in pixels or, with ``%``, in percent.

    Raises
    ------
    UsageError
        If it is not written so, has no size, or the name cannot be used.
    """
    name, (x, y, width, height) = _parts(text, "region", 4, _REGION)
    if width.value <= 0 or height.value <= 0:
        raise UsageError(f"the region {text!r} has no size: give a width and height above zero")
    return PlaceSpec(text, name, x, y, width, height)


def resolve(specs: Sequence[PlaceSpec], width: int, height: int) -> tuple[Region, ...]:
    """Fit places to a picture of `width` x `height` displayed pixels, in the order given.

    Those without a name become region1, region2, ... (numbers already taken are left out).
    A point becomes a region whose box has no size.

    Raises
    ------
    UsageError
        If a place lies outside the picture (the message states its size) or two share a name.
    """
    taken: set[str] = set()
    for spec in specs:
        if spec.name is None:
            continue
        # Two names that differ in case only would be one file on many systems.
        key = spec.name.casefold()
        if key in taken:
            raise UsageError(f"two regions are named {spec.name!r}: give each its own name")
        taken.add(key)
    regions = []
    number = 0
    for spec in specs:
        name = spec.name
        while name is None:
            number += 1
            if f"region{number}" not in taken:
                name = f"region{number}"
        regions.append(Region(name, _box(spec, width, height)))
    return tuple(regions)


def check_name(name: str) -> str:
    """Return `name` in Unicode's composed form, fit to be a file name.

    Raises
    ------
    UsageError
        If it is ``rest``, or has characters that file systems do not agree on.
    """
    composed = unicodedata.normalize("NFC", name)
    if composed.casefold() == RESERVED:
        raise UsageError(
            f"no region can be named {name!r}: that is what no region claims; choose another name"
        )
    fits = _NAME.fullmatch(composed) and not _DEVICE.fullmatch(composed)
    if not fits or len(composed) > _LONGEST:
        raise UsageError(
            f"the name {name!r} cannot be used: take letters, digits, spaces and _ . - "
            f"(at most {_LONGEST}, starting with a letter or digit)"
        )
    return composed


def _parts(text: str, kind: str, count: int, forms: str) -> tuple[str | None, list[Length]]:
    """Split ``[NAME=]N,N,...`` into the name and `count` lengths."""
    name, equals, numbers = text.rpartition("=")
    words = [word.strip() for word in numbers.split(",")]
    lengths = [_length(word) for word in words]
    good = [length for length in lengths if length is not None]
    if len(good) != count or len(lengths) != count:
        raise UsageError(f"cannot read the {kind} {text!r}: {forms}")
    return (check_name(name.strip()) if equals else None), good


def _length(word: str) -> Length | None:
    number = word.removesuffix("%").rstrip()
    if not _NUMBER.fullmatch(number):
        return None
    return Length(float(number), word.endswith("%"))


def _box(spec: PlaceSpec, width: int, height: int) -> Box:
    x, y = spec.x.pixels(width), spec.y.pixels(height)
    if spec.width is None or spec.height is None:
        inside = _holds(spec.x, x, width) and _holds(spec.y, y, height)
        # 100% means the last pixel, not the one after it.
        box = Box(min(x, width - 1.0), min(y, height - 1.0), 0.0, 0.0)
    else:
        box = Box(x, y, spec.width.pixels(width), spec.height.pixels(height))
        # A hair of tolerance: 33.3% + 66.7% is not quite a whole in floating point.
        right, bottom = x + box.width - width, y + box.height - height
        inside = x >= 0 and y >= 0 and right <= 1e-6 * width and bottom <= 1e-6 * height
    if not inside:
        kind = "point" if spec.width is None else "region"
        raise UsageError(
            f"the {kind} {spec.text!r} is outside the picture, which is {width} x {height} pixels; "
            f"choose a place inside it"
        )
    return box


def _holds(length: Length, pixels: float, size: int) -> bool:
    return 0 <= pixels <= size if length.percent else 0 <= pixels < size
