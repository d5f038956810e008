"""From a video to one whose sound has new gains."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pixelmix.ahead import Ahead
from pixelmix.dsp.warp import HighBand
from pixelmix.errors import OutputError
from pixelmix.hearing import Damage, Progress, Source
from pixelmix.media.atomic import partial_path
from pixelmix.media.probe import probe
from pixelmix.media.remux import KEPT, RemuxReport, Sound, remux
from pixelmix.media.span import Span, cut_start
from pixelmix.media.verify import Check, verify
from pixelmix.mix.doubt import doubts
from pixelmix.mix.gain_options import GainOption
from pixelmix.mix.gains import merge_gains
from pixelmix.mix.meter import Level
from pixelmix.model.session import Networks
from pixelmix.pipeline.mixer import Clip, Mixer, SoundReport
from pixelmix.pipeline.places import Places, choose_regions
from pixelmix.stems import StemStream
from pixelmix.types import MediaInfo, Region

_BLOCKS_AHEAD = 4
"""Blocks of new sound made before they are encoded."""


@dataclass(frozen=True, slots=True)
class Remixed:
    """What `remix_video` wrote."""

    info: MediaInfo
    regions: tuple[Region, ...]
    output: Path
    levels: Mapping[str, Level]
    """Empty when nothing had to be separated because no gain changes anything."""
    report: RemuxReport
    damage: Damage
    checks: tuple[Check, ...]
    """What was compared with the input; empty when that was not asked for."""
    sound: SoundReport | None = None
    """What became of the sound as a whole; None where its packets were copied."""
    seconds: float = 0.0
    """Length of the new sound; 0 where the old one was copied."""
    windows: int = 0
    """Windows of the model."""
    peak: float = 0.0
    """Greatest absolute sample of the new sound, before it was encoded."""
    null_error: float = 0.0
    """Greatest absolute difference between the original and the sum of all stems."""
    warnings: tuple[str, ...] = ()
    """What not to trust in it."""


def remix_video(
    source: Source,
    target: Path,
    places: Places,
    options: Sequence[GainOption],
    networks: Callable[[], Networks],
    *,
    highband: HighBand = "follow",
    clip: Clip = "limit",
    sound: Sound = KEPT,
    verified: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Remixed:
    """Write a copy of the video whose sound has the new gains; all else is copied.

    When no gain changes anything, the audio packets are copied too and no network is opened
    (`networks` is called only when needed). A part of the file begins where a copied picture can
    begin: in MP4 and MOV at any picture, elsewhere at the last key frame before. Spans of gains
    are counted from the start of the file all the same. With ``verified`` the result is opened
    again and compared with the input before it gets its name. Without ``places`` the regions are
    those of the project file, as in `separate_video`.

    Raises
    ------
    PixelmixError
        Of the kind that fits: see `pixelmix.errors`.
    """
    info = probe(source.path, source.audio_track)
    regions = choose_regions(places, source, info, networks, progress)
    names = [region.name for region in regions]
    gains = merge_gains(options, names)
    source, span = cut_source(source, info, target)
    with partial_path(target, overwrite=overwrite, inputs=(source.path,)) as partial:
        if not gains:
            told = None if progress is None else _told(progress, source, info)
            report = remux(info, partial, None, span=span, told=told)
            checks = _checked(info, partial, target, report, span) if verified else ()
            return Remixed(info, regions, target, {}, report, Damage(0, 0.0), checks)
        with StemStream(source, info, regions, networks(), progress, highband) as stream:
            mixer = Mixer(stream, names, gains, clip, target.parent)
            with Ahead(iter(mixer), _BLOCKS_AHEAD) as blocks:
                report = remux(
                    info,
                    partial,
                    iter(blocks),
                    audio_start=stream.audio.start,
                    sound=sound,
                    span=span,
                )
        checks = _checked(info, partial, target, report, span) if verified else ()
    levels = stream.meter.levels(names)
    return Remixed(
        info=info,
        regions=regions,
        output=target,
        levels=levels,
        report=report,
        damage=stream.damage,
        checks=checks,
        sound=mixer.report(),
        seconds=stream.seconds,
        windows=stream.windows,
        peak=mixer.peak,
        null_error=stream.meter.null_error,
        warnings=doubts(levels, stream.meter.likeness()),
    )


def _told(progress: Progress, source: Source, info: MediaInfo) -> Callable[[float], None]:
    """Return what tells of a copy as of sound that is worked on."""
    total = source.duration
    if total is None and info.duration is not None:
        total = info.duration - (source.start or 0.0)
    before = info.start if source.whole else 0.0
    return lambda time: progress(max(time - before, 0.0), total)


def _checked(
    info: MediaInfo, written: Path, target: Path, report: RemuxReport, span: Span | None
) -> tuple[Check, ...]:
    """Compare what was written with its input, and let nothing pass that is not whole."""
    checks = verify(info, written, report, span)
    faults = [f"{check.subject}: {check.finding}" for check in checks if not check.passed]
    if faults:
        raise OutputError(
            f"{target}: not written, for the result does not hold what it should "
            f"({'; '.join(faults)}); try .mkv, or go without --verify"
        )
    return checks


def cut_source(source: Source, info: MediaInfo, target: Path) -> tuple[Source, Span | None]:
    """Move the start of the part to where the copied picture can begin; its end stays."""
    if source.whole:
        return source, None
    wanted = info.start + (source.start or 0.0)
    end = None if source.duration is None else wanted + source.duration
    start = cut_start(info, target, wanted)
    length = None if end is None else end - start
    return replace(source, start=start - info.start, duration=length), Span(start, end)
