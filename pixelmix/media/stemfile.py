"""A stem as a file of its own: what all kinds of such files share."""

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from pixelmix.closing import Closing
from pixelmix.errors import UsageError
from pixelmix.media.opening import writing
from pixelmix.types import FloatArray

Bits = Literal["16", "24", "32f"]
"""Whole numbers of 16 or 24 bits, or 32-bit float."""
Kind = Literal["wav", "flac"]
Values = npt.NDArray[np.float32] | npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class StemFormat:
    """How stems are stored."""

    kind: Kind = "wav"
    bits: Bits = "32f"

    def __post_init__(self) -> None:
        if self.kind == "flac" and self.bits == "32f":
            raise UsageError("FLAC holds no floating point: choose --bits 16 or 24, or WAV")

    @property
    def whole_bits(self) -> int | None:
        """Bits of whole numbers; None for floating point."""
        return None if self.bits == "32f" else int(self.bits)


class StemWriter(Closing):
    """Takes blocks of sound and puts them into a file.

    Whole numbers are the nearest ones, without dither. What lies beyond full scale becomes full
    scale in them, and is counted.
    """

    def __init__(self, path: Path, channels: int, bits: int | None) -> None:
        self._path = path
        self._channels = channels
        self._bits = bits
        self.samples = 0
        """Samples written so far, per channel."""
        self.clipped = 0
        """Values beyond full scale so far, in all channels."""

    def write(self, samples: FloatArray) -> None:
        """Append samples (channels, samples).

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        if samples.shape[0] != self._channels:
            raise ValueError(f"{samples.shape[0]} channels for a file of {self._channels}")
        with writing(self._path):
            if self._bits is None:
                self._put(np.ascontiguousarray(samples.T, dtype="<f4"))
            elif samples.size:
                self._put(self._whole(samples, 2.0 ** (self._bits - 1)))
        self.samples += samples.shape[1]

    def _whole(self, samples: FloatArray, scale: float) -> Values:
        wanted = np.rint(samples.T * np.float64(scale))
        values = np.clip(wanted, -scale, scale - 1)
        self.clipped += int(np.count_nonzero(values != wanted))
        return np.ascontiguousarray(values, dtype="<i4")

    @abstractmethod
    def _put(self, values: Values) -> None:
        """Write ``(samples, channels)``, floats or whole numbers as the file's bits want them."""
