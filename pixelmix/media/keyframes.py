"""Key frames: where they are, found by their packets, and pictures from them alone."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

import av.error
from av.codec.context import ThreadType
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pixelmix.errors import InputError
from pixelmix.media.opening import BAD_PACKET, only, open_input, reading, time_base_of, to_end
from pixelmix.media.pyav import VideoPacket
from pixelmix.types import MediaInfo

LOOK_BACK_SECONDS = (0.0, 1.0, 4.0, 16.0, 64.0)
"""How far before a target a key frame is looked for, until one is found."""

_INDEXED = ("mov", "matroska", "avi")
"""Demuxers whose seeks land on the nearest preceding key frame by an index."""
_ROUNDING = Fraction(1, 100_000)
_READ_ON_SECONDS = Fraction(30)
"""Where there is no index, a target this near is reached by reading on instead of seeking."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key frame: where decoding can begin."""

    time: Fraction
    """Seconds on the container's clock."""
    packet: VideoPacket


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded picture."""

    time: Fraction
    """Seconds on the container's clock."""
    frame: VideoFrame


_LIGHT = {"advanced_editlist": "0"}
"""MOV demuxer without the second index that it builds for edit lists of several parts: 7 MB
instead of 17 for an hour. Plain edit lists are followed all the same."""


def _open_light(info: MediaInfo) -> InputContainer:
    """Open a file with the smaller index where it puts the video at the same times."""
    if not info.format.startswith("mov"):
        return open_input(info.path)
    container = open_input(info.path, _LIGHT)
    stream = container.streams[info.video.index]
    tick = time_base_of(stream)
    start = float((stream.start_time or 0) * tick)
    duration = None if stream.duration is None else float(stream.duration * tick)
    if (start, duration) == (info.video.start, info.video.duration):
        return container
    container.close()
    return open_input(info.path)


class Track:
    """The video stream of a file, opened for one purpose."""

    def __init__(
        self, info: MediaInfo, threads: int, thread_type: ThreadType, *, light: bool = False
    ) -> None:
        self.container = _open_light(info) if light else open_input(info.path)
        stream = self.container.streams[info.video.index]
        if not isinstance(stream, VideoStream):
            self.container.close()
            raise InputError(f"{info.path}: the file changed while it was read; try again")
        stream.codec_context.thread_count = threads
        stream.codec_context.thread_type = thread_type
        only(self.container, stream)
        self.stream = stream
        self.tick = time_base_of(stream)
        self.damaged_packets = 0
        """Packets that `pictures` could not decode."""

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def seek(self, time: Fraction) -> bool:
        """Go to a key frame at or before `time` if the file lets us."""
        try:
            self.container.seek(math.floor(time / self.tick), stream=self.stream)
        except (av.error.FFmpegError, OSError):
            return False
        return True

    def packets(self) -> Iterator[VideoPacket]:
        """Yield packets from here on, as far as the file can be read."""
        try:
            yield from to_end(self.container.demux(self.stream))
        except (av.error.InvalidDataError, av.error.EOFError):
            return

    def packets_from(self, time: Fraction | None) -> Iterator[VideoPacket] | None:
        """Packets from a key frame at or before `time` on; None when the file cannot be sought in.

        `time` is that of a key frame; None for the very start. Seeks in files without an index
        land anywhere near; what follows has to be looked at.
        """
        start = (self.stream.start_time or 0) * self.tick
        if time is None:
            return self.packets() if self.seek(start) else None
        for back in LOOK_BACK_SECONDS:
            if not self.seek(time - Fraction(back)):
                continue
            packets = self.packets()
            for packet in packets:
                stamp = stamp_of(packet)
                if packet.is_keyframe and stamp is not None:
                    if stamp * self.tick <= time:
                        return chain([packet], packets)
                    break
        return self.packets() if self.seek(start) else None

    def pictures(self, packets: Iterable[VideoPacket]) -> Iterator[Decoded]:
        """Decode pictures in order of presentation; one that cannot be decoded is left out."""
        step = Fraction(1) / (self.stream.average_rate or 25)
        previous: Fraction | None = None
        for packet in packets:
            try:
                frames = packet.decode()
            except BAD_PACKET:
                self.damaged_packets += 1
                continue
            for frame in frames:
                stamp = frame.pts if frame.pts is not None else frame.dts
                if stamp is not None:
                    at = stamp * (frame.time_base or self.tick)
                else:
                    at = Fraction(0) if previous is None else previous + step
                previous = at
                yield Decoded(at, frame)


