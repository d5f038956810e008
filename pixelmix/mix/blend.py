"""Joining the masks of overlapping windows into one mask for the whole sound."""

import numpy as np

from pixelmix.types import FloatArray, FrontEnd

SHARPNESS = 1.5
"""Exponent of masks that compete: above one the likelier region takes more than its share."""
REST_MASK = 0.2
"""The mask that ``rest`` competes with when there are several regions."""


class MaskBlender:
    """Cross-fades the masks of windows that follow each other at ``fe.hop_frames``.

    Every frame is the weighted mean of all windows that contain it. The weights are a Hann shape
    over the window: least at its edges, where the padding of the STFT shows. As a convex
    combination the result stays between the masks that it joins; where one window stands alone
    (at both ends) its mask is taken as it is.
    """

    def __init__(self, fe: FrontEnd, regions: int) -> None:
        self._shape = (regions, fe.rows, fe.frames)
        self._hop = fe.hop_frames
        position = (np.arange(fe.frames) + 0.5) / fe.frames
        self._fade = (np.sin(np.pi * position) ** 2).astype(np.float32)
        self._sum: FloatArray = np.zeros(self._shape, dtype=np.float32)
        self._weight: FloatArray = np.zeros(fe.frames, dtype=np.float32)
        self._pushed = False

    def push(self, masks: FloatArray) -> FloatArray:
        """Take the next window's ``(regions, rows, frames)`` masks, values in 0..1.

        Returns the mask frames ``(regions, rows, hop_frames)`` that no later window can change,
        starting at frame 0 of the sound.
        """
        if masks.shape != self._shape:
            raise ValueError(f"masks are {masks.shape}, expected {self._shape}")
        self._sum += masks * self._fade
        self._weight += self._fade
        self._pushed = True
        done = self._mean(self._hop)
        for held in (self._sum, self._weight):
            held[..., : -self._hop] = held[..., self._hop :].copy()
            held[..., -self._hop :] = 0.0
        return done

    def finish(self) -> FloatArray:
        """Return the remaining frames ``(regions, rows, frames - hop_frames)``, if any."""
        return self._mean(self._shape[-1] - self._hop if self._pushed else 0)

    def _mean(self, frames: int) -> FloatArray:
        mean: FloatArray = self._sum[..., :frames] / self._weight[:frames]
        # Rounding may pass one by one unit in the last place.
        return np.minimum(mean, np.float32(1.0), out=mean)


def compete(masks: FloatArray) -> FloatArray:
    """Let regions ``(regions, ...)`` compete for the sound; what none claims is left to ``rest``.

    A single region keeps its mask as it is. Several divide the sound between them in proportion
    to ``mask ** SHARPNESS``, with ``rest`` as one more competitor of constant strength: a model
    that is unsure says little for either of two players, yet which of them it says more for is
    worth knowing (measured in docs/model.md). The result lies in 0..1 and its sum is at most one.
    """
    if len(masks) == 1:
        return masks
    strength = masks**SHARPNESS
    total = strength.sum(axis=0, keepdims=True) + np.float32(REST_MASK**SHARPNESS)
    return np.asarray(strength / total, dtype=np.float32)


def with_rest(shares: FloatArray) -> FloatArray:
    """Return shares ``(regions, ...)`` that compete with those of ``rest`` behind them."""
    rest = 1 - np.minimum(shares.sum(axis=0, keepdims=True), 1)
    return np.concatenate([shares, rest])
