"""Pictures as the vision network takes them."""

import numpy as np

from pixelmix.types import ByteArray, FloatArray, Vision


def network_input(rgb: ByteArray, vision: Vision) -> FloatArray:
    """Return ``(1, 3, height, width)``, normalised, from ``(height, width, 3)`` in 0..255."""
    mean = np.asarray(vision.mean, dtype=np.float32)
    std = np.asarray(vision.std, dtype=np.float32)
    scaled = rgb * (1 / (255 * std)) - mean / std
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], dtype=np.float32)
