"""Video out: every stream copied packet for packet, one audio track replaced by new sound."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.audio.stream import AudioStream

from pixelmix.media.codecs import AudioEncoding, choose_encoding
from pixelmix.media.containers import container_format
from pixelmix.media.newsound import NewSound
from pixelmix.media.opening import open_input
from pixelmix.media.rewrite import Rewritten, rewrite
from pixelmix.media.span import Span
from pixelmix.types import FloatArray, MediaInfo


@dataclass(frozen=True, slots=True)
class RemuxReport(Rewritten):
    """What was written."""

    encoding: AudioEncoding | None
    """How the new sound is encoded; None when its packets were copied too."""


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
    encoding, sound = None, None
    if audio is not None:
        encoding = choose_encoding(
            container_format(target),
            info.audio,
            _sample_format(info),
            codec=codec,
            bit_rate=bit_rate,
        )
        start = Fraction(info.audio.start if audio_start is None else audio_start)
        if span is not None:
            start -= Fraction(span.start)
        sound = NewSound(info.audio, encoding, container_format(target), start, audio)
    written = rewrite(info, target, sound, span)
    notes = (encoding.note,) if encoding is not None and encoding.note else ()
    return RemuxReport(
        kept=written.kept,
        dropped=written.dropped,
        notes=(*notes, *written.notes),
        encoding=encoding,
    )


def _sample_format(info: MediaInfo) -> str:
    """Return the format that the chosen audio track decodes to."""
    with open_input(info.path) as source:
        stream = source.streams[info.audio.index]
        if isinstance(stream, AudioStream) and stream.codec_context.format is not None:
            return stream.codec_context.format.name
    return "fltp"
