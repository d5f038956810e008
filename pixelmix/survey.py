"""A whole file looked through: what is seen and heard in it, and what regions make of its sound."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from pixelmix.ahead import Ahead
from pixelmix.discovery.prototypes import prototypes
from pixelmix.discovery.scene import FRAMES_PER_STEP, Scene, describe, look_closer
from pixelmix.heard import Heard, Record, hear, masks_at
from pixelmix.hearing import Damage, Hearing, Progress, Source, Stretch
from pixelmix.mix.blend import compete
from pixelmix.mix.course import Course
from pixelmix.mix.meter import Meter
from pixelmix.model.session import Networks
from pixelmix.types import FloatArray, FrontEnd, MediaInfo
from pixelmix.watch import Look, Watch

_LOOK_SECONDS = 1.0
"""Between two looks at the picture: a cut is not to be missed by more."""
_STRETCHES_AHEAD = 2
"""Stretches whose pictures are looked at before they are listened to."""


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """What was seen and heard."""

    scenes: tuple[Scene, ...]
    start: float
    """Of the sound, seconds from the start of the file."""
    seconds: float
    damage: Damage
    windows: int
    """Windows of the model."""


def survey(
    source: Source,
    info: MediaInfo,
    networks: Networks,
    progress: Progress | None = None,
    record: Record | None = None,
    *,
    closely: bool = False,
) -> Survey:
    """Look through a file: which cells sound, when, and like what; note what is heard.

    ``closely`` is for regions: small players are looked for, too.

    All masks of a shot come out of the synthesizer in one go, one for every vector that its
    picture needs (`discovery.prototypes`) instead of one for every cell.
    """
    fe = networks.bundle.front_end
    scenes: list[Scene] = []
    with (
        Hearing(source, info, fe, progress, downmix=True) as hearing,
        Watch(info, networks, closely=closely) as watch,
        Ahead(_watched(hearing, watch, fe, info.start), _STRETCHES_AHEAD) as watched,
    ):
        for stretch, shots in watched:
            heard = hear(stretch, networks)
            if record is not None:
                record.add(heard)
            scenes += [_scene(shot, stretch, heard, networks) for shot in shots]
        return Survey(
            tuple(scenes), hearing.start, hearing.seconds, hearing.damage, hearing.windows
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Shot:
    """Part of a stretch during which one picture stands for all."""

    frames: slice
    """Of the stretch."""
    look: Look


def _scene(shot: _Shot, stretch: Stretch, heard: Heard, networks: Networks) -> Scene:
    fe, frames = networks.bundle.front_end, shot.frames
    components, magnitude = heard.components[..., frames], heard.magnitude[:, frames]
    seen = prototypes(shot.look.features[0])
    scene = describe(
        stretch.start + frames.start * fe.hop / fe.rate,
        FRAMES_PER_STEP * fe.hop / fe.rate,
        seen,
        masks_at(networks, seen.vectors, components),
        components,
        magnitude,
    )
    if shot.look.closer is None:
        return scene
    closer = prototypes(shot.look.closer[0])
    masks = masks_at(networks, closer.vectors, components)
    return replace(scene, closer=look_closer(closer, masks, magnitude))


def _watched(
    hearing: Hearing, watch: Watch, fe: FrontEnd, origin: float
) -> Iterator[tuple[Stretch, list[_Shot]]]:
    for stretch in hearing.stretches():
        yield stretch, _shots(stretch, watch, fe, origin)


def _shots(stretch: Stretch, watch: Watch, fe: FrontEnd, origin: float) -> list[_Shot]:
    """Look at a stretch every second or so; what shows the same picture is one shot."""
    count = stretch.frames.stop - stretch.frames.start
    every = FRAMES_PER_STEP * max(1, round(_LOOK_SECONDS * fe.rate / (fe.hop * FRAMES_PER_STEP)))
    # A rest too short to be looked at belongs to the last look.
    firsts = [*range(0, max(1, count - every // 2), every), count]
    middles = [(one + other) / 2 for one, other in pairwise(firsts)]
    looks = watch.looks([origin + stretch.start + at * fe.hop / fe.rate for at in middles])
    shots: list[_Shot] = []
    for (first, stop), look in zip(pairwise(firsts), looks, strict=True):
        same = shots and shots[-1].look is look
        start = shots.pop().frames.start if same else first
        shots.append(_Shot(slice(start, stop), look))
    return shots


def follow(record: Record, networks: Networks, vectors: FloatArray) -> tuple[Course, Meter]:
    """Listen again with the masks of known ``vectors (regions, k)``.

    Returns how loud each region is over time, and how sure its mask was.
    """
    fe = networks.bundle.front_end
    course, meter = Course(len(vectors), fe.hop / fe.rate), Meter(len(vectors))
    for heard in record:
        masks = masks_at(networks, vectors, heard.components)
        meter.add_masks(masks, heard.magnitude)
        course.add(compete(masks), heard.magnitude, heard.level)
    return course, meter
