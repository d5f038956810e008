"""From a video to one whose sound has new gains."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from pixelmix.hearing import Damage, Progress, Source
from pixelmix.media.atomic import partial_path
from pixelmix.media.probe import probe
from pixelmix.media.remux import RemuxReport, remux
from pixelmix.media.span import Span, cut_start
from pixelmix.mix.doubt import doubts
from pixelmix.mix.gains import GainOption, merge_gains
from pixelmix.mix.gains import remix as apply_gains
from pixelmix.mix.limiter import Limiter
from pixelmix.mix.meter import Level
from pixelmix.model.session import Networks
from pixelmix.pipeline.regions import Places, choose_regions
from pixelmix.stems import StemStream
from pixelmix.types import FloatArray, Gain, MediaInfo, Region

Clip = Literal["limit", "none"]


@dataclass(frozen=True, slots=True)
class Remixed:
    """What `remix_video` wrote."""

    info: MediaInfo
    regions: tuple[Region, ...]
    output: Path
    levels: Mapping[str, Level]
    """Empty when nothing had to be separated because no gain changes anything."""
    report: RemuxReport
    reduction_db: float
    """Greatest gain reduction of the limiter."""
    damage: Damage
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
    clip: Clip = "limit",
    audio_codec: str | None = None,
    bit_rate: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Remixed:
    """Write a copy of the video whose sound has the new gains; all else is copied.

    When no gain changes anything, the audio packets are copied too and no network is opened
    (`networks` is called only when needed). A part of the file begins where a copied picture can
    begin: in MP4 and MOV at any picture, elsewhere at the last key frame before. Spans of gains
    are counted from the start of the file all the same. Without ``places`` the regions are those
    of the project file, as in `separate_video`.

    Raises
    ------
    PixelmixError
        Of the kind that fits: see `pixelmix.errors`.
    """
    info = probe(source.path, source.audio_track)
    regions = choose_regions(places, source, info, networks, progress)
    names = [region.name for region in regions]
    gains = merge_gains(options, names)
    source, span = _cut(source, info, target)
    with partial_path(target, overwrite=overwrite, inputs=(source.path,)) as partial:
        if not gains:
            report = remux(info, partial, None, span=span)
            return Remixed(info, regions, target, {}, report, 0.0, Damage(0, 0.0))
        with StemStream(source, info, regions, networks(), progress) as stream:
            mixer = Mixer(stream, names, gains, clip)
            report = remux(
                info,
                partial,
                iter(mixer),
                audio_start=stream.audio.start,
                codec=audio_codec,
                bit_rate=bit_rate,
                span=span,
            )
    levels = stream.meter.levels(names)
    return Remixed(
        info=info,
        regions=regions,
        output=target,
        levels=levels,
        report=report,
        reduction_db=mixer.reduction_db,
        damage=stream.damage,
        seconds=mixer.samples / stream.audio.rate,
        windows=stream.windows,
        peak=mixer.peak,
        null_error=stream.meter.null_error,
        warnings=doubts(levels, stream.meter.likeness()),
    )


def _cut(source: Source, info: MediaInfo, target: Path) -> tuple[Source, Span | None]:
    """Move the start of the part to where the copied picture can begin; its end stays."""
    if source.whole:
        return source, None
    wanted = info.start + (source.start or 0.0)
    end = None if source.duration is None else wanted + source.duration
    start = cut_start(info, target, wanted)
    length = None if end is None else end - start
    return replace(source, start=start - info.start, duration=length), Span(start, end)


class Mixer:
    """Blocks of the new sound from blocks of stems."""

    def __init__(
        self, stream: StemStream, names: Sequence[str], gains: Sequence[Gain], clip: Clip
    ) -> None:
        self.samples = 0
        self.peak = 0.0
        """Greatest absolute sample so far."""
        self._stream = stream
        self._names = names
        self._gains = gains
        # Even gains below one can raise a single sample: what a mask takes away may have
        # cancelled a peak.
        audio = stream.audio
        self._limiter = Limiter(audio.rate, audio.channels) if clip == "limit" else None

    @property
    def reduction_db(self) -> float:
        """Greatest gain reduction of the limiter so far, dB."""
        return self._limiter.reduction_db if self._limiter else 0.0

    def __iter__(self) -> Iterator[FloatArray]:
        """Yield ``(channels, samples)``, sample for sample as long as the original."""
        for block in self._mixed():
            self.samples += block.shape[-1]
            self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
            yield block

    def _mixed(self) -> Iterator[FloatArray]:
        position = self._stream.first_sample
        for block in self._stream:
            mixed = apply_gains(block, self._names, self._gains, self._stream.audio.rate, position)
            position += mixed.shape[-1]
            yield self._limiter.push(mixed) if self._limiter else mixed
        if self._limiter:
            yield self._limiter.finish()
