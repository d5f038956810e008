"""From a video to one sound file per place in its picture."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pixelmix.dsp.warp import HighBand
from pixelmix.hearing import Damage, Progress, Source
from pixelmix.media.atomic import partial_folder, partial_path
from pixelmix.media.audio import AudioReader
from pixelmix.media.flac import FlacWriter
from pixelmix.media.multitrack import multitrack_container, write_multitrack
from pixelmix.media.probe import probe
from pixelmix.media.rewrite import Rewritten
from pixelmix.media.stemfile import StemFormat, StemWriter
from pixelmix.media.wav import WavWriter
from pixelmix.mix.doubt import doubts
from pixelmix.mix.gains import REST
from pixelmix.mix.meter import Level
from pixelmix.mix.quantise import quantise
from pixelmix.model.session import Networks
from pixelmix.pipeline.places import Places, choose_regions
from pixelmix.pipeline.remix import cut_source
from pixelmix.stems import StemStream
from pixelmix.types import MediaInfo, Region

_FLOAT_WAV = StemFormat()


@dataclass(frozen=True, slots=True)
class Separated:
    """What `separate_video` wrote."""

    info: MediaInfo
    regions: tuple[Region, ...]
    files: Mapping[str, Path]
    """Stem files by name, ``rest`` last."""
    levels: Mapping[str, Level]
    start: float
    """Seconds by which the stems begin after the picture does (negative: before)."""
    seconds: float
    """Length of the stems."""
    damage: Damage
    windows: int
    """Windows of the model."""
    null_error: float
    """Greatest absolute difference between the original and the sum of all stems."""
    warnings: tuple[str, ...]
    """What not to trust in it."""
    clipped: Mapping[str, int] = field(default_factory=dict)
    """Values beyond full scale, by name: whole numbers cannot hold them, float does."""
    report: Rewritten | None = None
    """What became of the input's streams, where the stems are tracks of one video."""


def separate_video(
    source: Source,
    folder: Path,
    places: Places,
    networks: Networks,
    *,
    stored: StemFormat = _FLOAT_WAV,
    highband: HighBand = "follow",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Separated:
    """Write a file per place, and one of ``rest``, into `folder`; together they are the original.

    Without ``places`` the regions are those of the project file beside the input; if there is
    none, they are found, and it is written.

    Raises
    ------
    PixelmixError
        Of the kind that fits: see `pixelmix.errors`.
    """
    info = probe(source.path, source.audio_track)
    regions = choose_regions(places, source, info, lambda: networks, progress)
    names = [region.name for region in regions]
    with ExitStack() as stack:
        files = {name: f"{name}.{stored.kind}" for name in (*names, REST)}
        partial = stack.enter_context(
            partial_folder(
                folder, tuple(files.values()), overwrite=overwrite, inputs=(source.path,)
            )
        )
        stream = stack.enter_context(
            StemStream(source, info, regions, networks, progress, highband)
        )
        writers = {
            name: stack.enter_context(_writer(partial / file, stream.audio, stored))
            for name, file in files.items()
        }
        for block in stream:
            parts = block if stored.whole_bits is None else quantise(block, stored.whole_bits)
            for writer, stem in zip(writers.values(), (*parts.stems, parts.rest), strict=True):
                writer.write(stem)
    levels = stream.meter.levels(names)
    return Separated(
        info=info,
        regions=regions,
        files={name: folder / file for name, file in files.items()},
        levels=levels,
        start=stream.audio.start - info.video.start,
        seconds=writers[REST].samples / stream.audio.rate,
        damage=stream.damage,
        windows=stream.windows,
        null_error=stream.meter.null_error,
        warnings=doubts(levels, stream.meter.likeness()),
        clipped={name: writer.clipped for name, writer in writers.items()},
    )


def _writer(path: Path, audio: AudioReader, stored: StemFormat) -> StemWriter:
    bits = stored.whole_bits
    if stored.kind == "flac" and bits is not None:
        return FlacWriter(path, audio.rate, audio.channels, audio.layout, bits)
    return WavWriter(path, audio.rate, audio.channels, audio.layout, bits)


def separate_multitrack(
    source: Source,
    target: Path,
    places: Places,
    networks: Networks,
    *,
    highband: HighBand = "follow",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Separated:
    """Write one video with the picture copied, and a named track for each place and ``rest``.

    A part of the file begins where a copied picture can begin, as in `remix_video`; the regions
    are chosen as in `separate_video`.

    Raises
    ------
    PixelmixError
        Of the kind that fits: see `pixelmix.errors`.
    """
    multitrack_container(target)
    info = probe(source.path, source.audio_track)
    regions = choose_regions(places, source, info, lambda: networks, progress)
    names = [region.name for region in regions]
    source, span = cut_source(source, info, target)
    with ExitStack() as stack:
        partial = stack.enter_context(
            partial_path(target, overwrite=overwrite, inputs=(source.path,))
        )
        stream = stack.enter_context(
            StemStream(source, info, regions, networks, progress, highband)
        )
        report = write_multitrack(
            info,
            partial,
            [*names, REST],
            ((*block.stems, block.rest) for block in stream),
            audio_start=stream.audio.start,
            span=span,
        )
    levels = stream.meter.levels(names)
    return Separated(
        info=info,
        regions=regions,
        files=dict.fromkeys((*names, REST), target),
        levels=levels,
        start=stream.audio.start - info.video.start,
        seconds=stream.seconds,
        damage=stream.damage,
        windows=stream.windows,
        null_error=stream.meter.null_error,
        warnings=doubts(levels, stream.meter.likeness()),
        report=report,
    )
