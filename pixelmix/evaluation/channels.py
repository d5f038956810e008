"""Whether single channels of the networks stand for kinds: the paper's look at what was learned.

A channel is read as a detector. What belongs to one half of the recordings (drawn by the seed)
decides which kind each channel stands for; the other half shows how often that is right.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from pixelmix.data.dataset import Sound
from pixelmix.evaluation.examples import Clip, Pool
from pixelmix.evaluation.methods import BundleMethod
from pixelmix.evaluation.places import row_energy
from pixelmix.evaluation.report import Confusion

MOST = 20
"""Inputs of one kind, about."""

Channels = Mapping[str, Sequence[Sequence[int]]]
"""By kind and recording, the strongest channel for each input."""
_Integers = npt.NDArray[np.intp]


def visual_channels(
    model: BundleMethod, pool: Pool, seed: int, tick: Callable[[], None]
) -> Channels:
    """Return the strongest vision channel of every picture: the greatest anywhere in it.

    The pictures of one window of a video count as one; a still is a recording of its own.
    """
    random = np.random.default_rng((seed, 1))
    found: dict[str, list[list[int]]] = {}
    for kind in pool.known_kinds:
        videos = [sound for sound in pool.groups[kind] if sound.pictures]
        inputs: list[list[tuple[int, ...]]] = []
        inputs.extend([(still.picture,)] for still in pool.stills.get(kind, ()))
        inputs.extend([clip.pictures for clip in one] for one in _windows(pool, videos, random))
        chosen = [inputs[i] for i in random.permutation(len(inputs))[:MOST]]
        found[kind] = [[_seen(model, pool, pictures) for pictures in one] for one in chosen]
        tick()
    return found


def audio_channels(
    model: BundleMethod, pool: Pool, seed: int, tick: Callable[[], None]
) -> Channels:
    """Return the strongest audio channel of every solo: the one that lets most of it through.

    A channel is heard through the synthesizer, as if a picture showed that channel and nothing
    else; so the sign of components does not matter.
    """
    random = np.random.default_rng((seed, 2))
    found: dict[str, list[list[int]]] = {}
    for kind in pool.known_kinds:
        recordings = _windows(pool, pool.groups[kind], random)
        found[kind] = [[_heard(model, pool, clip) for clip in clips] for clips in recordings]
        tick()
    return found


def confusion(channels: Channels, k: int, seed: int) -> Confusion | None:
    """Return what the strongest of `k` channels says about the kind; None if that cannot be asked.

    A channel stands for the kind in whose first half it is most often the strongest (as a share
    of that half, for kinds are not equally many). Kinds of one recording cannot be asked for.
    """
    random = np.random.default_rng((seed, 3))
    kinds = tuple(kind for kind, recordings in channels.items() if len(recordings) > 1)
    if len(kinds) < 2:
        return None
    halves = [_halves(channels[kind], random) for kind in kinds]
    shares = np.stack([np.bincount(first, minlength=k) / len(first) for first, _ in halves])
    meaning = np.where(shares.any(axis=0), shares.argmax(axis=0), -1)
    said = [meaning[second] for _, second in halves]
    counts = np.array([[np.sum(one == j) for j in range(len(kinds))] for one in said])
    totals = np.array([len(one) for one in said])
    return Confusion(
        kinds=kinds,
        channels=tuple(int(i) for i in meaning),
        matrix=(counts / totals[:, None]).astype(np.float32),
        accuracy=float(counts.trace() / totals.sum()),
    )


def _windows(pool: Pool, sounds: Sequence[Sound], random: np.random.Generator) -> list[list[Clip]]:
    """Draw windows of at most `MOST` sounds, about as many in all; more of the longer ones."""
    chosen = [sounds[i] for i in random.permutation(len(sounds))[:MOST]]
    drawn = []
    for sound in chosen:
        windows = min(MOST // len(chosen), sound.samples // pool.window)
        clips = [pool.clip(sound, random) for _ in range(max(1, windows))]
        drawn.append([clip for clip in clips if clip])
    return [clips for clips in drawn if clips]


def _seen(model: BundleMethod, pool: Pool, pictures: Sequence[int]) -> int:
    return int(model.look([pool.dataset.picture(i) for i in pictures]).argmax())


def _heard(model: BundleMethod, pool: Pool, clip: Clip) -> int:
    samples = pool.samples(clip)
    alone = np.eye(model.networks.bundle.k, dtype=np.float32)
    masks = model.networks.masks(alone, model.components(samples))[0]
    passed = np.square(masks) * row_energy(model, samples)
    return int(passed.sum(axis=(1, 2)).argmax())


def _halves(
    recordings: Sequence[Sequence[int]], random: np.random.Generator
) -> tuple[_Integers, _Integers]:
    order = random.permutation(len(recordings))
    mixed = [np.asarray(recordings[i], dtype=np.intp) for i in order]
    middle = len(mixed) // 2
    return np.concatenate(mixed[:middle]), np.concatenate(mixed[middle:])
