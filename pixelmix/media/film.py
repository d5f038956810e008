"""The whole film: every picture of a file or a part of it, in order, each at its time."""

from collections.abc import Iterator
from fractions import Fraction

from av.codec.context import ThreadType
from av.video.frame import VideoFrame

from pixelmix.closing import Closing
from pixelmix.errors import InputError
from pixelmix.media.keyframes import Decoded, Track, key_time
from pixelmix.media.opening import reading
from pixelmix.media.span import Span
from pixelmix.types import MediaInfo

_STANDS = Fraction(1, 2)
"""Seconds after which a picture that is still there counts as standing still."""
_STEP = Fraction(1, 10)
"""Seconds between the repeats of a picture that stands still."""
_FINEST = 1000
"""Ticks per second that times need at the least, for repeats to have one."""


class Film(Closing):
    """Pictures with their times, seconds on the container's clock.

    A picture that stands still for more than half a second (a slide, a cover with long sound) is
    repeated ten times a second until the next one or, behind the last one, until the file ends:
    what is laid over it can move. Outside of `moving` (from, to; seconds on the container's clock)
    it is not repeated: a damaged file may say that a picture stands for years. All other times
    are the file's own. A part begins with the picture that is seen at its start. Pictures that
    cannot be decoded are left out and counted; memory does not grow with the length.
    """

    def __init__(
        self,
        info: MediaInfo,
        span: Span | None = None,
        *,
        moving: tuple[float, float] | None = None,
        threads: int = 0,
    ) -> None:
        self._info = info
        self._moving = None if moving is None else (Fraction(moving[0]), Fraction(moving[1]))
        self._start = None if span is None else Fraction(span.start)
        self._end = self._file_end()
        if span is not None and span.end is not None:
            end = Fraction(span.end)
            self._end = end if self._end is None else min(end, self._end)
        self._cut = None if span is None or span.end is None else Fraction(span.end)
        self._track = Track(info, threads, ThreadType.AUTO)
        tick = self._track.tick
        self.tick = tick / max(1, -(-_FINEST * tick.numerator // tick.denominator))
        """Seconds; all times are multiples of it, but for the start of a part."""
        self.repeated = 0
        """Repeats of pictures that stood still."""

    def close(self) -> None:
        """Close the file."""
        self._track.close()

    @property
    def fps(self) -> Fraction:
        """Pictures per second, about."""
        return self._track.stream.average_rate or Fraction(1 / _STEP)

    @property
    def damaged_packets(self) -> int:
        """Packets that could not be decoded so far."""
        return self._track.damaged_packets

    def __iter__(self) -> Iterator[Decoded]:
        """Yield the pictures.

        Raises
        ------
        InputError
            Nothing of the video can be decoded.
        """
        with reading(self._info.path):
            last: Decoded | None = None
            for picture in self._part():
                if last is not None:
                    yield from self._repeats(last, picture.time)
                yield picture
                last = picture
            if last is None:
                raise InputError(f"{self._info.path}: no picture of the video could be decoded")
            if self._end is not None:
                yield from self._repeats(last, self._end)

    def _repeats(self, picture: Decoded, until: Fraction) -> Iterator[Decoded]:
        time = picture.time + _STEP
        if until - picture.time <= _STANDS:
            return
        if self._moving is not None:
            time, until = max(time, self._moving[0]), min(until, self._moving[1])
        while time < until - _STEP / 2:
            self.repeated += 1
            yield Decoded(time, picture.frame)
            time += _STEP

    def _part(self) -> Iterator[Decoded]:
        """Yield the pictures of the part; the one seen at its start begins there."""
        before: Decoded | None = None
        for picture in self._ascending():
            if self._cut is not None and picture.time >= self._cut:
                break
            if self._start is not None and picture.time < self._start - self.tick / 2:
                before = picture
                continue
            if self._start is not None and before is not None:
                if picture.time > self._start + self.tick / 2:
                    yield Decoded(self._start, before.frame)
                before = None
            yield picture
        if before is not None and self._start is not None:
            yield Decoded(self._start, before.frame)

    def _ascending(self) -> Iterator[Decoded]:
        """Yield all pictures from the part's first key frame on; times that repeat are moved."""
        packets = None
        if self._start is not None:
            packets = self._track.packets_from(key_time(self._info, float(self._start)))
        last: Fraction | None = None
        for picture in self._track.pictures(self._track.packets() if packets is None else packets):
            time = picture.time
            if last is not None and time <= last:
                time = last + self.tick
            last = time
            yield Decoded(time, picture.frame)

    def _file_end(self) -> Fraction | None:
        info = self._info
        return None if info.duration is None else Fraction(info.start) + Fraction(info.duration)


def first_picture(info: MediaInfo, time: float) -> VideoFrame:
    """Decode the picture that a player shows at a time, seconds on the container's clock."""
    with Film(info, Span(time), threads=1) as film:
        return next(iter(film)).frame
