"""A whole file looked through: what is seen and heard in it, and what regions make of its sound."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pixelmix.discovery.prototypes import prototypes
from pixelmix.discovery.scene import FRAMES_PER_STEP, Scene, describe
from pixelmix.dsp.warp import row_widths
from pixelmix.hearing import Damage, Hearing, Progress, Source, Stretch
from pixelmix.mix.blend import compete
from pixelmix.mix.course import Course
from pixelmix.mix.meter import Meter
from pixelmix.mix.plan import log_magnitude
from pixelmix.model.session import Networks
from pixelmix.types import FloatArray, FrontEnd, MediaInfo
from pixelmix.watch import Look, Watch

_LOOK_SECONDS = 1.0
"""Between two looks at the picture: a cut is not to be missed by more."""


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
    source: Source, info: MediaInfo, networks: Networks, progress: Progress | None = None
) -> Survey:
    """Look through a file: which cells sound, when, and like what.

    All masks of a window come out of the synthesizer in one go, one for every vector that its
    picture needs (`discovery.prototypes`) instead of one for every cell.
    """
    fe = networks.bundle.front_end
    scenes: list[Scene] = []
    with Hearing(source, info, fe, progress) as hearing, Watch(info, networks) as watch:
        for stretch in hearing.stretches():
            shots = _shots(stretch, watch, fe, info.start)
            seen = [prototypes(shot.look.features[0]) for shot in shots]
            heard = _heard(stretch, np.concatenate([one.vectors for one in seen]), networks)
            first = 0
            for shot, one in zip(shots, seen, strict=True):
                own = slice(first, first + len(one.vectors))
                first = own.stop
                scenes.append(
                    describe(
                        stretch.start + shot.frames.start * fe.hop / fe.rate,
                        FRAMES_PER_STEP * fe.hop / fe.rate,
                        one,
                        heard.masks[own, :, shot.frames],
                        heard.components[..., shot.frames],
                        heard.magnitude[:, shot.frames],
                    )
                )
        return Survey(
            tuple(scenes), hearing.start, hearing.seconds, hearing.damage, hearing.windows
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Shot:
    """Part of a stretch during which one picture stands for all."""

    frames: slice
    """Of the stretch."""
    look: Look


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


def masks_at(networks: Networks, vectors: FloatArray, points: FloatArray) -> FloatArray:
    """Return the masks ``(n, points)`` of vectors ``(n, k)`` where components are ``(k, points)``.

    The synthesizer does not care where in the spectrogram a point lies, so they fill windows.
    """
    fe, k = networks.bundle.front_end, networks.bundle.k
    room = fe.rows * fe.frames
    parts = []
    for first in range(0, points.shape[1], room):
        part = points[:, first : first + room]
        window = np.pad(part, ((0, 0), (0, room - part.shape[1])))
        masks = networks.masks(vectors, window.reshape(1, k, fe.rows, fe.frames))[0]
        parts.append(networks.bundle.cut(masks).reshape(len(vectors), -1)[:, : part.shape[1]])
    return np.concatenate(parts, axis=1)


def follow(
    source: Source,
    info: MediaInfo,
    networks: Networks,
    vectors: FloatArray,
    progress: Progress | None = None,
) -> tuple[Course, Meter]:
    """Listen to a file with the masks of known ``vectors (regions, k)``.

    Returns how loud each region is over time, and how sure its mask was.
    """
    fe = networks.bundle.front_end
    meter = Meter(len(vectors))
    with Hearing(source, info, fe, progress) as hearing:
        course = Course(len(vectors), fe.hop / fe.rate)
        for stretch in hearing.stretches():
            heard = _heard(stretch, vectors, networks)
            meter.add_masks(heard.masks, heard.magnitude)
            course.add(compete(heard.masks), heard.magnitude, heard.level)
    return course, meter


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    components: FloatArray
    """(k, rows, frames)"""
    magnitude: FloatArray
    """(rows, frames), scaled so that energies of rows can be summed."""
    masks: FloatArray
    """(n, rows, frames)"""
    level: FloatArray
    """(frames,) mean square of the samples."""


def _heard(stretch: Stretch, vectors: FloatArray, networks: Networks) -> _Heard:
    bundle, frames = networks.bundle, stretch.frames
    fe = bundle.front_end
    log_mag = log_magnitude(fe, stretch.window)
    components = networks.components(log_mag)
    masks = bundle.cut(networks.masks(vectors, components)[0])
    return _Heard(
        components[0, :, :, frames],
        np.exp(log_mag[0, 0, :, frames]) * np.sqrt(row_widths(fe))[:, None],
        masks[..., frames],
        _level(stretch.window.samples, fe.hop)[frames],
    )


def _level(samples: FloatArray, hop: int) -> FloatArray:
    """Return the mean square around each frame of a window."""
    padded = np.pad(np.square(samples), (hop // 2, hop))
    frames = len(samples) // hop + 1
    level: FloatArray = padded[: frames * hop].reshape(frames, hop).mean(axis=1)
    return level
