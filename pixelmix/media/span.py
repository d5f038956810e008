"""A part of a file: which packets belong to it and at what time."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import av.error
from av.container import InputContainer

from pixelmix.media.containers import MOV, container_format
from pixelmix.media.keyframes import LOOK_BACK_SECONDS, key_time, picture_time
from pixelmix.media.opening import time_base_of, to_end
from pixelmix.media.probe import is_cover
from pixelmix.media.pyav import AnyPacket, Chapter
from pixelmix.types import MediaInfo

_OVERRUN = Fraction(2)
"""Seconds read past the end: streams of a file do not advance in step."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file, seconds on its container's clock."""

    start: float
    end: float | None = None
    """None: to the end."""


def cut_start(info: MediaInfo, target: Path, start: float) -> float:
    """Where a part that should begin at `start` can begin when the video is copied.

    MP4 and MOV hide what comes before by an edit list: there it is the picture shown at `start`.
    All others must begin with a key frame: the last one not after `start`.
    """
    find = picture_time if container_format(target) in MOV else key_time
    return float(find(info, start))


class Cutter:
    """Takes the packets of a span from a file and moves them to begin at zero."""

    def __init__(self, source: InputContainer, info: MediaInfo, span: Span) -> None:
        self._source = source
        self._video = source.streams[info.video.index]
        self._key = key_time(info, span.start)
        self._start = Fraction(span.start)
        self._end = None if span.end is None else Fraction(span.end)
        self._began: set[int] = set()
        self._covers = {stream.index for stream in source.streams.video if is_cover(stream)}

    def packets(self, indexes: list[int]) -> Iterator[AnyPacket]:
        """Packets of the span from the streams with these indexes, in the order of the file."""
        for packet in self._from_key(indexes):
            time = _time(packet)
            if time is None:
                continue
            if packet.stream_index in self._covers:
                yield packet
                continue
            if self._end is not None and time >= self._end + _OVERRUN:
                return
            if self._belongs(packet, time):
                yield self._moved(packet)

    def _from_key(self, indexes: list[int]) -> Iterator[AnyPacket]:
        """Yield packets from the span's first key frame on, or from before it."""
        tick = time_base_of(self._video)
        for back in LOOK_BACK_SECONDS:
            try:
                target = math.floor((self._key - Fraction(back)) / tick)
                self._source.seek(target, stream=self._video)
            except (av.error.FFmpegError, OSError):
                continue
            packets = to_end(self._source.demux(*indexes))
            head = self._up_to_key(packets)
            time = _time(head[-1]) if head else None
            if time is not None and time <= self._key:
                return chain(head, packets)
        # A file that cannot be sought in is read from where it stands.
        return to_end(self._source.demux(*indexes))

    def _up_to_key(self, packets: Iterator[AnyPacket]) -> list[AnyPacket]:
        """Read up to the first key frame of the video."""
        head: list[AnyPacket] = []
        for packet in packets:
            head.append(packet)
            if packet.stream_index == self._video.index and packet.is_keyframe:
                break
        return head

    def chapters(self) -> list[Chapter]:
        """Chapters of the span, cut to it."""
        cut: list[Chapter] = []
        for chapter in self._source.chapters():
            tick = chapter["time_base"] or Fraction(1, av.time_base)
            start = max(chapter["start"] * tick - self._start, Fraction(0))
            end = chapter["end"] * tick - self._start
            if self._end is not None:
                end = min(end, self._end - self._start)
            if end > start:
                cut.append({**chapter, "start": round(start / tick), "end": round(end / tick)})
        return cut

    def _belongs(self, packet: AnyPacket, time: Fraction) -> bool:
        """Whether a packet is wanted; video begins with the span's first key frame."""
        index = packet.stream_index
        if self._end is not None and time >= self._end:
            return False
        if self._source.streams[index].type == "video":
            if index not in self._began:
                shown = time if packet.pts is None else packet.pts * packet.time_base
                if not packet.is_keyframe or (index == self._video.index and shown < self._key):
                    return False
            self._began.add(index)
            return True
        length = (packet.duration or 0) * packet.time_base
        return time + length > self._start

    def _moved(self, packet: AnyPacket) -> AnyPacket:
        shift = round(self._start / packet.time_base)
        if packet.pts is not None:
            packet.pts -= shift
        if packet.dts is not None:
            packet.dts -= shift
        if packet.stream.type == "subtitle" and packet.pts is not None and packet.pts < 0:
            packet.duration = max(1, (packet.duration or 0) + packet.pts)
            packet.pts = packet.dts = 0
        return packet


def _time(packet: AnyPacket) -> Fraction | None:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return None if stamp is None else stamp * packet.time_base
