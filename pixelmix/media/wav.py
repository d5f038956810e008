"""Stems out: WAV files, written as the sound arrives."""

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pixelmix.media.opening import writing
from pixelmix.media.stemfile import StemWriter, Values

_INTEGER, _FLOAT = 1, 3
_EXTENSIBLE = 0xFFFE
_GUID_END = struct.pack("<HH", 0, 0x10) + bytes.fromhex("800000aa00389b71")
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


class WavWriter(StemWriter):
    """A WAV file; it becomes RF64 (EBU Tech 3306) when it outgrows 4 GiB.

    Parameters
    ----------
    path
        The file to write; an existing one is replaced.
    rate, channels
        Of the samples, Hz and count.
    layout
        FFmpeg's name of the channel layout, for the speaker mask.
    bits
        16 or 24 bits of whole numbers; None for 32-bit float.

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
        bits: int | None = None,
        *,
        largest_riff: int = _LARGEST_RIFF,
    ) -> None:
        super().__init__(path, channels, bits)
        self._rate = rate
        self._tag = _FLOAT if bits is None else _INTEGER
        self._bytes = (bits or 32) // 8
        self._mask = _SPEAKERS.get(layout, 0)
        self._largest_riff = largest_riff
        with writing(path):
            self._file: BinaryIO = path.open("wb")
            self._file.write(self._header())

    def _put(self, values: Values) -> None:
        # Little-endian values of four bytes, of which the low ones hold all.
        whole = values.view(np.uint8).reshape(*values.shape, 4)
        self._file.write(np.ascontiguousarray(whole[..., : self._bytes]).data)

    def close(self) -> None:
        """Write the sizes into the header and close the file."""
        if self._file.closed:
            return
        with writing(self._path), self._file as file:
            file.write(bytes(self._data % 2))
            file.seek(0)
            file.write(self._header())

    @property
    def _data(self) -> int:
        return self.samples * self._channels * self._bytes

    def _header(self) -> bytes:
        """Everything before the samples; always equally long, so that it can be written again."""
        data = self._data
        chunks = self._format_chunk() + struct.pack(
            "<4sII", b"fact", 4, min(self.samples, 2**32 - 1)
        )
        riff = 4 + 8 + _DS64_BYTES + len(chunks) + 8 + data + data % 2
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
        frame = self._channels * self._bytes
        extensible = self._channels > 2
        body = struct.pack(
            "<HHIIHH",
            _EXTENSIBLE if extensible else self._tag,
            self._channels,
            self._rate,
            self._rate * frame,
            frame,
            8 * self._bytes,
        )
        if extensible:
            body += struct.pack("<HHII", 22, 8 * self._bytes, self._mask, self._tag) + _GUID_END
        else:
            body += struct.pack("<H", 0)
        return struct.pack("<4sI", b"fmt ", len(body)) + body
