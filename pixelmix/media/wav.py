"""Stems out: 32-bit float WAV files, written as the sound arrives."""

import struct
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from pixelmix.errors import OutputError
from pixelmix.media.opening import why_unwritable
from pixelmix.types import FloatArray

_FLOAT = 3
_EXTENSIBLE = 0xFFFE
_FLOAT_GUID = struct.pack("<IHH", _FLOAT, 0, 0x10) + bytes.fromhex("800000aa00389b71")
_BYTES = 4
_LARGEST_RIFF = 0xFFFFFFFF
_DS64_BYTES = 28
_SPEAKERS = {
    "mono": 0x4,
    "stereo": 0x3,
    "2.1": 0xB,
    "3.0": 0x7,
    "quad": 0x33,
    "4.0": 0x107,
    "5.0": 0x37,
    "5.0(side)": 0x607,
    "5.1": 0x3F,
    "5.1(side)": 0x60F,
    "6.1": 0x70F,
    "7.1": 0x63F,
}
"""Speaker masks of `WAVEFORMATEXTENSIBLE`; 0 (no meaning given) for any other layout."""


class WavWriter:
    """A 32-bit float WAV file; it becomes RF64 (EBU Tech 3306) when it outgrows 4 GiB.

    Parameters
    ----------
    path
        The file to write; an existing one is replaced.
    rate, channels
        Of the samples, Hz and count.
    layout
        FFmpeg's name of the channel layout, for the speaker mask.

    Raises
    ------
    OutputError
        The file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        rate: int,
        channels: int,
        layout: str = "",
        *,
        largest_riff: int = _LARGEST_RIFF,
    ) -> None:
        self._path = path
        self._rate = rate
        self._channels = channels
        self._mask = _SPEAKERS.get(layout, 0)
        self._largest_riff = largest_riff
        self.samples = 0
        """Samples written so far, per channel."""
        try:
            self._file: BinaryIO = path.open("wb")
            self._file.write(self._header())
        except OSError as error:
            raise OutputError(why_unwritable(path, error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._file.close()

    def write(self, samples: FloatArray) -> None:
        """Append samples (channels, samples)."""
        if samples.shape[0] != self._channels:
            raise ValueError(f"{samples.shape[0]} channels for a file of {self._channels}")
        interleaved = np.ascontiguousarray(samples.T, dtype="<f4")
        try:
            self._file.write(interleaved.data)
        except OSError as error:
            raise OutputError(why_unwritable(self._path, error)) from error
        self.samples += samples.shape[1]

    def close(self) -> None:
        """Write the sizes into the header and close the file."""
        if self._file.closed:
            return
        try:
            with self._file as file:
                file.seek(0)
                file.write(self._header())
        except OSError as error:
            raise OutputError(why_unwritable(self._path, error)) from error

    def _header(self) -> bytes:
        """Everything before the samples; always equally long, so that it can be written again."""
        data = self.samples * self._channels * _BYTES
        chunks = self._format_chunk() + struct.pack(
            "<4sII", b"fact", 4, min(self.samples, 2**32 - 1)
        )
        riff = 4 + 8 + _DS64_BYTES + len(chunks) + 8 + data
        if riff <= self._largest_riff:
            # A JUNK chunk keeps the place of the 64-bit sizes.
            head = struct.pack("<4sI4s4sI", b"RIFF", riff, b"WAVE", b"JUNK", _DS64_BYTES)
            sizes = bytes(_DS64_BYTES)
            size = data
        else:
            head = struct.pack("<4sI4s4sI", b"RF64", 2**32 - 1, b"WAVE", b"ds64", _DS64_BYTES)
            sizes = struct.pack("<QQQI", riff, data, self.samples, 0)
            size = 2**32 - 1
        return head + sizes + chunks + struct.pack("<4sI", b"data", size)

    def _format_chunk(self) -> bytes:
        frame = self._channels * _BYTES
        extensible = self._channels > 2
        body = struct.pack(
            "<HHIIHH",
            _EXTENSIBLE if extensible else _FLOAT,
            self._channels,
            self._rate,
            self._rate * frame,
            frame,
            8 * _BYTES,
        )
        if extensible:
            body += struct.pack("<HHI", 22, 8 * _BYTES, self._mask) + _FLOAT_GUID
        else:
            body += struct.pack("<H", 0)
        return struct.pack("<4sI", b"fmt ", len(body)) + body
