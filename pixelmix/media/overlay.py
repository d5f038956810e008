"""The filter graph that lays maps over pictures: all work on pixels is FFmpeg's."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av.error
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.format import VideoFormat
from av.video.frame import PictureType, VideoFrame

from pixelmix.media.colours import Colours
from pixelmix.media.fitting import RGB, Fitting
from pixelmix.media.graphs import chain, formatted, source
from pixelmix.media.orientation import orientation
from pixelmix.types import FloatArray

FORMATS = {
    "yuv420p": "yuv420",
    "yuv420p10le": "yuv420p10",
    "yuv422p": "yuv422",
    "yuv422p10le": "yuv422p10",
    "yuv444p": "yuv444",
    "yuv444p10le": "yuv444p10",
}
"""Pixel formats that can be drawn on, with the names that the overlay filter gives them."""

_FIT_SECONDS = Fraction(1, 10)
"""After so long a map is fitted anew to the picture, which may have moved."""
_TRANSPOSE = {
    (False, False): "cclock_flip",
    (True, False): "clock",
    (False, True): "cclock",
    (True, True): "clock_flip",
}
"""FFmpeg's names of transposing and then flipping (left-right, top-bottom)."""


class Overlay:
    """Pictures of a film and maps in, pictures with the maps laid over them out.

    A map is enlarged and fitted to the edges of the picture (`fitting`) when it is another than
    before, and every tenth of a second; in between the very same pixels are laid over, which cost
    little to draw and to encode. Pictures come out upright, in their own matrix and range.

    Parameters
    ----------
    first
        The first picture of the film; others are brought to its size and format.
    cells
        Rows and columns of the maps.
    pixel_format
        Of the pictures that come out, one of `FORMATS`.
    tick
        Seconds that times count in.
    even
        Whether a last odd column and row are cut off.
    side_by_side
        Whether the picture without the map stands at the left of the one with it.
    """

    def __init__(
        self,
        first: VideoFrame,
        cells: tuple[int, int],
        pixel_format: str,
        tick: Fraction,
        *,
        even: bool = True,
        side_by_side: bool = False,
    ) -> None:
        self._coded = (first.width, first.height, first.format.name)
        self.colours = Colours.of(first)
        self.pixel_format = pixel_format
        self._tick = tick
        self._turn = orientation(first)
        self._whole = first.width, first.height
        if self._turn.transpose:
            self._whole = first.height, first.width
        width, height = self._whole
        self._size = (width // 2 * 2, height // 2 * 2) if even else self._whole
        self._side_by_side = side_by_side
        self._interlaced = first.interlaced_frame
        self._matrix = RGB if self.colours.rgb else self.colours.matrix
        self._graph = Graph()
        self._graph.threads = 1  # more cost more than they gain beside decoder and encoder
        self._pictures = source(
            self._graph,
            self._coded[:2],
            self._coded[2],
            tick,
            matrix=self._matrix,
            color_range=self.colours.range,
        )
        self._drawn = source(
            self._graph,
            self._size,
            self._alpha,
            tick,
            matrix=self.colours.matrix,
            color_range=self.colours.range,
        )
        self._sink = self._graph.add("buffersink")
        upright = chain(self._graph, self._pictures, *self._converted(), *self._upright())
        (self._both if side_by_side else self._laid)(upright).link_to(self._sink)
        self._graph.configure()
        self._fitting = Fitting(
            self._coded,
            self._matrix,
            self.colours.range,
            self._upright(),
            self._size,
            cells,
            self.colours.transfer,
            [self._scale(*self._size, "bilinear"), formatted(self._alpha)],
        )
        self._fitted: _Fitted | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures that come out."""
        width, height = self._size
        return (2 * width if self._side_by_side else width), height

    def sample_aspect(self, coded: Fraction) -> Fraction:
        """Shape of a pixel of the pictures that come out."""
        return 1 / coded if self._turn.transpose else coded

    def notes(self) -> Iterator[str]:
        """Say what the pictures lose."""
        if self._size != self._whole:
            yield "a last column or row was cut off: the encoder wants even numbers of them"
        if self._interlaced:
            yield "the interlaced pictures were deinterlaced"
        source, drawn = VideoFormat(self._coded[2]), VideoFormat(self.pixel_format)
        if depth(source) > depth(drawn):
            yield f"the pictures' {depth(source)} bits became {depth(drawn)}"
        if source.name[3:6] in ("422", "444", "440") or source.is_rgb:
            yield "the colours were brought to half the resolution (4:2:0), which all players show"

    def push(self, picture: VideoFrame, ticks: int, cells: FloatArray) -> list[VideoFrame]:
        """Lay a premultiplied map (rows, cols, 4) over a picture; `ticks` is its time.

        Pictures come out in order, at once or after the next one.
        """
        if (picture.width, picture.height, picture.format.name) != self._coded:
            width, height, pixel_format = self._coded
            picture = picture.reformat(width, height, pixel_format, threads=1)
        picture.colorspace, picture.color_range = self._matrix, self.colours.range
        drawn = self._map_for(picture, ticks, cells)
        for frame, entrance in ((drawn, self._drawn), (picture, self._pictures)):
            frame.pts, frame.time_base = ticks, self._tick
            entrance.push(frame)
        return self._out()

    def _map_for(self, picture: VideoFrame, ticks: int, cells: FloatArray) -> VideoFrame:
        """Return the map in the picture's size, the same as before where that will do."""
        fitted = self._fitted
        if (
            fitted is None
            or fitted.cells is not cells
            or (ticks - fitted.ticks) * self._tick >= _FIT_SECONDS
        ):
            fitted = _Fitted(ticks, cells, self._fitting.fit(cells, picture))
            self._fitted = fitted
        return fitted.frame

    def finish(self) -> list[VideoFrame]:
        """Return the pictures that have not come out yet."""
        self._graph.push(None)
        return self._out()

    def _out(self) -> list[VideoFrame]:
        frames: list[VideoFrame] = []
        while True:
            try:
                frame = self._sink.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return frames
            if isinstance(frame, VideoFrame):
                # The encoder decides anew which pictures are key frames.
                frame.pict_type = PictureType.NONE
                frames.append(frame)

    def _both(self, upright: FilterContext) -> FilterContext:
        """Put the picture beside itself with the map."""
        split = chain(self._graph, upright, ("split", "2"))
        both = self._graph.add("hstack", "2")
        split.link_to(both, 0, 0)
        self._laid(chain(self._graph, split, ("null", ""), output=1)).link_to(both, 0, 1)
        return both

    def _laid(self, upright: FilterContext) -> FilterContext:
        """Lay the map over the picture."""
        laid = self._graph.add("overlay", f"format={FORMATS[self.pixel_format]}")
        upright.link_to(laid, 0, 0)
        self._drawn.link_to(laid, 0, 1)
        return laid

    def _converted(self) -> Iterator[tuple[str, str]]:
        """Yield the filters that make of a decoded picture one that can be drawn on."""
        width, height, pixel_format = self._coded
        if pixel_format != self.pixel_format:
            yield self._scale(width, height, "bicubic")
            yield formatted(self.pixel_format)
        if self._interlaced:
            yield "bwdif", "mode=send_frame:deint=interlaced"

    def _upright(self) -> list[tuple[str, str]]:
        """Return the filters that turn a picture as a player shows it."""
        filters = []
        turn = self._turn
        if turn.transpose:
            filters.append(("transpose", f"dir={_TRANSPOSE[turn.flip_x, turn.flip_y]}"))
        else:
            filters += [("hflip", "")] * turn.flip_x + [("vflip", "")] * turn.flip_y
        if self._size != self._whole:
            filters.append(("crop", "{}:{}:0:0".format(*self._size)))
        return filters

    @property
    def _alpha(self) -> str:
        return self.pixel_format.replace("yuv", "yuva")

    def _scale(self, width: int, height: int, flags: str) -> tuple[str, str]:
        """Scale to the matrix and range of the output."""
        matrix, full = self.colours.matrix_name, self.colours.full_range
        colours = f"out_color_matrix={matrix}:out_range={'pc' if full else 'tv'}"
        return "scale", f"{width}:{height}:flags={flags}:{colours}"


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """A map as large as the pictures."""

    ticks: int
    """When it was fitted to the picture."""
    cells: FloatArray
    """What it was made of."""
    frame: VideoFrame


def depth(pixel_format: VideoFormat) -> int:
    """Bits of a component."""
    return max(component.bits for component in pixel_format.components)
