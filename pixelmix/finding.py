"""The regions of a file, found and measured, and what a picture of them shows."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from pixelmix.discovery.discover import Found, discover
from pixelmix.discovery.places import around, boxes, prominent
from pixelmix.drawing.regions_picture import Sight
from pixelmix.dsp.warp import row_frequencies
from pixelmix.heard import Record, masks_at
from pixelmix.hearing import Damage, Progress, Source
from pixelmix.media.frames import PictureReader
from pixelmix.mix.course import Course
from pixelmix.mix.doubt import doubts
from pixelmix.model.session import Networks
from pixelmix.regions.colours import colour
from pixelmix.survey import Survey, follow, survey
from pixelmix.types import FoundRegion, MediaInfo, Region

_PICTURE_SIDE = 480
"""Pixels of the short side of the picture that is shown."""


@dataclass(frozen=True, slots=True, eq=False)
class Finding:
    """What sounds in a file."""

    info: MediaInfo
    regions: tuple[FoundRegion, ...]
    rest: float
    """Part of the sound's energy that no region has."""
    found: tuple[Found, ...]
    course: Course
    survey: Survey
    warnings: tuple[str, ...]
    """What not to trust in it."""

    @property
    def damage(self) -> Damage:
        """What was wrong with the sound."""
        return self.survey.damage


def find(
    source: Source,
    info: MediaInfo,
    networks: Networks,
    *,
    count: int | None = None,
    progress: Progress | None = None,
) -> Finding:
    """Look through a file, say what sounds in it, and listen again to that.

    The same file and model always give the same; a shorter look at it (`Source.start`) may not.
    """
    k = networks.bundle.k
    with Record() as record:
        seen = survey(source, info, networks, progress, record, closely=True)
        found = discover(seen.scenes, partial(masks_at, networks), count)
        features = [one.feature for one in found]
        course, meter = follow(record, networks, np.reshape(features, (-1, k)).astype(np.float32))
    names = [f"region{i + 1}" for i in range(len(found))]
    shares, spans = course.shares(), course.spans(seen.start)
    levels = {
        name: replace(level, share=float(share))
        for (name, level), share in zip(meter.levels(names).items(), shares, strict=True)
    }
    regions = []
    for i, (name, one) in enumerate(zip(names, found, strict=True)):
        places = boxes(one.usual_cells(), info.video.width, info.video.height)
        # Rounded as the project file has it, so that a later run with it does the very same.
        feature = tuple(float(f"{value:.6g}") for value in one.feature)
        regions.append(
            FoundRegion(
                region=Region(name, around(places), feature),
                places=places,
                share=levels[name].share,
                confidence=levels[name].confidence,
                spans=spans[i],
                colour=colour(i),
            )
        )
    warnings = doubts(levels, meter.likeness())
    return Finding(info, tuple(regions), float(shares[-1]), found, course, seen, warnings)


def sight(finding: Finding, networks: Networks) -> Sight:
    """Return what a picture of the regions shows: the moment at which most of them sound."""
    seen, found = finding.survey, finding.found
    cells = np.stack([one.cells for one in found]) if found else None
    scene = 0
    if cells is not None:
        # Every region counts alike, however loud it is.
        strength = cells.max(axis=(2, 3))
        scene = int(
            (strength / strength.max(axis=1, keepdims=True).clip(1e-12)).sum(axis=0).argmax()
        )
    record = seen.scenes[scene]
    middle = record.start + record.step * len(record.mixture) / 2
    info = finding.info
    with PictureReader(info, _PICTURE_SIDE) as reader:
        picture = reader.at(info.start + middle)
    shape = record.seen.labels.shape
    shown = np.zeros((0, *shape), np.bool_)
    if cells is not None:
        shown = prominent(cells[:, scene])
    spectrogram, weights = finding.course.spectrogram()
    return Sight(
        picture=picture.rgb,
        time=picture.time - info.start,
        cells=shown,
        spectrogram=spectrogram,
        weights=weights,
        frequencies=row_frequencies(networks.bundle.front_end),
        loudness=finding.course.loudness(),
        start=seen.start,
        seconds=seen.seconds,
    )
