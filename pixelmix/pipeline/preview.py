"""What a remix would write, without writing it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pixelmix.hearing import Source
from pixelmix.media.atomic import check_target
from pixelmix.media.codecs import bits_per_second
from pixelmix.media.probe import probe
from pixelmix.media.remux import KEPT, Outline, Sound, outline
from pixelmix.mix.gain_options import GainOption
from pixelmix.mix.gains import merge_gains
from pixelmix.pipeline.places import Places
from pixelmix.regions.parse import resolve
from pixelmix.regions.project import load, project_path
from pixelmix.types import MediaInfo

_START = 1.0
"""Seconds before the work begins."""
_PACE, _COPYING, _FINDING = 30.0, 200.0, 40.0
"""Times real time, on two cores without a GPU (docs/performance.md): of a remix, of copying alone,
and of finding the regions first."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What `remix_video` would write."""

    info: MediaInfo
    target: Path
    outline: Outline
    seconds: float | None
    """Length of the part that would be written, where the file states its own."""
    size: int
    """Bytes, about."""
    work: float | None
    """Seconds that it would take on two cores, about."""
    regions: tuple[str, ...] | None
    """Their names; None where they would have to be found first."""


def preview_remix(
    source: Source,
    target: Path,
    places: Places,
    options: Sequence[GainOption],
    *,
    sound: Sound = KEPT,
    overwrite: bool = False,
) -> Preview:
    """Say what `remix_video` would do with the same arguments; nothing is written or decoded.

    Raises
    ------
    PixelmixError
        What `remix_video` would refuse from the start is refused here too.
    """
    info = probe(source.path, source.audio_track)
    check_target(target, overwrite, (source.path,))
    names = _names(places, info)
    known = [option.name for option in options] if names is None else names
    changed = merge_gains(options, known)
    drawn = outline(info, target, sound if changed else None)
    seconds = _seconds(source, info)
    work = _work(seconds, info, encoded=drawn.encoding is not None, known=names is not None)
    return Preview(info, target, drawn, seconds, _size(info, drawn, seconds), work, names)


def _names(places: Places, info: MediaInfo) -> tuple[str, ...] | None:
    if places is not None:
        regions = resolve(places, info.video.width, info.video.height)
        return tuple(region.name for region in regions)
    project = project_path(info.path)
    if not project.exists():
        return None
    return tuple(found.region.name for found in load(project).regions)


def _seconds(source: Source, info: MediaInfo) -> float | None:
    if info.duration is None:
        return source.duration
    left = max(0.0, info.duration - (source.start or 0.0))
    return left if source.duration is None else min(left, source.duration)


def _work(seconds: float | None, info: MediaInfo, *, encoded: bool, known: bool) -> float | None:
    if seconds is None:
        return None
    # Regions are looked for in the whole file.
    finding = 0.0 if known else (info.duration or seconds) / _FINDING
    return _START + finding + seconds / (_PACE if encoded else _COPYING)


def _size(info: MediaInfo, drawn: Outline, seconds: float | None) -> int:
    """Bytes of the input's part, with the new sound in the place of the old."""
    whole = info.path.stat().st_size
    if seconds is None or not info.duration:
        return whole
    size = whole * seconds / info.duration
    if drawn.encoding is not None:
        old = info.audio.bit_rate or 0
        copies = sum(one.index == info.audio.index and one.kept for one in drawn.streams)
        new = bits_per_second(drawn.encoding, info.audio) + old * (copies - 1)
        size += (new - old) * seconds / 8
    return max(0, round(size))
