"""Video out: every stream copied packet for packet, one audio track replaced by new sound."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from pixelmix.errors import UsageError
from pixelmix.media.codecs import AudioEncoding, choose_encoding
from pixelmix.media.containers import MUXER_TAGS, container_format
from pixelmix.media.opening import open_input, reading
from pixelmix.media.probe import is_cover
from pixelmix.media.span import Span
from pixelmix.media.streams import Plan, describe, plan, title_of
from pixelmix.media.writer import Writer
from pixelmix.types import FloatArray, MediaInfo


@dataclass(frozen=True, slots=True)
class RemuxReport:
    """What was written."""

    encoding: AudioEncoding | None
    """How the new sound is encoded; None when its packets were copied too."""
    kept: tuple[str, ...]
    """Streams copied or encoded, as words."""
    dropped: tuple[str, ...]
    """Streams left out, each with the reason."""
    notes: tuple[str, ...]
    """Everything else a user should know."""


def remux(
    info: MediaInfo,
    target: Path,
    audio: Iterator[FloatArray] | None,
    *,
    audio_start: float | None = None,
    codec: str | None = None,
    bit_rate: int | None = None,
    span: Span | None = None,
) -> RemuxReport:
    """Write `target`: the input's streams as they are, the chosen audio track from `audio`.

    Parameters
    ----------
    info
        What `probe` found about the input.
    target
        Where to write; its suffix chooses the container. An existing file is replaced: give a
        name from `atomic.partial_path`.
    audio
        Blocks (channels, samples) at the track's own rate and channels, taken one by one as the
        video's packets advance. None copies the track's packets.
    audio_start
        Time of the first sample, seconds on the container's clock (`AudioReader.start`); None for
        the track's own.
    codec, bit_rate
        Override the choice of `codecs.choose_encoding`.
    span
        The part of the input to write; the output then begins at zero. Its start must be one that
        `span.cut_start` gave, and `audio_start` is the time in the input.

    Raises
    ------
    OutputError
        The file cannot be written, or its container cannot hold the streams.
    UsageError
        The codec or bit rate asked for cannot be had.
    """
    container = container_format(target)
    with open_input(info.path) as source:
        encoding = None
        if audio is not None:
            sample_format = _sample_format(source, info)
            encoding = choose_encoding(
                container, info.audio, sample_format, codec=codec, bit_rate=bit_rate
            )
        plans = plan(source, container, None if audio is None else info.audio.index)
        _check_video(info, plans, container)
        start = Fraction(info.audio.start if audio_start is None else audio_start)
        if span is not None:
            start -= Fraction(span.start)
        writer = Writer(info, source, target, container, plans, encoding, start, span)
        writer.write(audio)
        shown = _shown(source, [planned.index for planned in plans if planned.kept])
    # The input is closed by now: an open file holds an index of all its packets.
    notes = [encoding.note] if encoding is not None and encoding.note else []
    if writer.repaired_times:
        notes.append(
            f"the input's times were out of order; {writer.repaired_times} packets were moved"
        )
    return RemuxReport(
        encoding=encoding,
        kept=tuple(planned.label for planned in plans if planned.kept),
        dropped=tuple(
            f"{planned.label}: {planned.reason}"
            for planned in plans
            if not planned.kept and not planned.rebuilt
        ),
        notes=(*notes, *_losses(shown, target)),
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """What players show of a file besides its content."""

    tags: frozenset[str]
    tracks: tuple[tuple[str, dict[str, object]], ...]
    """Description and properties of each track."""


def _shown(container: InputContainer, indexes: Iterable[int]) -> _Shown:
    tracks = _tracks(container.streams[index] for index in indexes)
    return _Shown(
        frozenset(container.metadata),
        tuple((describe(stream), _properties(stream)) for stream in tracks),
    )


def _check_video(info: MediaInfo, plans: list[Plan], container: str) -> None:
    if not plans[info.video.index].kept:
        raise UsageError(
            f"{info.path}: {container} cannot hold {info.video.codec} video; "
            "give an output that ends in .mkv, or in the input's own suffix"
        )


def _sample_format(source: InputContainer, info: MediaInfo) -> str:
    stream = source.streams[info.audio.index]
    if isinstance(stream, AudioStream) and stream.codec_context.format is not None:
        return stream.codec_context.format.name
    return "fltp"


def _losses(shown: _Shown, target: Path) -> Iterator[str]:
    """Read back what was written and name what of the kept streams' properties it lacks."""
    with open_input(target) as container, reading(target):
        written = _shown(container, range(len(container.streams)))
    kept = {name.lower() for name in written.tags}
    lost = sorted(name for name in shown.tags if name.lower() not in kept | MUXER_TAGS)
    if lost:
        yield f"the container has no place for these tags: {', '.join(lost)}"
    for (label, old), (_, new) in zip(shown.tracks, written.tracks, strict=False):
        missing = [what for what, value in old.items() if value and value != new.get(what)]
        if missing:
            yield f"{label}: the container does not keep its {' and '.join(missing)}"


def _tracks(streams: Iterable[Stream]) -> list[Stream]:
    """Leave out what containers keep elsewhere than in tracks: covers, attachments, data."""
    return [
        stream
        for stream in streams
        if stream.type in ("audio", "subtitle")
        or (isinstance(stream, VideoStream) and not is_cover(stream))
    ]


def _properties(stream: Stream) -> dict[str, object]:
    """Return by name what players show of a stream; None where nothing is stated."""
    language = None if stream.language == "und" else stream.language
    properties: dict[str, object] = {"title": title_of(stream), "language": language}
    if isinstance(stream, VideoStream):
        properties["pixel shape"] = stream.sample_aspect_ratio or Fraction(1)
    return properties
