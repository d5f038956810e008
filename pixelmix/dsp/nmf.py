"""Non-negative matrix factorisation ``V = W H`` under the generalised Kullback-Leibler divergence.

Multiplicative updates of Lee and Seung ("Algorithms for Non-negative Matrix Factorization", NIPS
2001, theorem 2): none raises the divergence. Spectra are ``w (rows, parts)``, their activations
``h (parts, frames)``, and both are changed in place.
"""

import numpy as np

from pixelmix.types import FloatArray

_TINY = np.float32(1e-8)


def update_activations(v: FloatArray, w: FloatArray, h: FloatArray) -> None:
    """Fit the activations better to ``v (rows, frames)``."""
    h *= w.T @ unexplained(v, w, h) / (w.sum(axis=0)[:, None] + _TINY)


def update_spectra(v: FloatArray, w: FloatArray, h: FloatArray) -> None:
    """Fit the spectra better to ``v (rows, frames)``."""
    w *= unexplained(v, w, h) @ h.T / (h.sum(axis=1) + _TINY)


def unexplained(v: FloatArray, w: FloatArray, h: FloatArray) -> FloatArray:
    """Return ``V / W H``: one where the factors explain ``v``."""
    modelled: FloatArray = w @ h
    modelled += _TINY
    return np.divide(v, modelled, out=modelled)
