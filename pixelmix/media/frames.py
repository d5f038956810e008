"""Sparse pictures in: only those a model asks for are decoded, key frames where they suffice."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from av.codec.context import ThreadType
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation

from pixelmix.closing import Closing
from pixelmix.errors import InputError
from pixelmix.media.colours import likely_matrix, states_matrix
from pixelmix.media.keyframes import Decoded, Key, Scout, Track
from pixelmix.media.opening import reading
from pixelmix.media.orientation import Orientation, orientation, upright
from pixelmix.types import ByteArray, MediaInfo, Picture

_LONG_SIDE_FACTOR = 4
"""The long side of a picture is at most this many short sides."""
_SCALING = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""swscale's bilinear widens with the reduction: it averages, it does not skip pixels."""


class PictureReader(Closing):
    """Pictures at chosen times, upright, RGB, resized to the network's short side.

    `at` gives the picture of the nearest preceding key frame when that is no more than
    `tolerance` seconds away; otherwise what a player shows at that time: the very picture without
    tolerance, else the last one by then that other pictures refer to, a few pictures before (those
    that none refers to are half of many films, and need not be decoded). Times before the first
    picture or after the last one give the first or the last; a damaged picture is replaced by the
    nearest good one. Works for variable frame rates, single pictures and files that cannot be
    sought in; memory does not grow with the length.

    Parameters
    ----------
    info
        What `probe` found.
    short_side
        Pixels of the short side of the pictures. The long side keeps the aspect, rounded to a
        multiple of `multiple`, at most four times the short side.
    tolerance
        Seconds by which a key frame may precede the time asked for; 0 decodes exactly.
    threads
        Decoding threads; 0 lets FFmpeg choose.
    """

    def __init__(
        self,
        info: MediaInfo,
        short_side: int,
        *,
        tolerance: float = 1.5,
        multiple: int = 16,
        threads: int = 0,
    ) -> None:
        self._path = info.path
        self._tolerance = Fraction(tolerance)
        self._short_side, self._multiple = short_side, multiple
        self._scout = Scout(info, threads)
        self._info, self._threads = info, threads
        video = info.video
        self._end = None if video.duration is None else video.start + video.duration
        self._decoder: _Decoder | None = None
        self._turn: Orientation | None = None
        self._last: _Shown | None = None
        self._last_key: tuple[Fraction, _Shown] | None = None

    def close(self) -> None:
        """Close the file."""
        self._scout.close()
        if self._decoder is not None:
            self._decoder.close()

    def at(self, time: float) -> Picture:
        """Return the picture at `time`, seconds on the container's clock.

        Cheapest when the times of successive calls ascend.

        Raises
        ------
        InputError
            No picture of the video can be decoded.
        """
        if self._end is not None:
            # The last key frame is as good for a time after the end as for the end.
            time = min(time, self._end)
        with reading(self._path):
            shown = self._sparse(Fraction(time))
        if shown is None:
            raise InputError(f"{self._path}: no picture of the video could be decoded")
        self._last = shown
        return shown.picture

    def again(self, short_side: int) -> ByteArray:
        """Return the picture that `at` gave last, in another size: (height, width, 3) RGB."""
        if self._last is None:
            raise ValueError("no picture has been asked for yet")
        return self._resized(self._last.frame, short_side)

    def _sparse(self, time: Fraction) -> "_Shown | None":
        key = self._scout.key_before(time)
        if key is not None and time - key.time <= self._tolerance:
            if self._last_key is not None and self._last_key[0] == key.time:
                return self._last_key[1]
            frame = self._scout.decode_alone(key)
            if frame is not None:
                shown = self._shown(Decoded(key.time, frame))
                self._last_key = (key.time, shown)
                return shown
        if self._decoder is None:
            # Opened only when key frames do not suffice: an open file holds an index of every
            # packet, 20 MB for an hour of MP4.
            self._decoder = _Decoder(self._info, self._threads, exact=not self._tolerance)
        decoded = self._decoder.at(time, key)
        return self._last if decoded is None else self._shown(decoded)

    def _shown(self, decoded: Decoded) -> "_Shown":
        time, frame = float(decoded.time), decoded.frame
        if self._last is not None and self._last.picture.time == time:
            return self._last
        return _Shown(Picture(time, self._resized(frame, self._short_side)), frame)

    def _resized(self, frame: VideoFrame, short_side: int) -> ByteArray:
        if self._turn is None:
            self._turn = orientation(frame)
        turn, video = self._turn, self._info.video
        width, height = picture_size(video.width, video.height, short_side, self._multiple)
        if turn.transpose:
            width, height = height, width
        rgb = frame.reformat(
            width=width,
            height=height,
            format="rgb24",
            src_colorspace=None if states_matrix(frame) else likely_matrix(frame),
            src_color_range=_color_range(frame),
            dst_color_range=ColorRange.JPEG,
            interpolation=_SCALING,
            threads=1,
        )
        return upright(rgb.to_ndarray().astype(np.uint8, copy=False), turn)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A picture, and what it was made from."""

    picture: Picture
    frame: VideoFrame


def picture_size(width: int, height: int, short_side: int, multiple: int) -> tuple[int, int]:
    """Size of the network's picture for a displayed size, pixels.

    The short side becomes `short_side`; the long side keeps the aspect, rounded to a multiple of
    `multiple` so that cells and picture line up, and is at most four short sides long.
    """
    ratio = max(width, height) / min(width, height)
    long_side = min(short_side * ratio, short_side * _LONG_SIDE_FACTOR)
    rounded = max(short_side, round(long_side / multiple) * multiple)
    return (rounded, short_side) if width >= height else (short_side, rounded)


def _color_range(frame: VideoFrame) -> int | None:
    """Full range for the old ``yuvj`` formats, else what the frame says (limited if nothing)."""
    return ColorRange.JPEG if frame.format.name.startswith("yuvj") else None


class _Decoder(Track):
    """Decodes forward from key frames; goes on where it stands when it can."""

    def __init__(self, info: MediaInfo, threads: int, *, exact: bool) -> None:
        super().__init__(info, threads, ThreadType.AUTO)
        if not exact:
            self.stream.codec_context.skip_frame = "NONREF"
        self._frames: Iterator[Decoded] = self.pictures(self.packets())
        self._current: Decoded | None = None
        self._next: Decoded | None = None
        self._began = False

    def close(self) -> None:
        """Close the file and let go of the frames."""
        self._frames = iter(())
        self._current = self._next = None
        super().close()

    def at(self, time: Fraction, key: Key | None) -> Decoded | None:
        """Return the last picture at or before `time` (the first one when none is)."""
        if not self._stands_before(time, key):
            self._restart(key)
        if not self._began:
            self._began = True
            self._current = next(self._frames, None)
            self._next = next(self._frames, None)
        while self._next is not None and self._next.time <= time:
            self._current, self._next = self._next, next(self._frames, None)
        return self._current

    def _stands_before(self, time: Fraction, key: Key | None) -> bool:
        """Whether going on forward reaches `time` without decoding a needless GOP."""
        if self._current is None:
            return not self._began and key is None
        if time < self._current.time:
            return False
        return key is None or key.time <= self._reached

    @property
    def _reached(self) -> Fraction:
        last = self._next or self._current
        return last.time if last is not None else Fraction(0)

    def _restart(self, key: Key | None) -> None:
        packets = self.packets_from(None if key is None else key.time)
        if packets is None and self._began:
            return
        self._frames = self.pictures(self.packets() if packets is None else packets)
        self._began, self._current, self._next = False, None, None
