"""What players show of a file besides its content, and what of it another file lacks."""

import struct
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

from pixelmix.media.containers import MOV, MUXER_TAGS
from pixelmix.media.editlist import index_of
from pixelmix.media.orientation import orientation
from pixelmix.media.probe import first_picture, is_cover, title_of
from pixelmix.media.pyav import Chapter

_LIGHT = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")
_HEAD = 1 << 18
"""Bytes at a file's beginning in which Matroska describes its tracks."""
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


def has_dolby_vision(path: Path, container: str) -> bool:
    """Whether a file says how its pictures are to be shown on Dolby Vision screens.

    That is a record of the container, and FFmpeg's muxer for MOV does not write it.
    """
    if container in MOV or container.startswith("mov"):
        head = index_of(path)
    else:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    return b"dvcC" in head or b"dvvC" in head


def _light(frame: VideoFrame) -> tuple[float, ...] | None:
    """Read the light levels: fractions of the mastering display, then whole numbers.

    Both are kept as C structures (libavutil/mastering_display_metadata.h), the fractions in
    whatever terms the container has.
    """
    display, level = (frame.side_data.get(name) for name in _LIGHT)
    values: list[float] = []
    if isinstance(display, Buffer):
        terms = struct.unpack_from("=20i", bytes(display))
        values += [round(a / (b or 1), 4) for a, b in zip(terms[::2], terms[1::2], strict=True)]
    if isinstance(level, Buffer):
        values += struct.unpack_from("=2I", bytes(level))
    return tuple(values) or None


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
