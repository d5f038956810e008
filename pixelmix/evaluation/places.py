"""Two questions about places: whether a silent one stays silent, and the loud one is found."""

import numpy as np
from PIL import Image

from pixelmix.dsp.stft import stft
from pixelmix.dsp.warp import unwarp_matrix
from pixelmix.evaluation.examples import Example
from pixelmix.evaluation.methods import BundleMethod, apply_masks
from pixelmix.evaluation.metrics import LIMIT
from pixelmix.types import ByteArray, FloatArray

_BATCH = 32
"""Cells whose masks are made at once."""


def silent_level(model: BundleMethod, example: Example, absent: tuple[ByteArray, ...]) -> float:
    """Return how loud the stem of something that is not heard is against the mixture, dB.

    `absent` are its pictures; it is one more region beside the example's sources. At least
    ``-LIMIT``.
    """
    seen = model.see(example)
    looks = np.concatenate([seen.looks, model.look(absent)[None]])
    mask = model.masks(looks, seen)[-1:]
    mixture = example.mixture
    stem = apply_masks(model.networks.bundle.front_end, mask, mixture)
    share = np.sum(np.square(stem, dtype=np.float64)) / np.sum(np.square(mixture, dtype=np.float64))
    return float(10 * np.log10(max(share, 10 ** (-LIMIT / 10))))


def sides_found(model: BundleMethod, example: Example) -> tuple[bool, bool]:
    """Return for each of two sources whether it is found when it alone is heard.

    A picture of each is shown side by side. Every cell is a region of its own (the paper asks so
    which pixels are making a sound); found means that the loudest lies on the source's half.
    """
    left, right = (pictures[len(pictures) // 2] for pictures in example.frames)
    picture, border = beside(left, right, model.networks.bundle.vision.short_side)
    features = model.features(picture)
    cols = features.shape[2]
    on_left = [
        (int(cell_levels(model, features, wave).argmax()) % cols + 0.5) / cols < border
        for wave in example.waves
    ]
    return on_left[0], not on_left[1]


def beside(left: ByteArray, right: ByteArray, height: int) -> tuple[ByteArray, float]:
    """Return two pictures side by side, both `height` pixels high, and the left one's share."""
    both = [
        np.asarray(
            Image.fromarray(picture).resize(
                (max(1, round(picture.shape[1] * height / picture.shape[0])), height),
                Image.Resampling.BILINEAR,
            )
        )
        for picture in (left, right)
    ]
    joined = np.hstack(both)
    return joined, both[0].shape[1] / joined.shape[1]


def cell_levels(model: BundleMethod, features: FloatArray, samples: FloatArray) -> FloatArray:
    """Return the energy ``(rows * cols,)`` of the sound that each cell's mask lets through.

    `features` is ``(k, rows, cols)``, `samples` ``(window_samples,)``. Masks are weighed where the
    network makes them, on its own frequency rows, each row with the energy of its bins; they are
    not cut, so that no two cells are equal without need.
    """
    components = model.components(samples)
    weight = row_energy(model, samples).reshape(-1)
    looks = features.reshape(len(features), -1).T
    levels = []
    for first in range(0, len(looks), _BATCH):
        masks = model.networks.masks(looks[first : first + _BATCH], components)[0]
        levels.append(np.square(masks.reshape(len(masks), -1)) @ weight)
    return np.concatenate(levels)


def row_energy(model: BundleMethod, samples: FloatArray) -> FloatArray:
    """Return a sound's energy on the network's grid, ``(rows, frames)``, each bin counted once."""
    fe = model.networks.bundle.front_end
    power = np.square(np.abs(stft(samples, fe.n_fft, fe.hop)))
    return unwarp_matrix(fe).T @ power
