"""Networks that know the tiny dataset: its kinds by their colours and by their pitches."""

from dataclasses import dataclass, field

import numpy as np

from pixelmix.dsp.warp import warp_matrix
from pixelmix.model.device import Device
from pixelmix.model.schema import Bundle
from pixelmix.types import FloatArray
from tests.data.tiny_dataset import KINDS


@dataclass(frozen=True)
class Knowing:
    """In the place of `Networks`, with one component for each kind; ``k`` is their number."""

    bundle: Bundle
    device: Device = field(default_factory=lambda: Device("cpu", ""))

    def features(self, images: FloatArray) -> FloatArray:
        """One where a cell shows the colour of the kind, otherwise zero."""
        vision, stride = self.bundle.vision, self.bundle.vision.stride
        rows, cols = (size // stride for size in images.shape[2:])
        cells = images[:, :, : rows * stride, : cols * stride]
        cells = cells.reshape(len(images), 3, rows, stride, cols, stride).mean(axis=(3, 5))
        mean, std = (np.array(v)[:, None, None] for v in (vision.mean, vision.std))
        rgb = 255 * (cells * std + mean)
        return np.stack(
            [(np.abs(rgb - _colour(i)).max(axis=1) < 8) for i in range(len(KINDS))], axis=1
        ).astype(np.float32)

    def components(self, log_magnitude: FloatArray) -> FloatArray:
        """Positive in the rows of the kind's fundamental, negative elsewhere."""
        fe = self.bundle.front_end
        centres = warp_matrix(fe) @ (np.arange(fe.bins) * fe.rate / fe.n_fft)
        hertz = 150.0 * 2.0 ** np.arange(len(KINDS))[:, None]
        near = np.abs(np.log2(np.maximum(centres, 1.0) / hertz)) < 0.4
        signs = np.where(near, 10.0, -10.0)[None, :, :, None]
        return np.repeat(signs, log_magnitude.shape[-1], axis=3).astype(np.float32)

    def masks(self, features: FloatArray, components: FloatArray) -> FloatArray:
        """What is neither seen nor heard gets next to nothing."""
        logits = np.einsum("rk,bkft->brft", features, components) - 4.0
        return (1 / (1 + np.exp(-logits))).astype(np.float32)


def _colour(i: int) -> FloatArray:
    colour = [50 + 50 * ((i >> bit) & 1) + 40 * i for bit in (2, 1, 0)]
    return np.array(colour, np.float32)[:, None, None]
