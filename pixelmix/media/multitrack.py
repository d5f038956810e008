"""All stems in one video: the picture copied, each stem a named track beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import tee
from pathlib import Path

from pixelmix.errors import UsageError
from pixelmix.media.codecs import AudioEncoding, choose_encoding
from pixelmix.media.containers import container_format
from pixelmix.media.newsound import NewSound
from pixelmix.media.rewrite import Rewritten, planned, rewrite
from pixelmix.media.span import Span
from pixelmix.media.streams import Plan
from pixelmix.types import FloatArray, MediaInfo

_CODECS = {"matroska": "pcm_f32le", "mov": "pcm_f32le", "mp4": "alac"}
"""Float samples sum to the original and never clip; of MP4 few players know PCM."""


def multitrack_container(target: Path) -> str:
    """Return FFmpeg's name of the muxer for a target of stems.

    Raises
    ------
    UsageError
        Its suffix is not that of a container that names its tracks and keeps them lossless.
    """
    container = container_format(target)
    if container not in _CODECS:
        raise UsageError(f"{target}: several named tracks go into .mkv, .mov or .mp4")
    return container


def write_multitrack(
    info: MediaInfo,
    target: Path,
    names: Sequence[str],
    blocks: Iterator[Sequence[FloatArray]],
    *,
    audio_start: float,
    span: Span | None = None,
) -> Rewritten:
    """Write `target`: the input's video as it is, and one lossless audio track per name.

    Parameters
    ----------
    info
        What `probe` found about the input.
    target
        Where to write: MKV, MOV or MP4.
    names
        Titles of the tracks; players choose the first by themselves.
    blocks
        One array (channels, samples) per name, at the input's own rate and channels.
    audio_start
        Time of the first sample, seconds on the input's clock.
    span
        The part of the input to write, as in `remux.remux`.

    Raises
    ------
    OutputError
        The file cannot be written.
    UsageError
        It is of another kind, or cannot hold the video.
    """
    container = multitrack_container(target)
    encoding = choose_encoding(container, replace(info.audio, codec=_CODECS[container]), "flt")
    start = Fraction(audio_start) - Fraction(0 if span is None else span.start)
    made = [
        NewSound(info.audio, encoding, container, start, _one(copies, number))
        for number, copies in enumerate(tee(blocks, len(names)))
    ]
    written = rewrite(info, target, _plans(info, target, names, encoding), made, span)
    return replace(written, notes=(*((encoding.note,) if encoding.note else ()), *written.notes))


def _one(blocks: Iterator[Sequence[FloatArray]], number: int) -> Iterator[FloatArray]:
    return (block[number] for block in blocks)


def _plans(
    info: MediaInfo, target: Path, names: Sequence[str], encoding: AudioEncoding
) -> list[Plan]:
    """Take the video, then the names; all else of the input is no part of this."""
    film = planned(info, target, info.audio.index)[info.video.index]
    tracks = [
        Plan(
            index=info.audio.index,
            kind="audio",
            label=name,
            how="encoded",
            detail=encoding.words,
            title=name,
            default=number == 0,
        )
        for number, name in enumerate(names)
    ]
    return [film, *tracks]
