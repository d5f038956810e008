"""From a video to one sound file per place in its picture."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pixelmix.hearing import Damage, Progress, Source
from pixelmix.media.atomic import partial_folder
from pixelmix.media.probe import probe
from pixelmix.media.wav import WavWriter
from pixelmix.mix.doubt import doubts
from pixelmix.mix.gains import REST
from pixelmix.mix.meter import Level
from pixelmix.model.session import Networks
from pixelmix.pipeline.regions import Places, choose_regions
from pixelmix.stems import StemStream
from pixelmix.types import MediaInfo, Region


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


def separate_video(
    source: Source,
    folder: Path,
    places: Places,
    networks: Networks,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Separated:
    """Write one WAV per place, and ``rest.wav``, into `folder`; together they are the original.

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
        files = tuple(f"{name}.wav" for name in (*names, REST))
        partial = stack.enter_context(
            partial_folder(folder, files, overwrite=overwrite, inputs=(source.path,))
        )
        stream = stack.enter_context(StemStream(source, info, regions, networks, progress))
        audio = stream.audio
        writers = [
            stack.enter_context(
                WavWriter(partial / f"{name}.wav", audio.rate, audio.channels, audio.layout)
            )
            for name in (*names, REST)
        ]
        for block in stream:
            for writer, stem in zip(writers, (*block.stems, block.rest), strict=True):
                writer.write(stem)
        seconds = writers[-1].samples / audio.rate
    levels = stream.meter.levels(names)
    return Separated(
        info=info,
        regions=regions,
        files={name: folder / f"{name}.wav" for name in (*names, REST)},
        levels=levels,
        start=stream.audio.start - info.video.start,
        seconds=seconds,
        damage=stream.damage,
        windows=stream.windows,
        null_error=stream.meter.null_error,
        warnings=doubts(levels, stream.meter.likeness()),
    )
