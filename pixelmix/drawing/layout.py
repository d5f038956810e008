"""Where everything goes in the picture of the regions."""

from dataclasses import dataclass

from pixelmix.drawing.canvas import Rectangle

WIDTH = 1600
AXIS = 34
"""Height of a line of writing over or under a panel, pixels."""

_MARGIN = 32
_AXIS_LABELS = 84
"""Between the picture and the spectrogram, for the Hz."""
_NARROWEST, _WIDEST = 300, 760
"""Of the column with the picture, pixels."""
_LOWEST, _HIGHEST = 380, 620
"""Of the row with the picture, pixels."""
_PANORAMA = 2.6
"""Aspect ratio from which on a picture stands above the sound instead of beside it."""
_STRIP_GAP = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """The parts of the picture."""

    width: int
    height: int
    panel: Rectangle
    """Room for the video's picture and its labels."""
    frame: Rectangle
    """The video's picture itself, in the middle of it."""
    spectrogram: Rectangle
    strips: tuple[Rectangle, ...]
    """Loudness, one below the other, under the spectrogram."""
    legend: tuple[Rectangle, ...]
    """To the left of each strip."""


def plan(height: int, width: int, strips: int) -> Layout:
    """Return the layout for a video's picture of `height` x `width` pixels."""
    top = _MARGIN + AXIS
    if width > _PANORAMA * height:
        column = _NARROWEST
        across = WIDTH - 2 * _MARGIN
        frame_height = max(1, round(across * height / width))
        panel = Rectangle(_MARGIN, top, across, max(frame_height, 3 * AXIS))
        top = panel.bottom + AXIS
        sound_height = _LOWEST
    else:
        scale = min(_WIDEST / width, _HIGHEST / height)
        column = max(_NARROWEST, round(width * scale))
        sound_height = max(_LOWEST, round(height * scale))
        panel = Rectangle(_MARGIN, top, column, sound_height)
    left = _MARGIN + column + _AXIS_LABELS
    spectrogram = Rectangle(left, top, WIDTH - _MARGIN - left, sound_height)
    strip_height = max(28, min(54, 360 // strips - _STRIP_GAP))
    rows = [
        Rectangle(
            left,
            spectrogram.bottom + 2 * AXIS + i * (strip_height + _STRIP_GAP),
            spectrogram.width,
            strip_height,
        )
        for i in range(strips)
    ]
    return Layout(
        width=WIDTH,
        height=rows[-1].bottom + _MARGIN,
        panel=panel,
        frame=_inside(panel, width, height),
        spectrogram=spectrogram,
        strips=tuple(rows),
        legend=tuple(Rectangle(_MARGIN, row.y, column + 70, row.height) for row in rows),
    )


def _inside(panel: Rectangle, width: int, height: int) -> Rectangle:
    scale = min(panel.width / width, panel.height / height)
    shown_width, shown_height = max(1, round(width * scale)), max(1, round(height * scale))
    x = panel.x + (panel.width - shown_width) // 2
    return Rectangle(x, panel.y + (panel.height - shown_height) // 2, shown_width, shown_height)
