"""Heat maps: a video with small pictures laid over it, its sound and all else copied."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation
from av.video.stream import VideoStream

from pixelmix.media.encoding import Encoding, PictureEncoder, pixel_format_for
from pixelmix.media.film import Film, first_picture
from pixelmix.media.maps import Course, Maps
from pixelmix.media.overlay import Overlay, depth
from pixelmix.media.pyav import AnyPacket
from pixelmix.media.rewrite import Rewritten, planned, rewrite
from pixelmix.media.span import Span
from pixelmix.types import ByteArray, MediaInfo

__all__ = ["Encoding", "HeatmapReport", "Maps", "render", "still"]


@dataclass(frozen=True, slots=True)
class HeatmapReport(Rewritten):
    """What was written."""

    pictures: int
    """Pictures written."""
    damaged_packets: int
    """Packets of the video that could not be decoded and were left out."""


def render(
    info: MediaInfo,
    target: Path,
    maps: Maps,
    encoding: Encoding,
    *,
    side_by_side: bool = False,
    span: Span | None = None,
    threads: int = 0,
) -> HeatmapReport:
    """Write `target`: the input's video with `maps` laid over it, all other streams copied.

    Pictures keep their times, colours (matrix, range, transfer, primaries), depth and shape; they
    are turned upright, interlaced ones are deinterlaced, and a last odd column or row is cut off.

    Parameters
    ----------
    info
        What `probe` found about the input.
    target
        Where to write; its suffix chooses the container. An existing file is replaced: give a
        name from `atomic.partial_path`.
    maps
        What is laid over; taken one by one as the pictures advance.
    encoding
        How the pictures are encoded.
    side_by_side
        Whether the picture without the map is shown at the left of the one with it.
    span
        The part of the input to write; the output then begins at zero.
    threads
        Of decoder and encoder each; 0 lets FFmpeg choose.

    Raises
    ------
    InputError
        Nothing of the video can be decoded.
    OutputError
        The file cannot be written.
    UsageError
        The encoder is not there or does not take the settings, or the container cannot hold it
        or the sound.
    """
    moving = None if maps.end is None else (maps.start, maps.end)
    with Film(info, span, moving=moving, threads=threads) as film:
        pictures = _Pictures(
            info, film, maps, encoding, span, side_by_side=side_by_side, threads=threads
        )
        plans = planned(info, target, info.video.index, f"{encoding.encoder}, drawn on")
        written = rewrite(info, target, plans, [pictures], span)
        return HeatmapReport(
            streams=written.streams,
            lost=written.lost,
            repaired_times=written.repaired_times,
            notes=(*pictures.notes(), *written.notes),
            pictures=pictures.written,
            damaged_packets=film.damaged_packets,
        )


def still(info: MediaInfo, picture_time: float, overlay: ByteArray) -> ByteArray:
    """Return one picture with a map laid over it, as `render` does it.

    Parameters
    ----------
    info
        What `probe` found about the input.
    picture_time
        Seconds on the container's clock; the picture that a player shows then is taken.
    overlay
        (rows, cols, 4), RGBA with straight alpha.

    Returns
    -------
    ByteArray
        (height, width, 3) as a player shows it.

    Raises
    ------
    InputError
        Nothing of the video can be decoded.
    """
    picture = first_picture(info, picture_time)
    course = Course(Maps(0.0, Fraction(1), [overlay]))
    pixel_format = "yuv444p10le" if depth(picture.format) > 8 else "yuv444p"
    laid = Overlay(picture, course.shape, pixel_format, Fraction(1), even=False)
    frame = (laid.push(picture, 0, course.at(Fraction(0))) + laid.finish())[0]
    shown = frame.reformat(
        info.video.width,
        info.video.height,
        "rgb24",
        src_colorspace=laid.colours.matrix,
        src_color_range=laid.colours.range,
        dst_color_range=ColorRange.JPEG,
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,
        threads=1,
    )
    return shown.to_ndarray().astype(np.uint8, copy=False)


class _Pictures:
    """The video with maps laid over it, in the place of the video (a `writer.Made`)."""

    def __init__(
        self,
        info: MediaInfo,
        film: Film,
        maps: Maps,
        encoding: Encoding,
        span: Span | None,
        *,
        side_by_side: bool,
        threads: int,
    ) -> None:
        self.clocks = (film.tick.denominator,)
        self.written = 0
        self._film = film
        self._start = Fraction(0) if span is None else Fraction(span.start)
        pictures = iter(film)
        self._first = next(pictures)
        self._pictures = chain([self._first], pictures)
        self._course = Course(maps)
        frame = self._first.frame
        self._overlay = Overlay(
            frame,
            self._course.shape,
            pixel_format_for(encoding.encoder, frame),
            film.tick,
            side_by_side=side_by_side,
        )
        self._encoder = PictureEncoder(
            encoding,
            *self._overlay.size,
            pixel_format=self._overlay.pixel_format,
            sample_aspect=self._overlay.sample_aspect(info.video.sample_aspect),
            tick=film.tick,
            fps=film.fps,
            colours=self._overlay.colours,
            threads=threads,
        )
        self._stream: VideoStream | None = None
        self._time = self._first.time - self._start

    def add(self, output: OutputContainer) -> VideoStream:
        """Add the stream with its encoder."""
        self._stream = self._encoder.add(output)
        return self._stream

    def packets(self, until: Fraction | None) -> Iterator[AnyPacket]:
        """Draw and encode until the pictures have reached `until` (None: all)."""
        while until is None or self._time <= until:
            picture = next(self._pictures, None)
            if picture is None:
                break
            self._time = picture.time - self._start
            cells = self._course.at(picture.time)
            ticks = round(self._time / self._film.tick)
            yield from self._encoded(self._overlay.push(picture.frame, ticks, cells))
        if until is None:
            yield from self._encoded([*self._overlay.finish(), None])

    def settle(self, target: Path, number: int) -> None:
        """Nothing is left to do."""

    def notes(self) -> Iterator[str]:
        """Say what is not as it was."""
        yield from self._overlay.notes()
        film = self._film
        if film.damaged_packets:
            yield f"{film.damaged_packets} damaged packets of the video were left out"
        if film.repeated:
            yield (
                f"the picture stands still; it was repeated {film.repeated} times "
                "so that what is laid over it can move"
            )

    def _encoded(self, frames: Sequence[VideoFrame | None]) -> Iterator[AnyPacket]:
        if self._stream is None:
            return
        for frame in frames:
            self.written += frame is not None
            yield from self._stream.encode(frame)
