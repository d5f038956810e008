"""New sound as packets: same first moment, same length, sample for sample.

Codecs with overlapping blocks begin with priming: samples that a decoder gives out before the
first real one. Containers differ in how they hide it, so the encoder does too:

- MP4 and MOV by an edit list. FFmpeg's muxer writes one for sound that starts at zero; a later
  start is finished by `editlist.hide_priming`.
- Matroska and WebM by a codec delay, with times in whole milliseconds.
- Ogg by the codec's own header.
- All others not at all: there the priming takes the place of the first samples, so that what
  follows keeps its time and the track its start.
"""

import math
import struct
from collections import deque
from fractions import Fraction
from functools import cache

import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import CodecContext

from pixelmix.media.codecs import AudioEncoding, set_up_codec
from pixelmix.media.containers import MATROSKA, MOV
from pixelmix.media.pyav import AnyPacket, skip_samples
from pixelmix.media.samples import interleaved
from pixelmix.types import FloatArray

_SLICE = 2048
"""Samples per packet for codecs that leave the size to us."""
_HELD = 3
"""Packets kept back so that the end can be trimmed once it is known."""
_MILLISECOND = Fraction(1, 1000)
_LONGEST_PRIMING = 1 << 15


class AudioEncoder:
    """Encodes blocks (channels, samples) into packets of one output stream.

    Parameters
    ----------
    stream
        The output stream; its codec is open and the container's header is written.
    encoding
        What the stream was set up with.
    container
        FFmpeg's name of the muxer.
    start
        Time of the first sample, seconds on the container's clock.
    rate, layout
        Of the blocks; the codec may run at another rate.
    """

    def __init__(
        self,
        stream: AudioStream,
        encoding: AudioEncoding,
        container: str,
        start: Fraction,
        rate: int,
        layout: str,
    ) -> None:
        self._stream = stream
        self._rate = rate
        self._layout = layout
        self._first = round(start * rate)
        self._matroska = container in MATROSKA
        self._priming = priming(encoding)
        self._tick = Fraction(1, encoding.rate)
        self.unhidden = self._priming if container in MOV and self._first > 0 else 0
        """Samples of priming that `editlist.hide_priming` has to hide, at the codec's rate."""
        hides = container in MOV or container in MATROSKA or container == "ogg"
        self._drop = 0 if hides else round(self._priming * self._tick * rate)
        self._held: deque[AnyPacket] = deque()
        self.samples = 0
        """Samples taken so far."""

    @property
    def time(self) -> Fraction:
        """Time after the last sample taken, seconds."""
        return Fraction(self._first + self.samples, self._rate)

    def encode(self, block: FloatArray) -> list[AnyPacket]:
        """Encode samples (channels, samples); packets come when the codec is ready."""
        dropped = min(self._drop, block.shape[1])
        self._drop -= dropped
        self.samples += dropped
        block = block[:, dropped:]
        step = block.shape[1] if self._stream.codec_context.frame_size else _SLICE
        for begin in range(0, block.shape[1], max(1, step)):
            part = block[:, begin : begin + step]
            frame = AudioFrame.from_ndarray(interleaved(part), "flt", self._layout)
            frame.sample_rate = self._rate
            frame.time_base = Fraction(1, self._rate)
            frame.pts = self._first + self.samples
            self.samples += part.shape[1]
            self._held.extend(self._stream.encode(frame))
        ready = len(self._held) - _HELD
        return [self._timed(self._held.popleft()) for _ in range(ready)]

    def finish(self) -> list[AnyPacket]:
        """Return the last packets; the very last ends where the sound does."""
        if self.samples:
            self._push_out()
            self._held.extend(self._stream.encode(None))
        kept: list[AnyPacket] = []
        reached = False
        for packet in self._held:
            if not reached:
                reached = self._trim(packet)
                kept.append(self._timed(packet))
        self._held.clear()
        return kept

    def _push_out(self) -> None:
        """Feed silence behind the end to codecs that do not give out what they hold back."""
        codec = self._stream.codec_context
        if self._priming and not codec.codec.delay:
            silence = np.zeros((codec.channels, self._priming), np.float32)
            frame = AudioFrame.from_ndarray(interleaved(silence), "flt", self._layout)
            frame.sample_rate = self._rate
            frame.time_base = Fraction(1, self._rate)
            frame.pts = self._first + self.samples
            self._held.extend(self._stream.encode(frame))

    def _trim(self, packet: AnyPacket) -> bool:
        """Shorten a packet that goes on after the last sample; True when it reaches that far.

        Some encoders end with packets of nothing but padding, with odd times.
        """
        if packet.pts is None:
            return False
        end = round(self.time / packet.time_base)
        over = packet.pts + (packet.duration or 0) - end
        if over <= 0:
            return over == 0
        if self._matroska:
            _set_discard(packet, round(over * packet.time_base / self._tick))
        packet.duration = end - packet.pts
        return True

    def _timed(self, packet: AnyPacket) -> AnyPacket:
        """Give a packet the time that its container wants to see."""
        if packet.pts is None:
            return packet
        if self._matroska:
            # The muxer adds the delay in rounded milliseconds and stores what comes out, and the
            # demuxer takes it off again: only so does the first sample keep its millisecond.
            delay = _milliseconds(self._priming * self._tick)
            begin = packet.pts * packet.time_base + self._priming * self._tick
            end = begin + (packet.duration or 0) * packet.time_base
            packet.time_base = _MILLISECOND
            packet.pts = packet.dts = _milliseconds(begin) - delay
            packet.duration = _milliseconds(end) - _milliseconds(begin)
        elif self.unhidden:
            shift = round(self.unhidden * self._tick / packet.time_base)
            packet.pts += shift
            packet.dts = packet.pts
        return packet


@cache
def priming(encoding: AudioEncoding) -> int:
    """Measure how many samples (at its rate) an encoder puts before the first real one."""
    codec = CodecContext.create(encoding.encoder, "w")
    if not isinstance(codec, AudioCodecContext):
        raise TypeError(f"{encoding.encoder} is not an audio encoder")
    set_up_codec(codec, encoding)
    codec.open()
    size = codec.frame_size or _SLICE
    zeros = np.zeros((codec.channels, size), np.float32)
    silence = AudioFrame.from_ndarray(interleaved(zeros), "flt", encoding.layout)
    silence.sample_rate = encoding.rate
    silence.time_base = Fraction(1, encoding.rate)
    for begin in range(0, _LONGEST_PRIMING, size):
        silence.pts = begin
        for packet in codec.encode(silence):
            return 0 if packet.pts is None else max(0, -packet.pts)
    return 0


def _milliseconds(time: Fraction) -> int:
    """Whole milliseconds, halves away from zero as FFmpeg rounds."""
    rounded = math.floor(abs(time) / _MILLISECOND + Fraction(1, 2))
    return rounded if time >= 0 else -rounded


def _set_discard(packet: AnyPacket, padding: int) -> None:
    """Mark samples at a packet's end as padding (AV_PKT_DATA_SKIP_SAMPLES in packet.h)."""
    front = 0
    if packet.has_sidedata("skip_samples"):
        front, before = struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples")))
        padding += before
    packet.set_sidedata(skip_samples(struct.pack("<IIBB", front, padding, 0, 0)), move=True)
