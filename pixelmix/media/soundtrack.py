"""One audio track decoded packet by packet: pieces of sound, each with its place in time."""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

import av.error
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.codec.context import Flags2
from av.container import InputContainer

from pixelmix.errors import InputError
from pixelmix.media.opening import BAD_PACKET, only, open_input, reading, time_base_of, to_end
from pixelmix.media.pyav import AudioPacket, audio_codec_of
from pixelmix.media.samples import is_plain, to_float
from pixelmix.types import FloatArray, MediaInfo

_PREROLL = Fraction(1)
"""Seconds decoded before a late start and thrown away: codecs need past packets to be exact."""
_NEAR = Fraction(4)
"""Seconds: a start closer than this to the beginning is reached by decoding alone."""
_SAME_LENGTH = frozenset({"aac", "ac3", "dts", "eac3", "flac", "mp2", "mp3", "opus"})
"""Codecs whose packets all hold equally many samples, as a rule."""
_PACKETS_COMPARED = 6


@dataclass(frozen=True, slots=True)
class Piece:
    """What one packet decodes to, without priming."""

    position: int | None
    """Samples since the track's first one; None where the file does not tell."""
    samples: FloatArray
    """(channels, samples); none at all in a last piece that only says where the track ends."""
    stated: int | None
    """Samples the file says the packet lasts, where its clock is fine enough to tell."""