class Scout(Track):
    """Finds key frames by their packets, without decoding, and decodes single ones."""

    def __init__(self, info: MediaInfo, threads: int) -> None:
        super().__init__(info, threads, ThreadType.SLICE, light=True)
        self._indexed = info.format.startswith(_INDEXED)
        self._seekable = True
        self._key: Key | None = None
        self._until = Fraction(0)
        self._rest: Iterator[VideoPacket] = iter(())

    def key_before(self, time: Fraction) -> Key | None:
        """Return the last key frame at or before `time`, or the first one when none is.

        None when the file cannot be sought in, or has no key frame at all.
        """
        if not self._seekable:
            return None
        known = self._key
        if known is None or not known.time <= time <= self._until:
            if known is not None and self._reads_on(time):
                self._key = self._scan(time, self._rest, known)
            else:
                self._key = self._search(time)
            self._until = time
        return self._key

    def _reads_on(self, time: Fraction) -> bool:
        return not self._indexed and self._until <= time <= self._until + _READ_ON_SECONDS

    def _search(self, time: Fraction) -> Key | None:
        for back in LOOK_BACK_SECONDS:
            if self.seek(time - Fraction(back)):
                key = self._scan(time, self.packets())
                if key is not None and key.time <= time:
                    return key
        start = (self.stream.start_time or 0) * self.tick
        if not self.seek(start):
            self._seekable = False
            return None
        return self._scan(time, self.packets())

    def _scan(
        self, time: Fraction, packets: Iterable[VideoPacket], found: Key | None = None
    ) -> Key | None:
        """Read on to the last key frame that is not after `time`."""
        reading_on = iter(packets)
        for packet in reading_on:
            stamp = stamp_of(packet)
            if not packet.size or stamp is None:
                continue
            at = stamp * self.tick
            if packet.is_keyframe and (found is None or at <= time):
                found = Key(at, packet)
                if self._indexed:
                    return found
            if at > time:
                self._rest = chain([packet], reading_on)
                return found
        self._rest = iter(())
        return found

    def shown_at(self, time: Fraction) -> Key | None:
        """Return time and packet of the picture shown at `time`, without decoding."""
        shown = self.key_before(time)
        if shown is None or not self.seek(shown.time):
            return shown
        for packet in self.packets():
            stamp = stamp_of(packet)
            if not packet.size or stamp is None:
                continue
            at = stamp * self.tick
            if shown.time < at <= time:
                shown = Key(at, packet)
            if packet.dts is not None and packet.dts * self.tick > time:
                break
        return shown

    def decode_alone(self, key: Key) -> VideoFrame | None:
        """Decode a key frame by itself; None when it does not stand alone."""
        codec = self.stream.codec_context
        try:
            frames = codec.decode(key.packet) + codec.decode(None)
        except BAD_PACKET:
            frames = []
        codec.flush_buffers()
        return frames[0] if frames else None

    def close(self) -> None:
        """Close the file and let go of the packets."""
        self._key = None
        self._rest = iter(())
        super().close()


def key_time(info: MediaInfo, time: float) -> Fraction:
    """Time of the last key frame not after `time`, or of the first; seconds on the clock."""
    return _with_scout(info, lambda scout: scout.key_before(_nudged(time)))


def picture_time(info: MediaInfo, time: float) -> Fraction:
    """Time of the picture that a player shows at `time`, or of the first; seconds on the clock."""
    return _with_scout(info, lambda scout: scout.shown_at(_nudged(time)))


def _with_scout(info: MediaInfo, find: Callable[[Scout], Key | None]) -> Fraction:
    scout = Scout(info, threads=1)
    try:
        with reading(info.path):
            found = find(scout)
    finally:
        scout.close()
    return Fraction(info.video.start) if found is None else found.time


def _nudged(time: float) -> Fraction:
    """Return a time that has not fallen before a tick by becoming a float."""
    return Fraction(time) + _ROUNDING


def stamp_of(packet: VideoPacket) -> int | None:
    """Return a packet's time of presentation, or that of decoding where it has no other."""
    return packet.pts if packet.pts is not None else packet.dts
