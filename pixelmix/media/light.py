"""Colours as a screen shows them, in the code values of high dynamic range video."""

import numpy as np

from pixelmix.types import FloatArray

PQ = 16
"""FFmpeg's number of the transfer function of SMPTE ST 2084."""
HLG = 18
"""FFmpeg's number of the transfer function of ARIB STD-B67."""

_WHITE_NITS = 203.0
"""Where white of a graphic belongs (ITU-R BT.2408)."""
_PQ_NITS = 10_000.0
_HLG_WHITE = 0.265
"""Scene light whose HLG signal is 75 %, the place of the same white."""
_TO_2020 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]], np.float32
)
"""BT.709 primaries in those of BT.2020 (ITU-R BT.2087)."""


def in_video_light(colours: FloatArray, transfer: int) -> FloatArray:
    """Turn sRGB colours (..., 3), 0 to 1, into the signal of a video with a transfer function.

    Only PQ and HLG differ: their full signal is blinding light. All others are taken as they are.
    """
    if transfer not in (PQ, HLG):
        return colours
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    light = np.clip(linear @ _TO_2020.T, 0.0, 1.0).astype(np.float32)
    if transfer == PQ:
        return _pq(light * np.float32(_WHITE_NITS / _PQ_NITS))
    return _hlg(light * np.float32(_HLG_WHITE))


def _pq(light: FloatArray) -> FloatArray:
    """Inverse electro-optical transfer function (ST 2084, equation 5.2)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = light**m1
    return np.asarray(((c1 + c2 * power) / (1 + c3 * power)) ** m2, np.float32)


def _hlg(light: FloatArray) -> FloatArray:
    """Opto-electronic transfer function (ARIB STD-B67; ITU-R BT.2100, table 5)."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    bright = a * np.log(np.maximum(12 * light - b, 1e-6)) + c
    return np.where(light <= 1 / 12, np.sqrt(3 * light), bright).astype(np.float32)
