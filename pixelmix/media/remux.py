"""Video out: every stream copied packet for packet, one audio track replaced by new sound."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from av.audio.stream import AudioStream

from pixelmix.errors import UsageError
from pixelmix.media.codecs import AudioEncoding, choose_encoding
from pixelmix.media.containers import container_format
from pixelmix.media.newsound import NewSound
from pixelmix.media.opening import open_input
from pixelmix.media.rewrite import Rewritten, planned, rewrite
from pixelmix.media.span import Span
from pixelmix.media.streams import Plan, holds_together
from pixelmix.media.writer import Told
from pixelmix.types import FloatArray, MediaInfo


@dataclass(frozen=True, slots=True)
class Sound:
    """How the new sound is to be kept."""

    codec: str | None = None
    """None: chosen by `codecs.choose_encoding`."""
    bit_rate: int | None = None
    """Bits per second; None: chosen likewise."""
    keep_original: bool = False
    """Whether the original track stays as one more, behind all others."""


KEPT = Sound()
"""As the original is, as far as that can be."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What a remix will be, before a byte is written."""

    container: str
    """FFmpeg's name of the muxer."""
    encoding: AudioEncoding | None
    """How the new sound is encoded; None when its packets are copied too."""
    streams: tuple[Plan, ...]


@dataclass(frozen=True, slots=True)
class RemuxReport(Rewritten):
    """What was written."""

    encoding: AudioEncoding | None
    """How the new sound is encoded; None when its packets were copied too."""


def outline(info: MediaInfo, target: Path, sound: Sound | None) -> Outline:
    """Decide how `target` will be written; no `sound` copies the chosen track's packets.

    Raises
    ------
    UsageError
        The codec or bit rate asked for cannot be had, or the container cannot hold the streams.
    """
    container = container_format(target)
    if sound is None:
        return Outline(container, None, tuple(planned(info, target, None)))
    encoding = choose_encoding(
        container, info.audio, _sample_format(info), codec=sound.codec, bit_rate=sound.bit_rate
    )
    plans = planned(info, target, info.audio.index, encoding.words)
    if sound.keep_original:
        plans = _with_original(info, target, plans)
    return Outline(container, encoding, tuple(plans))


def _with_original(info: MediaInfo, target: Path, plans: list[Plan]) -> list[Plan]:
    """Let the new sound be the default, and copy the original as the last track."""
    original = planned(info, target, None)[info.audio.index]
    title = f"{info.audio.title} (original)" if info.audio.title else "Original"
    new = [replace(one, default=True) if one.how == "encoded" else one for one in plans]
    label = f"{original.label}, original"
    named = replace(original, label=label, title=title, default=False, detail=f"named {title!r}")
    container = container_format(target)
    with open_input(info.path) as source:
        if not holds_together(source, container, [one for one in (*new, named) if one.kept]):
            raise UsageError(
                f"{info.path}: {container} cannot hold the original sound beside the new one; "
                "give an output that ends in .mkv, or go without --keep-original-audio"
            )
    return [*new, named]


def remux(
    info: MediaInfo,
    target: Path,
    audio: Iterator[FloatArray] | None,
    *,
    audio_start: float | None = None,
    sound: Sound = KEPT,
    span: Span | None = None,
    told: Told | None = None,
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
    sound
        How the new sound is to be kept.
    span
        The part of the input to write; the output then begins at zero. Its start must be one that
        `span.cut_start` gave, and `audio_start` is the time in the input.
    told
        Called at every second that the copied packets reach.

    Raises
    ------
    OutputError
        The file cannot be written, or its container cannot hold the streams.
    UsageError
        The codec or bit rate asked for cannot be had.
    """
    drawn = outline(info, target, None if audio is None else sound)
    made = []
    if audio is not None and drawn.encoding is not None:
        start = Fraction(info.audio.start if audio_start is None else audio_start)
        if span is not None:
            start -= Fraction(span.start)
        made.append(NewSound(info.audio, drawn.encoding, drawn.container, start, audio))
    written = rewrite(info, target, drawn.streams, made, span, told)
    note = drawn.encoding and drawn.encoding.note
    return RemuxReport(
        streams=written.streams,
        lost=written.lost,
        repaired_times=written.repaired_times,
        notes=(*((note,) if note else ()), *written.notes),
        encoding=drawn.encoding,
    )


def _sample_format(info: MediaInfo) -> str:
    """Return the format that the chosen audio track decodes to."""
    with open_input(info.path) as source:
        stream = source.streams[info.audio.index]
        if isinstance(stream, AudioStream) and stream.codec_context.format is not None:
            return stream.codec_context.format.name
    return "fltp"
