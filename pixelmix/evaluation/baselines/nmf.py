"""Supervised non-negative matrix factorisation: a dictionary of spectra for every kind."""

from collections.abc import Callable, Mapping

import numpy as np

from pixelmix.dsp.nmf import update_activations, update_spectra
from pixelmix.dsp.stft import istft, stft
from pixelmix.evaluation.baselines.solos import Solos
from pixelmix.evaluation.baselines.spectra import level, ratio_masks
from pixelmix.evaluation.examples import Example
from pixelmix.types import FloatArray, FrontEnd

SPECTRA = 40
"""Spectra in a dictionary."""
CROPS = 24
"""Windows of a kind's sounds that are drawn for learning, ..."""
FRAMES = 1_000
"""... and how many of their STFT frames are learnt from (at most)."""
LEARNING, FITTING = 60, 60
"""Updates while a dictionary is learnt, and while it is fitted to a mixture."""

_TINY = np.float32(1e-8)


class Nmf:
    """Dictionaries of the example's kinds, fixed, explain the mixture; their shares are masks."""

    name = "nmf"

    def __init__(self, solos: Solos, fe: FrontEnd, seed: int, say: Callable[[str], None]) -> None:
        self._fe = fe
        self._dictionaries: Mapping[str, FloatArray] = {
            kind: _learn(solos, kind, fe, np.random.default_rng((seed, index)))
            for index, kind in enumerate(solos.kinds)
        }
        say(f"nmf: learnt {SPECTRA} spectra of each of {len(solos.kinds)} kinds")

    def separate(self, example: Example) -> FloatArray:
        """Return the stems ``(sources, samples)``."""
        fe = self._fe
        kinds = sorted(set(example.kinds))
        spectrum = stft(example.mixture, fe.n_fft, fe.hop)
        magnitude: FloatArray = np.abs(spectrum)
        found = activations(
            magnitude / level(example.mixture),
            np.concatenate([self._dictionaries[kind] for kind in kinds], axis=1),
        )
        shares = np.split(found, len(kinds))
        parts = {
            kind: self._dictionaries[kind] @ share
            for kind, share in zip(kinds, shares, strict=True)
        }
        masks = ratio_masks(np.stack([parts[kind] for kind in example.kinds]), example.kinds)
        return istft(masks * spectrum, fe.n_fft, fe.hop, len(example.mixture))


def _learn(solos: Solos, kind: str, fe: FrontEnd, rng: np.random.Generator) -> FloatArray:
    crops = np.stack([solos.crop(kind, fe.window_samples, rng) for _ in range(CROPS)])
    frames = np.concatenate([*np.abs(stft(crops, fe.n_fft, fe.hop))], axis=1)
    chosen = rng.permutation(frames.shape[1])[:FRAMES]
    return dictionary(frames[:, chosen], SPECTRA, rng)


def dictionary(magnitude: FloatArray, spectra: int, rng: np.random.Generator) -> FloatArray:
    """Learn ``(bins, spectra)`` from ``(bins, frames)``; every spectrum sums to one."""
    bins, frames = magnitude.shape
    w = rng.uniform(0.5, 1.5, (bins, spectra)).astype(np.float32)
    h = rng.uniform(0.5, 1.5, (spectra, frames)).astype(np.float32)
    for _ in range(LEARNING):
        update_activations(magnitude, w, h)
        update_spectra(magnitude, w, h)
    return np.asarray(w / (w.sum(axis=0) + _TINY), np.float32)


def activations(magnitude: FloatArray, w: FloatArray) -> FloatArray:
    """Fit ``(spectra, frames)`` to ``(bins, frames)`` with the spectra ``w (bins, spectra)``."""
    h = np.repeat(magnitude.mean(axis=0, keepdims=True), w.shape[1], axis=0)
    for _ in range(FITTING):
        update_activations(magnitude, w, h)
    return h
