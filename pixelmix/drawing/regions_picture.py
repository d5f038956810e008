"""One picture that says what was found: where it is seen, how it sounds, and when."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pixelmix.drawing.canvas import (
    FAINT_INK,
    GREY,
    PANEL,
    Canvas,
    Colour,
    Rectangle,
    fit_text,
    resized,
    text_width,
)
from pixelmix.drawing.labels import place_labels
from pixelmix.drawing.layout import AXIS, Layout, plan
from pixelmix.drawing.outlines import largest_parts, outline
from pixelmix.drawing.scales import frequency_marks, time_label, time_marks
from pixelmix.drawing.sounds import LOUDNESS_RANGE, loudness_heights, spectrogram, strip
from pixelmix.regions.colours import rgb
from pixelmix.types import BoolArray, ByteArray, FloatArray, FoundRegion

NOTHING = "no sounding region found"

_NAME, _TEXT, _SMALL = 18, 16, 14
_TIME_MARK = 100
"""Pixels between two times, at least."""
_FREQUENCY_MARK = 26
_NAMES, _SHARE = 90, 58
"""Widths of the columns in the legend."""
_SHORTEST = 3
"""Pixels of a bar, at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What is to be seen and heard of a video."""

    picture: ByteArray
    """(height, width, 3): a picture of it as a player shows it."""
    time: float
    """Of the picture, seconds from the start of the file."""
    cells: BoolArray
    """(regions, rows, cols): where in the picture each region is seen; a grid over all of it."""
    spectrogram: FloatArray
    """(rows, columns) of the whole sound, dB; rows from low to high frequency."""
    weights: FloatArray
    """(regions, rows, columns): the masks, 0 to 1."""
    frequencies: FloatArray
    """(rows,) Hz"""
    loudness: FloatArray
    """(regions + 1, steps): of each stem over time, dB of full scale; the last is the rest."""
    start: float
    """Of the sound that is shown, seconds from the start of the file."""
    seconds: float
    """Its length."""


def draw_regions(sight: Sight, regions: Sequence[FoundRegion]) -> ByteArray:
    """Return a picture ``(height, width, 3)`` that shows what each region is.

    Beside a picture of the video with outlined, labelled regions stands the spectrogram in the
    regions' colours; below, each region's loudness over time, with bars while it sounds.
    """
    layout = plan(sight.picture.shape[0], sight.picture.shape[1], len(regions) + 1)
    canvas = Canvas(layout.width, layout.height)
    colours = [rgb(found.colour) for found in regions]
    _draw_picture(canvas, layout, sight, colours)
    if regions:
        _label_picture(canvas, layout, sight, regions)
    else:
        width = text_width(NOTHING, _NAME) + 32
        x, y = layout.panel.middle
        canvas.label(Rectangle(x - width // 2, y - 20, width, 40), NOTHING, _NAME, GREY)
    _draw_spectrogram(canvas, layout, sight, colours)
    _draw_loudness(canvas, layout, sight, regions)
    return canvas.pixels


def _draw_picture(canvas: Canvas, layout: Layout, sight: Sight, colours: Sequence[Colour]) -> None:
    frame = layout.frame
    _caption(canvas, layout.panel, f"Picture at {time_label(sight.time)}")
    shown = resized(sight.picture, frame.width, frame.height)
    canvas.paste(outline(shown, sight.cells, colours), frame.x, frame.y)


def _label_picture(
    canvas: Canvas, layout: Layout, sight: Sight, regions: Sequence[FoundRegion]
) -> None:
    frame, panel = layout.frame, layout.panel
    rows, cols = sight.cells.shape[1:]
    y = (np.arange(panel.height) - (frame.y - panel.y)) * rows // frame.height
    x = (np.arange(panel.width) - (frame.x - panel.x)) * cols // frame.width
    around = ((0, 1), (0, 1))  # what is outside the picture belongs to nothing
    y[(y < 0) | (y > rows)], x[(x < 0) | (x > cols)] = rows, cols
    owners = []
    patches = []
    for found, cells in zip(regions, sight.cells, strict=True):
        for part in largest_parts(cells, len(found.places)):
            owners.append(found)
            patches.append(np.pad(part, around)[np.ix_(y, x)])
    texts = [fit_text(found.region.name, _NAME, panel.width // 2) for found in owners]
    sizes = [(text_width(text, _NAME) + 16, _NAME + 10) for text in texts]
    labels = place_labels(sizes, patches)
    for found, label in zip(owners, labels, strict=True):
        if label and label.target:
            end = (label.target[0] + panel.x, label.target[1] + panel.y)
            area = label.area.moved(panel.x, panel.y)
            canvas.leader(area.middle, end, rgb(found.colour))
    for found, label, text in zip(owners, labels, texts, strict=True):
        if label:
            canvas.label(label.area.moved(panel.x, panel.y), text, _NAME, rgb(found.colour))


def _draw_spectrogram(
    canvas: Canvas, layout: Layout, sight: Sight, colours: Sequence[Colour]
) -> None:
    area = layout.spectrogram
    _caption(canvas, area, "Sound, in the colours of the regions (grey: the rest)")
    canvas.fill(area, PANEL)
    if sight.spectrogram.size:
        image = spectrogram(sight.spectrogram, sight.weights, colours)
        canvas.paste(resized(image, area.width, area.height), area.x, area.y)
    for place, text in frequency_marks(sight.frequencies, area.height, _FREQUENCY_MARK):
        y = area.bottom - round(place)
        canvas.fill(Rectangle(area.x - 6, y, 6, 1), FAINT_INK)
        canvas.write(area.x - 11, y, text, _SMALL, FAINT_INK, "rm")
    steps = area.width // _TIME_MARK
    for time, text in time_marks(sight.start, sight.seconds, steps) if sight.seconds > 0 else ():
        x = min(area.x + round((time - sight.start) / sight.seconds * area.width), area.right - 1)
        canvas.fill(Rectangle(x, area.bottom, 1, 6), FAINT_INK)
        canvas.write(x, area.bottom + AXIS // 2 + 1, text, _SMALL, FAINT_INK, "mm")


def _draw_loudness(
    canvas: Canvas, layout: Layout, sight: Sight, regions: Sequence[FoundRegion]
) -> None:
    _caption(
        canvas,
        layout.strips[0],
        f"Loudness over {LOUDNESS_RANGE:.0f} dB; the bars mark when a region sounds",
    )
    heights = loudness_heights(sight.loudness, layout.spectrogram.width)
    for i, found in enumerate(regions):
        row, legend = layout.strips[i], layout.legend[i]
        colour = rgb(found.colour)
        bars = [_columns(span, sight, row.width) for span in found.spans]
        canvas.paste(strip(heights[i], bars, row.height, colour), row.x, row.y)
        notes = ["of the sound"]
        if len(found.places) > 1:
            notes.append(f"{len(found.places)} places sound alike")
        if not sight.cells[i].any():
            notes.append("not in this picture")
        notes.append(f"sure {found.confidence:.0%}")
        _write_legend(canvas, legend, found.region.name, colour, found.share, notes)
    row, legend = layout.strips[-1], layout.legend[-1]
    canvas.paste(strip(heights[-1], None, row.height, GREY), row.x, row.y)
    rest = max(0.0, 1.0 - sum(found.share for found in regions)) if heights[-1].any() else 0.0
    _write_legend(canvas, legend, "rest", GREY, rest, ["of the sound"])


def _write_legend(
    canvas: Canvas, area: Rectangle, name: str, colour: Colour, share: float, notes: Sequence[str]
) -> None:
    middle = area.y + area.height // 2
    text = fit_text(name, _NAME, area.width // 2)
    width = text_width(text, _NAME) + 16
    plate = Rectangle(area.x, middle - _NAME // 2 - 5, width, _NAME + 10)
    canvas.label(plate, text, _NAME, colour)
    percent = f"{share:.0%}" if share == 0 or share >= 0.005 else "<1%"
    x = max(plate.right, area.x + _NAMES) + _SHARE
    canvas.write(x, middle, percent, _NAME, anchor="rm")
    for count in range(len(notes), 0, -1):
        text = ", ".join(notes[:count])
        if text_width(text, _SMALL) <= area.right - x - 14:
            canvas.write(x + 14, middle, text, _SMALL, FAINT_INK)
            break


def _caption(canvas: Canvas, area: Rectangle, text: str) -> None:
    canvas.write(area.x, area.y - AXIS // 2, text, _SMALL, FAINT_INK)


def _columns(span: tuple[float, float], sight: Sight, width: int) -> tuple[int, int]:
    """Return the columns of a span; equal ones for what is not shown."""
    start, stop = (round((time - sight.start) / max(sight.seconds, 1e-9) * width) for time in span)
    if stop < 0 or start > width:
        return 0, 0
    start = min(max(start, 0), width - _SHORTEST)
    return start, min(max(stop, start + _SHORTEST), width)
