"""What players show of a file besides its content, and what of it another file lacks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.buffer import Buffer
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pixelmix.media.containers import MUXER_TAGS
from pixelmix.media.orientation import orientation
from pixelmix.media.probe import first_picture, is_cover, title_of
from pixelmix.media.pyav import Chapter

_LIGHT = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")
_DEFAULT_COLOUR = 2
"""FFmpeg's number for a colour property that is not stated."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A chapter: where it begins, seconds, and what it is called."""

    start: float
    title: str


@dataclass(frozen=True, slots=True)
class Shown:
    """What players show of a file besides its content."""

    tags: frozenset[str]
    chapters: tuple[Mark, ...]
    tracks: tuple[tuple[int, dict[str, object]], ...]
    """Index and properties of each track; covers, attachments and data are kept elsewhere."""


def shown(
    container: InputContainer, indexes: Sequence[int], chapters: Sequence[Chapter] | None = None
) -> Shown:
    """Read it from an open file for the streams with these indexes, in this order."""
    streams = [container.streams[index] for index in indexes]
    marks = container.chapters() if chapters is None else chapters
    return Shown(
        frozenset(container.metadata),
        tuple(_mark(chapter) for chapter in marks),
        tuple((stream.index, _properties(stream)) for stream in streams if _is_track(stream)),
    )


def losses(old: Shown, new: Shown) -> Iterator[tuple[int | None, str]]:
    """Name what `new` lacks: the old track's index (None: the file as a whole) and the words."""
    kept = {name.lower() for name in new.tags}
    lost = sorted(name for name in old.tags if name.lower() not in kept | MUXER_TAGS)
    if lost:
        yield None, f"tags {', '.join(lost)}"
    if len(new.chapters) < len(old.chapters):
        yield None, f"chapters ({len(old.chapters)})"
    for (index, before), (_, after) in zip(old.tracks, new.tracks, strict=False):
        missing = [name for name, value in before.items() if value and value != after.get(name)]
        if missing:
            yield index, " and ".join(missing)


def look(path: Path, index: int) -> dict[str, object]:
    """Return by name how the pictures of a video stream are to be shown.

    Turned how, in which colours, how bright: containers say so, codecs sometimes too; what
    counts is what a decoder knows.
    """
    frame = first_picture(path, index)
    turn = orientation(frame)
    sides = (turn.transpose, turn.flip_x, turn.flip_y)
    numbers = (frame.color_primaries, frame.color_trc, int(frame.colorspace))
    return {
        "rotation": sides if any(sides) else None,
        "colours": None if numbers == (_DEFAULT_COLOUR,) * 3 else numbers,
        "HDR light levels": _light(frame),
    }


def _light(frame: VideoFrame) -> tuple[bytes, ...] | None:
    found = (frame.side_data.get(name) for name in _LIGHT)
    return tuple(bytes(data) for data in found if isinstance(data, Buffer)) or None


def _mark(chapter: Chapter) -> Mark:
    tick = chapter["time_base"] or Fraction(1, av.time_base)
    return Mark(float(chapter["start"] * tick), chapter["metadata"].get("title", ""))


def _is_track(stream: Stream) -> bool:
    film = isinstance(stream, VideoStream) and not is_cover(stream)
    return film or stream.type in ("audio", "subtitle")


def _properties(stream: Stream) -> dict[str, object]:
    """Return by name what players show of a stream; None where nothing is stated."""
    language = None if stream.language == "und" else stream.language
    properties: dict[str, object] = {"title": title_of(stream), "language": language}
    if isinstance(stream, VideoStream):
        properties["pixel shape"] = stream.sample_aspect_ratio or Fraction(1)
    for mark in Disposition(stream.disposition) & ~Disposition.default:
        properties[f"mark '{mark.name}'"] = True
    return properties
