"""Opening media files, and translating what FFmpeg says into errors for users."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, TypeVar

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.stream import Discard, Stream

from pixelmix.errors import InputError, OutputError
from pixelmix.media.editlist import index_of

TEXT_DEMUXERS = frozenset(
    {"tty", "srt", "webvtt", "ass", "lrc", "ffmetadata", "concat", "microdvd"}
)
"""Demuxers that take a plain text file for media."""

BAD_PACKET = (
    av.error.InvalidDataError,
    av.error.ArgumentError,
    av.error.BugError,
    av.error.EOFError,
    av.error.ExternalError,
    av.error.PatchWelcomeError,
    av.error.UndefinedError,  # AAC has codes of its own
    av.error.UnknownError,
)
"""What decoders raise about one packet; the next may be good again."""

_BYTES_LOOKED_AT = 64
_Packet = TypeVar("_Packet")


def open_input(path: Path, options: Mapping[str, str] | None = None) -> InputContainer:
    """Open a media file for reading; the caller closes it. `options` are the demuxer's.

    Only local files are followed: a playlist that names an address is not fetched. Metadata that
    is not UTF-8 keeps its bytes (surrogate escapes).

    Raises
    ------
    InputError
        The file is missing, a folder, empty, unreadable or not media.
    """
    _check_file(path)
    with reading(path):
        # An absolute path cannot be mistaken for a protocol ("take:1.mp4") or an option.
        return av.open(
            str(path.absolute()),
            mode="r",
            container_options={"protocol_whitelist": "file", **(options or {})},
            metadata_errors="surrogateescape",
        )


def open_output(path: Path, container_format: str, options: dict[str, str]) -> OutputContainer:
    """Open a media file for writing in FFmpeg's `container_format`; nothing is written yet."""
    return av.open(
        str(path.absolute()),
        mode="w",
        format=container_format,
        container_options=options,
        metadata_errors="surrogateescape",
    )


def open_trial(
    memory: BinaryIO, container_format: str, options: Mapping[str, str] | None = None
) -> OutputContainer:
    """Open memory for writing, to learn what a muxer takes without a file."""
    return av.open(
        memory,
        mode="w",
        format=container_format,
        container_options=dict(options or {}),
        metadata_errors="surrogateescape",
    )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn FFmpeg's errors inside the block into `InputError` about `path`."""
    try:
        yield
    except (av.error.FFmpegError, OSError, UnicodeError) as error:
        raise InputError(_why_unreadable(path, error)) from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn FFmpeg's errors inside the block into `OutputError` about `path`."""
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        raise OutputError(why_unwritable(path, error)) from error


def why_unwritable(path: Path, error: Exception) -> str:
    """One line on why `path` could not be written, with what to do next."""
    number = error.errno if isinstance(error, (OSError, av.error.FFmpegError)) else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        return f"{path}: the disk is full; free some space or choose another place with -o"
    if number == errno.EFBIG:
        return f"{path}: the file grew larger than this disk or account allows"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{path}: not allowed to write here; choose another place with -o"
    if number in (errno.ENOENT, errno.ENOTDIR):
        return f"{path}: the folder does not exist; make it first or choose another with -o"
    if number == errno.ENAMETOOLONG:
        return f"{path}: this name is too long for the disk; choose a shorter one with -o"
    return f"{path}: writing failed ({_reason(error)})"


def to_end(packets: Iterator[_Packet]) -> Iterator[_Packet]:
    """Yield what a container's ``demux`` does, up to the end of the file.

    Where a stream appeared while the file was read (MPEG-TS, FLV), PyAV looks at the end for a
    stream that it does not know, and raises an `IndexError`.
    """
    with suppress(IndexError):
        yield from packets


def only(container: InputContainer, stream: Stream) -> None:
    """Let the demuxer skip every stream but `stream`."""
    for other in container.streams:
        other.discard = Discard.default if other.index == stream.index else Discard.all


def time_base_of(stream: Stream) -> Fraction:
    """Seconds per tick of a stream's timestamps."""
    return stream.time_base or Fraction(1, av.time_base)


def seconds(ticks: int | None, stream: Stream) -> float | None:
    """Ticks of a stream's clock in seconds."""
    return None if ticks is None else float(ticks * time_base_of(stream))


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path}: this is a folder; give a video file")
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; check the spelling and the folder") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({_reason(error)})") from error
    if size == 0 and path.is_file():
        raise InputError(f"{path}: the file is empty (0 bytes)")


def _why_unreadable(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError) and os.access(path, os.R_OK):
        return f"{path}: names other files or addresses, which are not followed; give the video"
    if isinstance(error, PermissionError):
        return f"{path}: not allowed to read this file; check its permissions"
    if isinstance(error, (av.error.InvalidDataError, av.error.EOFError)):
        if _looks_like_mp4(path):
            return f"{path}: {_about_index(path)}; copy it again, or try a tool such as untrunc"
        return f"{path}: not a video file, or damaged from the start"
    return f"{path}: cannot be read ({_reason(error)})"


def _looks_like_mp4(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_BYTES_LOOKED_AT)
    except OSError:
        return False
    return head[4:8] in {b"ftyp", b"mdat", b"wide", b"skip", b"free"}


def _about_index(path: Path) -> str:
    if index_of(path):
        return "its index (moov) is there, but it or what it leads to is damaged"
    return "no index (moov) is found in it; the recording or the copy was probably cut off"


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, (OSError, av.error.FFmpegError)) else None
    return text or str(error) or type(error).__name__
