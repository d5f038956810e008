"""How alike two places sound, from samples of the sound itself."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pixelmix.discovery.scene import Scene
from pixelmix.types import FloatArray

Float64Array = npt.NDArray[np.float64]


class SoundMetric:
    """Correlations of the masks that vectors would make, without making them.

    A mask's logit is ``sum_k i_k s_k`` plus a constant (paper section 3.1; learnt scales are near
    one). Over the samples of all scenes the covariance of two vectors' logits is then ``a^T C b``
    with the covariance ``C (k, k)`` of the components.
    """

    def __init__(self, scenes: Sequence[Scene]) -> None:
        k = len(scenes[0].sample)
        weight, mean, square = 0.0, np.zeros(k), np.zeros((k, k))
        for scene in scenes:
            points = scene.sample.astype(np.float64)
            weight += scene.total
            mean += scene.total * points.mean(axis=1)
            square += scene.total * (points @ points.T) / points.shape[1]
        mean /= weight
        values, axes = np.linalg.eigh(square / weight - np.outer(mean, mean))
        self._axes = axes * np.sqrt(np.maximum(values, 0.0))

    def coordinates(self, vectors: FloatArray | Float64Array) -> Float64Array:
        """Return ``(n, k)`` whose scalar products are the covariances of the vectors' logits."""
        turned: Float64Array = vectors @ self._axes
        return turned


def correlations(one: Float64Array, other: Float64Array) -> Float64Array:
    """Return ``(n, m)``: the correlation of masks' logits, from coordinates ``(n | m, k)``."""
    lengths = np.linalg.norm(one, axis=1)[:, None] * np.linalg.norm(other, axis=1)[None]
    cosines: Float64Array = one @ other.T / np.maximum(lengths, 1e-12)
    return cosines
