"""Finishing touches on MP4 and MOV files that FFmpeg's muxer leaves to us.

For sound that starts after zero the muxer writes two edits, an empty one and one that plays the
media from its very first sample, priming and all. Here the second is made to begin after the
priming. Nothing changes its size, so the boxes are edited in place
(ISO/IEC 14496-12, 8.6.6: edit list box).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_WIDE = 1
_CONTAINERS = frozenset({b"moov", b"trak", b"edts", b"mdia"})


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    """Offset of the box's content."""
    end: int


def hide_priming(path: Path, audio_number: int, priming: int) -> None:
    """Let the `audio_number`-th (0-based) audio track of a finished file begin after its priming.

    `priming` is in samples, which are the track's ticks. A track without the two edits of a late
    start is left as it is.
    """
    with path.open("r+b") as file:
        movie = _only(file, _top_level(file), b"moov")
        tracks = [box for box in _children(file, movie) if box.kind == b"trak"]
        track = [box for box in tracks if _handler(file, box) == b"soun"][audio_number]
        header = _only(file, _children(file, movie), b"mvhd")
        media = _only(file, _children(file, track), b"mdia")
        timescale = _timescale(file, _only(file, _children(file, media), b"mdhd"))
        shorter = round(priming * _timescale(file, header) / timescale)
        if _edit(file, track, priming, shorter):
            _shorten_track(file, _only(file, _children(file, track), b"tkhd"), shorter)
            longest = max(
                _track_duration(file, _only(file, _children(file, box), b"tkhd")) for box in tracks
            )
            _set_movie_duration(file, header, longest)


def index_first(path: Path) -> bool:
    """Whether an MP4 or MOV file has its index before the media, as players on the web like it."""
    with path.open("rb") as file:
        for box in _top_level(file):
            if box.kind in (b"moov", b"mdat"):
                return box.kind == b"moov"
    return False


def index_of(path: Path) -> bytes:
    """Read the index of an MP4 or MOV file as it is; nothing where there is none."""
    with path.open("rb") as file:
        for box in _top_level(file):
            if box.kind == b"moov":
                return _bytes(file, box.start, box.end - box.start)
    return b""


def _edit(file: BinaryIO, track: _Box, priming: int, shorter: int) -> bool:
    edits = [box for box in _children(file, track) if box.kind == b"edts"]
    if not edits:
        return False
    box = _only(file, _children(file, edits[0]), b"elst")
    wide, count = _numbers(file, box.start, ">B3xI")
    # Each entry: duration in the movie's ticks, time in the media's ticks, rate (left alone).
    form = ">Qq" if wide == _WIDE else ">Ii"
    size = struct.calcsize(form) + 4
    if count != 2:
        return False
    first = box.start + 8
    _, marker = _numbers(file, first, form)
    duration, media_time = _numbers(file, first + size, form)
    if marker != -1 or media_time != 0:
        return False
    _write(file, first + size, form, max(0, duration - shorter), priming)
    return True


def _top_level(file: BinaryIO) -> Iterator[_Box]:
    end = file.seek(0, 2)
    yield from _boxes(file, 0, end)


def _children(file: BinaryIO, box: _Box) -> Iterator[_Box]:
    yield from _boxes(file, box.start, box.end)


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    """Yield the boxes of a stretch; one that claims to be longer ends with it."""
    while start + 8 <= end:
        (size,) = _numbers(file, start, ">I")
        kind = _bytes(file, start + 4, 4)
        head = 8
        if size == 1 and start + 16 <= end:
            (size,) = _numbers(file, start + 8, ">Q")
            head = 16
        elif size == 0:
            size = end - start
        if size < head:
            return
        yield _Box(kind, start + head, min(start + size, end))
        start += size


def _only(file: BinaryIO, boxes: Iterator[_Box], kind: bytes) -> _Box:
    for box in boxes:
        if box.kind == kind:
            return box
    raise ValueError(f"{file.name}: no {kind.decode()} box")


def _handler(file: BinaryIO, track: _Box) -> bytes:
    media = _only(file, _children(file, track), b"mdia")
    box = _only(file, _children(file, media), b"hdlr")
    return _bytes(file, box.start + 8, 4)


def _timescale(file: BinaryIO, header: _Box) -> int:
    """Ticks per second of a movie (mvhd) or a track's media (mdhd)."""
    (wide,) = _numbers(file, header.start, ">B")
    (ticks,) = _numbers(file, header.start + (20 if wide == _WIDE else 12), ">I")
    return ticks


def _duration_at(file: BinaryIO, track_header: _Box) -> tuple[int, str]:
    (wide,) = _numbers(file, track_header.start, ">B")
    return (track_header.start + 28, ">Q") if wide == _WIDE else (track_header.start + 20, ">I")


def _track_duration(file: BinaryIO, header: _Box) -> int:
    (ticks,) = _numbers(file, *_duration_at(file, header))
    return ticks


def _shorten_track(file: BinaryIO, header: _Box, shorter: int) -> None:
    position, form = _duration_at(file, header)
    _write(file, position, form, max(0, _track_duration(file, header) - shorter))


def _set_movie_duration(file: BinaryIO, header: _Box, ticks: int) -> None:
    (wide,) = _numbers(file, header.start, ">B")
    if wide == _WIDE:
        _write(file, header.start + 24, ">Q", ticks)
    else:
        _write(file, header.start + 16, ">I", ticks)


def _numbers(file: BinaryIO, position: int, form: str) -> tuple[int, ...]:
    return struct.unpack(form, _bytes(file, position, struct.calcsize(form)))


def _bytes(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)


def _write(file: BinaryIO, position: int, form: str, *values: int) -> None:
    file.seek(position)
    file.write(struct.pack(form, *values))
