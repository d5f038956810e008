"""An audio track made anew: blocks of sound in, packets out as they are due."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from av.audio.stream import AudioStream
from av.container import OutputContainer

from pixelmix.media.codecs import AudioEncoding, new_audio_stream
from pixelmix.media.editlist import hide_priming
from pixelmix.media.encoder import AudioEncoder
from pixelmix.media.pyav import AnyPacket
from pixelmix.types import AudioTrack, FloatArray


class NewSound:
    """New sound in the place of an audio track (a `writer.Made`).

    Parameters
    ----------
    track
        Whose place it takes; blocks have its rate and channels.
    encoding, container
        How it is encoded, and FFmpeg's name of the muxer.
    start
        Time of the first sample in the output, seconds.
    blocks
        The sound (channels, samples), taken one by one.
    """

    def __init__(
        self,
        track: AudioTrack,
        encoding: AudioEncoding,
        container: str,
        start: Fraction,
        blocks: Iterator[FloatArray],
    ) -> None:
        self.clocks = (encoding.rate,)
        self._track = track
        self._encoding = encoding
        self._container = container
        self._start = start
        self._blocks = blocks
        self._encoder: AudioEncoder | None = None

    def add(self, output: OutputContainer) -> AudioStream:
        """Add the stream with its encoder."""
        stream = new_audio_stream(output, self._encoding)
        track = self._track
        self._encoder = AudioEncoder(
            stream, self._encoding, self._container, self._start, track.rate, track.layout
        )
        return stream

    def packets(self, until: Fraction | None) -> Iterator[AnyPacket]:
        """Encode blocks until the sound has reached `until` (None: all)."""
        if self._encoder is None:
            return
        while until is None or self._encoder.time <= until:
            block = next(self._blocks, None)
            if block is None:
                break
            yield from self._encoder.encode(block)
        if until is None:
            yield from self._encoder.finish()

    def settle(self, target: Path, number: int) -> None:
        """Hide the encoder's priming where only an edit list can."""
        if self._encoder is not None and self._encoder.unhidden:
            hide_priming(target, number, self._encoder.unhidden)
