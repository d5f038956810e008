"""Stems out: FLAC files, encoded by FFmpeg as the sound arrives."""

from fractions import Fraction
from pathlib import Path

import av.error
import numpy as np
from av.audio.frame import AudioFrame

from pixelmix.errors import UsageError
from pixelmix.media.codecs import AudioEncoding, new_audio_stream
from pixelmix.media.opening import open_output, writing
from pixelmix.media.stemfile import StemWriter, Values

_STORED = {16: ("s16", np.int16, 0), 24: ("s32", np.int32, 8)}
"""FFmpeg's format by bits, and how far up it wants them."""


class FlacWriter(StemWriter):
    """A FLAC file of 16 or 24 bits.

    Parameters
    ----------
    path
        The file to write; an existing one is replaced.
    rate, channels
        Of the samples, Hz and count.
    layout
        FFmpeg's name of the channel layout.
    bits
        16 or 24.

    Raises
    ------
    OutputError
        The file cannot be written.
    UsageError
        FLAC cannot hold such sound.
    """

    def __init__(self, path: Path, rate: int, channels: int, layout: str, bits: int) -> None:
        super().__init__(path, channels, bits)
        self._rate, self._layout = rate, layout
        self._format, self._type, self._shift = _STORED[bits]
        self._closed = False
        with writing(path):
            self._output = open_output(path, "flac", {})
        encoding = AudioEncoding("flac", "flac", None, self._format, rate, layout)
        self._stream = new_audio_stream(self._output, encoding)
        try:
            self._stream.codec_context.open()
        except (av.error.FFmpegError, ValueError) as error:
            raise UsageError(
                f"FLAC cannot hold {channels} channels ({layout}) at {rate} Hz; choose WAV"
            ) from error

    def _put(self, values: Values) -> None:
        stored = (values.astype(np.int32) << self._shift).astype(self._type)
        frame = AudioFrame.from_ndarray(stored.reshape(1, -1), self._format, self._layout)
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self.samples
        self._output.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Write what the encoder holds back, and close the file."""
        if self._closed:
            return
        self._closed = True
        with writing(self._path), self._output:
            self._output.mux(self._stream.encode(None))
