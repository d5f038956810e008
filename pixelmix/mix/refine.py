"""Masks that hold for whole notes: what recurs in a window is judged together.

The networks judge a cell of the spectrogram by what is around it, and err cell by cell. A note has
the same spectrum wherever it sounds. So each region gets a model of what its mask lets through, by
non-negative matrix factorisation, with few parts and updates: enough for what recurs, too little
for the errors. All models together then explain the window, as in separation by Gaussian models
with Wiener masks (Ozerov and Fevotte, 2010). That is worth more than the last hours of training,
for less than half of the audio network's time (measured in docs/sound.md).
"""

import numpy as np

from pixelmix.dsp.nmf import unexplained, update_activations, update_spectra
from pixelmix.mix.blend import with_rest
from pixelmix.types import FloatArray

_ROUNDS = 2
_PARTS, _REST_PARTS = 15, 4
"""Spectra of the model of each region, and of ``rest`` beside several regions."""
_ALONE, _TOGETHER = 10, 5
"""Updates while a model learns what its mask lets through, and while all explain the window."""
_COMPRESSION = 0.7
"""Exponent of the magnitude: soft notes count, too."""
_TINY = np.float32(1e-6)


def refine(shares: FloatArray, magnitude: FloatArray) -> FloatArray:
    """Return the shares ``(regions, rows, frames)`` that agree with what recurs in the sound.

    ``shares`` are masks that compete, with a sum of at most one; the result is such, too.
    ``magnitude (rows, frames)`` is that of the window, linear.
    """
    mean = magnitude.mean()
    if not mean > 0:
        return shares
    level: FloatArray = (magnitude / mean + _TINY) ** np.float32(_COMPRESSION)
    divided = with_rest(shares)
    for turn in range(_ROUNDS):
        explained = _explained(divided, level, turn)
        divided = np.sqrt(divided * explained / (explained.sum(axis=0) + _TINY))
        divided /= divided.sum(axis=0) + _TINY
    return divided[:-1]


def _explained(divided: FloatArray, level: FloatArray, start: int) -> FloatArray:
    """Return what the models of all regions and ``rest`` say is theirs, like ``divided``."""
    counts = [_PARTS] * len(divided)
    if len(divided) > 2:
        counts[-1] = _REST_PARTS
    models = [
        _model(mask * level + _TINY, count, start)
        for mask, count in zip(divided, counts, strict=True)
    ]
    w = np.concatenate([spectra for spectra, _ in models], axis=1)
    h = np.concatenate([activations for _, activations in models])
    _fit(level, w, h, _TOGETHER)
    missing, ends = unexplained(level, w, h), np.cumsum(counts)[:-1]
    parts = zip(divided, np.split(w, ends, axis=1), np.split(h, ends), strict=True)
    return np.stack([(one * _own(mask, missing, one, other)) @ other for mask, one, other in parts])


def _own(mask: FloatArray, missing: FloatArray, w: FloatArray, h: FloatArray) -> FloatArray:
    """Return ``(parts,)``: how much of what each part explains the mask lets through.

    A region that is silent has a model, too; its parts explain what the masks of others let
    through, and so count for little.
    """
    passed = ((w.T @ (mask * missing)) * h).sum(axis=1)
    own: FloatArray = passed / (((w.T @ missing) * h).sum(axis=1) + _TINY)
    return own


def _model(own: FloatArray, parts: int, start: int) -> tuple[FloatArray, FloatArray]:
    """Return spectra ``(rows, parts)`` and activations ``(parts, frames)`` of a sound.

    The start is random but the same for all regions of all windows: what is found depends on the
    sound and the masks alone, and not on the order of the regions.
    """
    rng, (rows, frames) = np.random.default_rng(start), own.shape
    w = rng.random((rows, parts), np.float32) + np.float32(0.01)
    h = (rng.random((parts, frames), np.float32) + np.float32(0.01)) * (own.mean() / parts)
    _fit(own, w, h, _ALONE)
    return w, h


def _fit(level: FloatArray, w: FloatArray, h: FloatArray, updates: int) -> None:
    for _ in range(updates):
        update_activations(level, w, h)
        update_spectra(level, w, h)
