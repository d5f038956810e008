"""A picture to write and draw on: what Pillow lacks in smooth edges, and its own font."""

import functools
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pixelmix.types import ByteArray

Colour = tuple[int, int, int]

PAPER: Colour = (20, 22, 27)
PANEL: Colour = (9, 10, 13)
INK: Colour = (232, 234, 238)
FAINT_INK: Colour = (150, 155, 165)
GREY: Colour = (140, 143, 150)
"""Of the rest, which no region claims."""

_FINER = 4
"""Curved edges are drawn this much larger, then made smaller."""
_EDGE: Colour = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of a picture, whole pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column after it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row after it."""
        return self.y + self.height

    @property
    def middle(self) -> tuple[int, int]:
        """Its centre, ``x, y``."""
        return self.x + self.width // 2, self.y + self.height // 2

    def moved(self, x: int, y: int) -> "Rectangle":
        """Return it moved to the right and down."""
        return Rectangle(self.x + x, self.y + y, self.width, self.height)


class Canvas:
    """A picture that is drawn on."""

    def __init__(self, width: int, height: int) -> None:
        self._image = Image.new("RGB", (width, height), PAPER)
        self._draw = ImageDraw.Draw(self._image)

    @property
    def pixels(self) -> ByteArray:
        """What was drawn, ``(height, width, 3)``."""
        return np.array(self._image)

    def paste(self, pixels: ByteArray, x: int, y: int) -> None:
        """Put ``(height, width, 3)`` with its top-left corner at ``x, y``."""
        self._image.paste(Image.fromarray(pixels), (x, y))

    def fill(self, area: Rectangle, colour: Colour) -> None:
        """Fill a rectangle."""
        if area.width > 0 and area.height > 0:
            self._draw.rectangle((area.x, area.y, area.right - 1, area.bottom - 1), fill=colour)

    def write(
        self, x: int, y: int, text: str, size: int, colour: Colour = INK, anchor: str = "lm"
    ) -> None:
        """Write a line of text; `anchor` is Pillow's, such as ``lm``: left, on the middle."""
        self._draw.text((x, y), text, fill=colour, font=_font(size), anchor=anchor)

    def label(self, area: Rectangle, text: str, size: int, colour: Colour) -> None:
        """Write a text on a rounded plate of a colour, readable on any ground."""
        self._smooth(area, _EDGE, area.height // 3)
        inner = Rectangle(area.x + 2, area.y + 2, area.width - 4, area.height - 4)
        self._smooth(inner, colour, inner.height // 3)
        self.write(*area.middle, text, size, ink_on(colour), "mm")

    def leader(self, start: tuple[int, int], end: tuple[int, int], colour: Colour) -> None:
        """Draw a line with a dot at its end."""
        x, y = end
        for width, tone in ((6, _EDGE), (3, colour)):
            self._draw.line((*start, *end), fill=tone, width=width)
            self._draw.ellipse((x - width - 1, y - width - 1, x + width, y + width), fill=tone)

    def _smooth(self, area: Rectangle, colour: Colour, radius: int) -> None:
        size = (area.width, area.height)
        mask = Image.new("L", (size[0] * _FINER, size[1] * _FINER))
        corner = (mask.width - 1, mask.height - 1)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, *corner), radius * _FINER, fill=255)
        plate = Image.new("RGB", size, colour)
        self._image.paste(plate, (area.x, area.y), mask.resize(size, Image.Resampling.BOX))


def ink_on(colour: Colour) -> Colour:
    """Return black or white, whichever has more contrast on a colour (WCAG 2 luminance)."""
    linear = (np.array(colour) / 255.0) ** 2.2
    return (0, 0, 0) if float(linear @ (0.2126, 0.7152, 0.0722)) > 0.18 else (255, 255, 255)


def text_width(text: str, size: int) -> int:
    """Return the width of a line of text, pixels."""
    return round(_font(size).getlength(text))


def fit_text(text: str, size: int, width: int) -> str:
    """Return a text as the font can show it, cut off where it would be wider than `width`.

    The font has ASCII alone: accents are left out, and other letters become question marks.
    """
    letters = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    shown = bare.encode("ascii", "replace").decode()
    if text_width(shown, size) <= width:
        return shown
    while shown and text_width(f"{shown}...", size) > width:
        shown = shown[:-1]
    return f"{shown}..."


def resized(pixels: ByteArray, width: int, height: int) -> ByteArray:
    """Return ``(height, width, 3)`` of ``(rows, columns, 3)``, averaged or interpolated."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return np.array(image.resize((width, height), Image.Resampling.BICUBIC))


def write_png(path: Path, pixels: ByteArray) -> None:
    """Write ``(height, width, 3)`` as a PNG file; equal pixels give equal files.

    Raises
    ------
    OSError
        If it cannot be written (`media.atomic.partial_path` says that to the user).
    """
    Image.fromarray(pixels).save(path, format="PNG")


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType")
    return font
