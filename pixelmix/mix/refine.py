"""Masks that hold for whole notes: what recurs in a window belongs together.

The networks judge a cell of the spectrogram by what is around it, and err cell by cell. A note has
the same spectrum wherever it sounds, so its cells can be judged together: non-negative matrix
factorisation finds what recurs, without having learnt anything. In gain that is worth as much as
long training, for a fraction of the audio network's time (measured in docs/model.md).
"""

import numpy as np

from pixelmix.dsp.nmf import unexplained, update_activations, update_spectra
from pixelmix.mix.blend import compete
from pixelmix.types import FloatArray, FrontEnd

_NOTES, _NOTE_UPDATES = 25, 20
"""Parts of the whole window, and updates until they stand."""
_DECIDED = 2
"""Exponent of the regions' shares in a part: above one it goes to the one that has most of it."""
_PARTS, _REST_PARTS = 15, 4
"""Parts of the model of each region, and of ``rest`` beside several regions."""
_ALONE_UPDATES, _TOGETHER_UPDATES = 10, 10
"""While a model learns what its mask lets through, and while all explain the window together."""
_COMPRESSION = 0.7
"""Exponent of the magnitude there: quiet notes count, too."""
_TINY = np.float32(1e-6)


def divide(masks: FloatArray, log_magnitude: FloatArray, fe: FrontEnd) -> FloatArray:
    """Return how regions ``(regions, rows, frames)`` divide a window, from the networks' masks.

    ``log_magnitude (1, 1, rows, frames)`` is the audio network's input. The result lies in 0..1
    and its sum over regions is at most one; what is missing is ``rest``.
    """
    magnitude = np.exp(log_magnitude[0, 0]) - np.float32(fe.log_floor)
    return refine(compete(masks), np.maximum(magnitude, 0))


def refine(shares: FloatArray, magnitude: FloatArray) -> FloatArray:
    """Return the shares ``(regions, rows, frames)`` that agree with what recurs in the sound.

    ``shares`` are masks that compete, with a sum of at most one; the result is such, too.
    ``magnitude (rows, frames)`` is that of the window, linear. It is done twice: by parts of the
    whole window, each divided between the regions by what their masks let through of it, and then
    by a model of each region (and of ``rest``), which learns from what its mask lets through and
    is fitted to the window with all the others. Each time the shares become the geometric mean of
    what they were and what was found.
    """
    mean = magnitude.mean()
    if not mean > 0:
        return shares
    divided = np.concatenate([shares, 1 - np.minimum(shares.sum(axis=0, keepdims=True), 1)])
    level: FloatArray = magnitude / mean + _TINY
    divided = _joined(divided, _by_notes(divided, level))
    divided = _joined(divided, _by_models(divided, level**_COMPRESSION))
    return divided[:-1]


def _by_notes(divided: FloatArray, level: FloatArray) -> FloatArray:
    """Divide parts of the whole window."""
    w, h = _factorised(level, _NOTES, _NOTE_UPDATES)
    # What a mask lets through of a part: the part's own share of every cell, times mask and level.
    explained = unexplained(level, w, h)
    passed = np.stack([((w.T @ (mask * explained)) * h).sum(axis=1) for mask in divided])
    owned = passed**_DECIDED
    owned /= owned.sum(axis=0) + _TINY**_DECIDED
    return np.stack([(w * part) @ h for part in owned])


def _by_models(divided: FloatArray, level: FloatArray) -> FloatArray:
    """Let a model of each, learnt from what its mask lets through, explain the window."""
    counts = [_PARTS] * len(divided)
    if len(divided) > 2:
        counts[-1] = _REST_PARTS
    models = [
        _factorised(mask * level + _TINY, count, _ALONE_UPDATES)
        for mask, count in zip(divided, counts, strict=True)
    ]
    w = np.concatenate([spectra for spectra, _ in models], axis=1)
    h = np.concatenate([activations for _, activations in models])
    _fit(level, w, h, _TOGETHER_UPDATES)
    ends = np.cumsum(counts)[:-1]
    parts = zip(np.split(w, ends, axis=1), np.split(h, ends), strict=True)
    return np.stack([one @ other for one, other in parts])


def _factorised(level: FloatArray, parts: int, updates: int) -> tuple[FloatArray, FloatArray]:
    """Return spectra ``(rows, parts)`` and activations ``(parts, frames)``.

    The start is random but always the same one: what is found does not depend on the order of the
    regions, nor on anything but the sound and the masks.
    """
    rng, (rows, frames) = np.random.default_rng(0), level.shape
    w = rng.random((rows, parts), np.float32) + np.float32(0.01)
    h = (rng.random((parts, frames), np.float32) + np.float32(0.01)) * (level.mean() / parts)
    _fit(level, w, h, updates)
    return w, h


def _fit(level: FloatArray, w: FloatArray, h: FloatArray, updates: int) -> None:
    for _ in range(updates):
        update_activations(level, w, h)
        update_spectra(level, w, h)


def _joined(divided: FloatArray, explained: FloatArray) -> FloatArray:
    """Return the geometric mean of two ways to divide a window; it has a sum of one."""
    joined: FloatArray = np.sqrt(divided * explained)
    joined /= joined.sum(axis=0) + _TINY
    return joined