class SoundTrack:
    """An audio track being decoded: `pieces` at the track's first rate and layout.

    Priming is taken off here and not by FFmpeg, which rounds the time of what is left to ticks:
    the first sample after it defines position 0, and its time is `anchor`.
    """

    def __init__(self, info: MediaInfo) -> None:
        self.corrupt_packets = 0
        self._info = info
        self._rate = info.audio.rate
        self._container = open_input(info.path)
        try:
            self._stream = _open(self._container, info)
            self.tick = time_base_of(self._stream)
            with reading(info.path):
                self._first, self.anchor, self._skip = self._look_at_first_packet()
        except BaseException:
            self._container.close()
            raise
        self._grid = 0
        self._converter: AudioResampler | None = None
        self._converts: tuple[str, int, str] | None = None

    def close(self) -> None:
        """Close the file and let go of the packets."""
        self._first = None
        self._container.close()

    @property
    def stated_end(self) -> int | None:
        """Position at which MP4 and MOV say that the track ends."""
        start, duration = self._stream.start_time, self._stream.duration
        if start is None or not duration or not self._info.format.startswith("mov"):
            return None
        return self._position(start + duration, self.tick)

    def pieces(self, start: int) -> Iterator[Piece]:
        """Decode from a position at or before `start` on; a try around each packet."""
        pending, lost = 0, None
        for packet in self._packets(start):
            front, back = _skips(packet)
            pending = self._skip if packet is self._first else pending + front
            try:
                frames = packet.decode()
            except BAD_PACKET:
                if packet.size:
                    self.corrupt_packets += 1
                    lost = self._end_of(packet)
                    pending = max(0, pending - self._length_of(packet))
                continue
            for piece in self._converted(frames, packet):
                lost = None
                size = piece.samples.shape[1]
                drop = size if packet.is_discard else min(pending, size)
                pending -= min(pending, drop)
                if drop < size:
                    yield _without(piece, drop, back)
        yield from self._flushed()
        if lost is not None:
            yield Piece(lost, np.zeros((self._info.audio.channels, 0), np.float32), None)

    @property
    def _fine_clock(self) -> bool:
        """Whether the clock of the track can tell single samples apart."""
        return self.tick * self._rate <= 1

    def _look_at_first_packet(self) -> tuple[AudioPacket | None, Fraction, int]:
        """Read the first packet; with its priming it tells the time of the first sample."""
        start = self._stream.start_time
        stated = None if start is None else start * self.tick
        for packet in to_end(self._container.demux(self._stream)):
            if not packet.size:
                break
            skip, _ = _skips(packet)
            # Containers with a coarse clock store the time without priming, rounded: undo both.
            delay = math.floor(Fraction(skip, self._rate) / self.tick + Fraction(1, 2)) * self.tick
            first = stated if packet.pts is None else packet.pts * self.tick + delay
            if first is None:
                first = Fraction(0)
            if stated is not None and 2 * self.tick < stated - first < 1:
                # Ogg says so only by negative times.
                skip += round((stated - first) * self._rate)
                first = stated
            return packet, first, skip
        return None, stated or Fraction(0), 0

    def _packets(self, start: int) -> Iterator[AudioPacket]:
        if self._first is None:
            return
        if start <= _NEAR * self._rate or not self._seek(start):
            yield self._first
        else:
            self._skip = 0
        try:
            yield from to_end(self._container.demux(self._stream))
        except (av.error.InvalidDataError, av.error.EOFError):
            # A file cut short keeps what it has.
            self.corrupt_packets += 1

    def _seek(self, start: int) -> bool:
        """Go to a little before a position, if what comes then can be placed exactly."""
        if not self._can_land_exactly():
            return False
        time = self.anchor + Fraction(start, self._rate) - _PREROLL
        try:
            self._container.seek(int(time / self.tick), stream=self._stream)
        except (av.error.FFmpegError, OSError):
            return False
        return True

    def _can_land_exactly(self) -> bool:
        """Whether the position after a seek will be known to the sample.

        Milliseconds do not tell it, but together with packets of one length they do.
        """
        if self._fine_clock:
            return True
        if self._info.audio.codec in _SAME_LENGTH:
            sizes = self._first_sizes()
            self._grid = sizes.pop() if len(sizes) == 1 else 0
        return self._grid > 0

    def _first_sizes(self) -> set[int]:
        """Decode the first packets aside, for the numbers of samples in them."""
        sizes: set[int] = set()
        with open_input(self._info.path) as container:
            stream = _open(container, self._info)
            for packet in islice(to_end(container.demux(stream)), _PACKETS_COMPARED):
                try:
                    sizes |= {frame.samples for frame in packet.decode()}
                except BAD_PACKET:
                    return set()
        return sizes

    def _end_of(self, packet: AudioPacket) -> int | None:
        if packet.pts is None:
            return None
        return self._position(packet.pts + (packet.duration or 0), self.tick)

    def _length_of(self, packet: AudioPacket) -> int:
        return round((packet.duration or 0) * self.tick * self._rate)

    def _position(self, pts: int, tick: Fraction) -> int:
        position = round((Fraction(pts) * tick - self.anchor) * self._rate)
        if self._grid:
            # Packets begin at whole numbers of packets; the first one begins with the priming.
            nearest = round((position + self._priming) / self._grid) * self._grid - self._priming
            if abs(position - nearest) <= 2 * self.tick * self._rate:
                return nearest
        return position

    @property
    def _priming(self) -> int:
        return 0 if self._first is None else _skips(self._first)[0]

    def _converted(self, frames: list[AudioFrame], packet: AudioPacket) -> Iterator[Piece]:
        """Yield frames at the track's own rate and layout, whatever they were in mid-stream."""
        known = -self._skip if packet is self._first else None
        for frame in frames:
            tick = frame.time_base or self.tick
            position = None if frame.pts is None else self._position(frame.pts, tick)
            if known is not None:
                # By definition: the first sample after the priming is at 0.
                position, known = known, None
            if self._is_as_before(frame):
                yield from self._flushed()
                stated = round(frame.duration * tick * self._rate) if self._fine_clock else 0
                yield Piece(position, to_float(frame), stated or None)
            else:
                yield from self._resampled(frame, position)

    def _is_as_before(self, frame: AudioFrame) -> bool:
        same_rate = frame.sample_rate == self._rate
        return (
            same_rate and frame.layout.nb_channels == self._info.audio.channels and is_plain(frame)
        )

    def _resampled(self, frame: AudioFrame, position: int | None) -> Iterator[Piece]:
        shape = (frame.format.name, frame.sample_rate, frame.layout.name)
        if self._converter is None or self._converts != shape:
            yield from self._flushed()
            self._converter = AudioResampler("flt", self._info.audio.layout, self._rate)
            self._converts = shape
        for made in self._converter.resample(frame):
            yield Piece(position, to_float(made), None)
            position = None

    def _flushed(self) -> Iterator[Piece]:
        """Yield what a converter still holds, and let it go."""
        if self._converter is not None:
            converter, self._converter = self._converter, None
            for made in converter.resample(None):
                yield Piece(None, to_float(made), None)


def _open(container: InputContainer, info: MediaInfo) -> AudioStream:
    stream = container.streams[info.audio.index]
    if not isinstance(stream, AudioStream) or audio_codec_of(stream) is None:
        raise InputError(f"{info.path}: the audio track cannot be decoded by this FFmpeg build")
    stream.codec_context.flags2 |= Flags2.skip_manual
    stream.codec_context.thread_count = 1
    only(container, stream)
    return stream


def _skips(packet: AudioPacket) -> tuple[int, int]:
    """Return how many samples to drop from the front and the back of what a packet decodes to."""
    if not packet.size or not packet.has_sidedata("skip_samples"):
        return 0, 0
    front, back = struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples")))
    return front, back


def _without(piece: Piece, front: int, back: int) -> Piece:
    """Drop `front` samples from the start and `back` from the end."""
    end = max(front, piece.samples.shape[1] - back)
    position = None if piece.position is None else piece.position + front
    stated = None if piece.stated is None else max(0, piece.stated - front)
    return Piece(position, piece.samples[:, front:end], stated)
