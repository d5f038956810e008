"""Decoded audio frames as float32 arrays."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout

from pixelmix.types import FloatArray

_Convert = Callable[[npt.NDArray[np.generic]], FloatArray]


def _scaled(bits: int) -> _Convert:
    scale = np.float32(2.0 ** (1 - bits))
    return lambda raw: raw.astype(np.float32) * scale


_CONVERT: dict[str, _Convert] = {
    "u8": lambda raw: (raw.astype(np.float32) - np.float32(128)) / np.float32(128),
    "s16": _scaled(16),
    "s32": _scaled(32),
    "flt": lambda raw: raw.astype(np.float32),
    "dbl": lambda raw: raw.astype(np.float32),
}

_LAYOUTS = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


LOUDEST = 2.0**20
"""Greatest sample that is believed, 120 dB above full scale: files may count as integers do."""

_PLANES = 8
"""PyAV 18 takes what lies behind the eighth plane of a frame for more planes."""


def layout_name(layout: AudioLayout) -> str:
    """FFmpeg's name of a layout; one that only states its number of channels gets the usual name.

    WAV and AVI files often carry a bare number; encoders and filters need a named layout.
    """
    bare = layout.name.endswith("channels") or not layout.name
    return _LAYOUTS.get(layout.nb_channels, layout.name) if bare else layout.name


def is_plain(frame: AudioFrame) -> bool:
    """Whether `to_float` takes a frame as it is; any other must be made interleaved float."""
    safe = not frame.format.is_planar or frame.layout.nb_channels < _PLANES
    return safe and frame.format.packed.name in _CONVERT


def interleaved(samples: FloatArray) -> FloatArray:
    """Return samples (channels, samples) in the order of a packed frame: (1, all)."""
    return np.ascontiguousarray(samples.T, dtype=np.float32).reshape(1, -1)


def hush(samples: FloatArray) -> int:
    """Put silence in the place of values that are no numbers or absurd; return how many."""
    bad = ~(np.abs(samples) <= LOUDEST)
    samples[bad] = 0.0
    return int(np.count_nonzero(bad))


def to_float(frame: AudioFrame) -> FloatArray:
    """Return samples (channels, samples) of a frame that `is_plain`, full scale 1.0."""
    raw: npt.NDArray[np.generic] = frame.to_ndarray()
    with np.errstate(over="ignore", invalid="ignore"):
        samples = _CONVERT[frame.format.packed.name](raw)
    if frame.format.is_packed:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    return samples
