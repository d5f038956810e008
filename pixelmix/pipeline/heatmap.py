"""From a video to one over which its sound is drawn."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from pixelmix.discovery.discover import discover
from pixelmix.discovery.maps import cluster_maps, energy_maps, held, region_maps
from pixelmix.discovery.scene import FRAMES_PER_STEP
from pixelmix.drawing.canvas import write_png
from pixelmix.drawing.colourmap import heat
from pixelmix.heard import masks_at
from pixelmix.hearing import Damage, Progress, Source
from pixelmix.media.atomic import partial_path
from pixelmix.media.heatmap import Encoding, HeatmapReport, Maps, render, still
from pixelmix.media.probe import probe
from pixelmix.media.span import Span
from pixelmix.model.session import Networks
from pixelmix.regions.colours import colour, rgb
from pixelmix.survey import Survey, survey
from pixelmix.types import ByteArray, MediaInfo

_STEADY = 12
"""Steps of the maps, about half a second."""

Mode = Literal["energy", "clusters", "regions"]


@dataclass(frozen=True, slots=True)
class View:
    """How the sound is shown."""

    mode: Mode = "energy"
    opacity: float = 0.7
    """Of the clearest cells, 0 to 1."""
    side_by_side: bool = False
    """The picture as it was stands to the left."""


@dataclass(frozen=True, slots=True)
class Heated:
    """What `heatmap_video` wrote."""

    info: MediaInfo
    output: Path
    report: HeatmapReport | None
    """None for a single picture."""
    damage: Damage
    seconds: float
    """Length of the sound."""
    windows: int
    """Windows of the model."""


def heatmap_video(
    source: Source,
    target: Path,
    view: View,
    networks: Networks,
    *,
    encoding: Encoding,
    threads: int = 0,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Heated:
    """Write a copy of the video that shows where the sound comes from; its sound is copied.

    The picture is looked through first, so that colours mean the same from start to end.

    Raises
    ------
    PixelmixError
        Of the kind that fits: see `pixelmix.errors`.
    """
    info = probe(source.path, source.audio_track)
    with partial_path(target, overwrite=overwrite, inputs=(source.path,)) as partial_target:
        seen = survey(source, info, networks, progress, closely=view.mode == "regions")
        maps = _maps(seen, view, info, networks)
        networks.rest()  # the encoder wants as much memory again
        report = render(
            info,
            partial_target,
            maps,
            encoding,
            side_by_side=view.side_by_side,
            span=_span(source, info),
            threads=threads,
        )
    return Heated(info, target, report, seen.damage, seen.seconds, seen.windows)


def heatmap_still(
    source: Source,
    target: Path,
    view: View,
    networks: Networks,
    *,
    time: float | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Heated:
    """Write one picture of it, PNG: at a time in seconds, or the loudest moment.

    Raises
    ------
    PixelmixError
        Of the kind that fits: see `pixelmix.errors`.
    """
    info = probe(source.path, source.audio_track)
    with partial_path(target, overwrite=overwrite, inputs=(source.path,)) as partial_target:
        seen = survey(source, info, networks, progress, closely=view.mode == "regions")
        maps = _maps(seen, view, info, networks)
        loudness = np.concatenate([scene.energy.max(axis=0) for scene in seen.scenes])
        if time is None:
            # Some time into the loudest sound, where it is no longer a mere knock.
            number = int(np.convolve(loudness, np.ones(_STEADY), "same").argmax())
        else:
            number = round((time - seen.start) / float(maps.period))
        number = min(max(number, 0), len(loudness) - 1)
        overlay = next(islice(maps.pictures, number, None))
        moment = maps.start + number * float(maps.period)
        picture = still(info, moment, overlay)
        if view.side_by_side:
            plain = still(info, moment, np.zeros_like(overlay))
            picture = np.concatenate([plain, picture], axis=1)
        write_png(partial_target, picture)
    return Heated(info, target, None, seen.damage, seen.seconds, seen.windows)


def _span(source: Source, info: MediaInfo) -> Span | None:
    if source.whole:
        return None
    start = info.start + (source.start or 0.0)
    return Span(start, None if source.duration is None else start + source.duration)


def _maps(seen: Survey, view: View, info: MediaInfo, networks: Networks) -> Maps:
    fe = networks.bundle.front_end
    return Maps(
        start=info.start + seen.start,
        period=Fraction(FRAMES_PER_STEP * fe.hop, fe.rate),
        pictures=held(_faded(_pictures(seen, view.mode, networks), view.opacity)),
        end=info.start + seen.start + seen.seconds,
    )


def _pictures(seen: Survey, mode: Mode, networks: Networks) -> Iterator[ByteArray]:
    if mode == "energy":
        return energy_maps(seen.scenes, heat())
    if mode == "clusters":
        return cluster_maps(seen.scenes)
    found = discover(seen.scenes, partial(masks_at, networks))
    return region_maps(seen.scenes, found, [rgb(colour(i)) for i in range(len(found))])


def _faded(pictures: Iterator[ByteArray], opacity: float) -> Iterator[ByteArray]:
    share = np.array([1.0, 1.0, 1.0, opacity], np.float32)
    for picture in pictures:
        yield np.rint(picture * share).astype(np.uint8)
