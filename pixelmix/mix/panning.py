"""Masks that agree with the stereo image: a player stays where the sound puts him.

Two players who sit in different places in the picture often do in the stereo image too, and there
a cell of the spectrogram shows by its level in each channel whose it is. Nobody says where in the
image a region is: its mask does, as the mean of what it lets through. So masks need not be good to
be made better, only right more often than not. In the terms of Rickard and Yilmaz ("On the
approximate W-disjoint orthogonality of speech", ICASSP 2002) and of Mandel, Weiss and Ellis
("Model-based expectation-maximization source separation and localization", 2010): a mixture of
Gaussians over the interchannel level difference, whose prior is the mask (measured in
docs/sound.md).
"""

import numpy as np

from pixelmix.mix.blend import with_rest
from pixelmix.types import FloatArray

_ROUNDS = 3
_FLOOR = np.float32(0.1)
"""Added to each channel's part of the mean of all: differences beyond 20 dB are all alike, and a
channel in which nothing sounds says nothing."""
_LEAST = np.float32(0.05)
"""Least deviation of levels around their region's, nepers: 0.4 dB, what coding alone brings."""
_TINY = np.float32(1e-6)
_SILENCE = 1e-15


def panned(shares: FloatArray, channels: FloatArray) -> FloatArray:
    """Return the shares ``(regions, rows, frames)`` that agree with the levels in all channels.

    ``shares`` are masks that compete, with a sum of at most one; the result is such, too.
    ``channels (channels, rows, frames)`` are the magnitudes of the window in each; with one alone
    the shares stay as they are.
    """
    mean = channels.mean(axis=0)
    loudness = mean.mean()
    if len(channels) < 2 or loudness < _SILENCE:
        return shares
    place = np.log(channels / (mean + _TINY * loudness) + _FLOOR)
    place -= place.mean(axis=0)
    place = place.reshape(len(channels), -1)
    prior = with_rest(shares).reshape(len(shares) + 1, -1)
    divided = prior
    for _ in range(_ROUNDS):
        # Where mask and place agree on a region, there it is.
        sure = prior * divided * mean.ravel()
        total = sure.sum(axis=1, keepdims=True) + _TINY * loudness
        centres = sure @ place.T / total
        distance = np.stack([np.square(place - centre[:, None]).sum(axis=0) for centre in centres])
        # One deviation for all: a region that is everywhere must not be likely everywhere.
        variance = (sure * distance).sum() / total.sum() + _LEAST**2
        distance -= distance.min(axis=0)
        divided = prior * np.exp(distance * (-0.5 / variance))
        divided /= divided.sum(axis=0) + _TINY
    return divided[:-1].reshape(shares.shape)
