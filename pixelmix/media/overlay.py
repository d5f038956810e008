"""The filter graph that lays maps over pictures: all work on pixels is FFmpeg's."""

from collections.abc import Iterator
from fractions import Fraction

import av.error
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.format import VideoFormat
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange

from pixelmix.media.colours import Colours
from pixelmix.media.maps import HEADROOM, code_values
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

_RGB = 0
"""FFmpeg's number of the matrix of RGB: none."""
_COARSE = (2_000, 3, 1)
_FINE = (8_000, 2, 2)
"""Pixels, radius and step of the two guided filters that fit a map to the picture's edges: the
coarse one moves a border by up to a cell, the fine one follows the outline, worked out only at
every other pixel (He and Sun, "Fast Guided Filter", 2015)."""
_EDGE = 0.005
"""Variance of brightness (full scale 1) from which a change counts as an edge."""
_TRANSPOSE = {
    (False, False): "cclock_flip",
    (True, False): "clock",
    (False, True): "cclock",
    (True, True): "clock_flip",
}
"""FFmpeg's names of transposing and then flipping (left-right, top-bottom)."""


class Overlay:
    """Pictures of a film and maps in, pictures with the maps laid over them out.

    A map is enlarged in steps to about eight thousand pixels and fitted there to the edges of the
    picture (guided filter: He, Sun and Tang, "Guided Image Filtering", 2013), then enlarged to
    the picture's size and laid over it. Pictures come out upright, in their own matrix and range.

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
        self._graph = Graph()
        self._graph.threads = 1  # more cost more than they gain beside decoder and encoder
        self._turn = orientation(first)
        self._whole = first.width, first.height
        if self._turn.transpose:
            self._whole = first.height, first.width
        width, height = self._whole
        self._size = (width // 2 * 2, height // 2 * 2) if even else self._whole
        self._side_by_side = side_by_side
        self._interlaced = first.interlaced_frame
        self._pictures = self._source(
            *self._coded, _RGB if self.colours.rgb else self.colours.matrix, self.colours.range
        )
        self._maps = self._source(cells[1], cells[0], "rgba64le", _RGB, ColorRange.JPEG)
        self._sink = self._graph.add("buffersink")
        upright = self._upright()
        (self._both if side_by_side else self._laid)(upright).link_to(self._sink)
        self._graph.configure()

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
        drawn = VideoFrame.from_ndarray(code_values(cells, self.colours.transfer), "rgba64le")
        drawn.colorspace, drawn.color_range = _RGB, ColorRange.JPEG
        picture.colorspace = _RGB if self.colours.rgb else self.colours.matrix
        picture.color_range = self.colours.range
        for frame, source in ((drawn, self._maps), (picture, self._pictures)):
            frame.pts, frame.time_base = ticks, self._tick
            source.push(frame)
        return self._out()

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
        split = self._chain(upright, ("split", "2"))
        both = self._graph.add("hstack", "2")
        split.link_to(both, 0, 0)
        self._laid(self._chain(split, ("null", ""), output=1)).link_to(both, 0, 1)
        return both

    def _laid(self, upright: FilterContext) -> FilterContext:
        """Lay the map over the picture."""
        split = self._chain(upright, ("split", "2"))
        width, height = self._size
        drawn = self._chain(
            self._fitted(split), self._scale(width, height, "bilinear"), _format(self._alpha)
        )
        laid = self._graph.add("overlay", f"format={FORMATS[self.pixel_format]}")
        split.link_to(laid, 0, 0)
        drawn.link_to(laid, 0, 1)
        return laid

    def _fitted(self, split: FilterContext) -> FilterContext:
        """Enlarge the map and fit it to the edges of the picture (`split`, output 1)."""
        fine, coarse = (reduced_size(*self._size, pixels) for pixels, *_ in (_FINE, _COARSE))
        guide = self._chain(split, _resize(*fine, "area"), _format("gray16le"), output=1)
        guides = self._chain(guide, ("split", "2"))
        small = self._chain(guides, _resize(*coarse, "area"), output=1)
        low, high = round(HEADROOM * 65_535), round((1 - HEADROOM) * 65_535)
        cells = self._guided(small, self._maps, coarse, _COARSE)
        cells = self._chain(cells, _every(f"clip(val\\,{low}\\,{high})"))
        cells = self._guided(guides, cells, fine, _FINE)
        return self._chain(cells, _every(f"clip((val-{low})*65535/{high - low}\\,0\\,65535)"))

    def _guided(
        self,
        guide: FilterContext,
        cells: FilterContext,
        size: tuple[int, int],
        fit: tuple[int, int, int],
    ) -> FilterContext:
        """Enlarge a map to a size, and fit it to the edges of the guide."""
        pixels, radius, step = fit
        radius = max(1, round(radius * (size[0] * size[1] / pixels) ** 0.5))
        mode = "basic" if min(step, radius) == 1 else f"fast:sub={step}"
        options = f"radius={radius}:eps={_EDGE}:mode={mode}:guidance=on:planes=15"
        fitted = self._graph.add("guided", options)
        # The filter takes its first input for the guide, whatever its documentation says.
        # As a map has four planes, the one plane of brightness is taken four times.
        self._chain(guide, ("mergeplanes", "format=gbrap16le")).link_to(fitted, 0, 0)
        scaled = self._chain(cells, _resize(*size, "bicubic"), _format("gbrap16le"))
        scaled.link_to(fitted, 0, 1)
        return fitted

    def _upright(self) -> FilterContext:
        """Make of a decoded picture what a player shows."""
        filters = []
        width, height, pixel_format = self._coded
        if pixel_format != self.pixel_format:
            filters += [self._scale(width, height, "bicubic"), _format(self.pixel_format)]
        if self._interlaced:
            filters.append(("bwdif", "mode=send_frame:deint=interlaced"))
        turn = self._turn
        if turn.transpose:
            filters.append(("transpose", f"dir={_TRANSPOSE[turn.flip_x, turn.flip_y]}"))
        else:
            filters += [("hflip", "")] * turn.flip_x + [("vflip", "")] * turn.flip_y
        if self._size != self._whole:
            filters.append(("crop", "{}:{}:0:0".format(*self._size)))
        return self._chain(self._pictures, *filters)

    @property
    def _alpha(self) -> str:
        return self.pixel_format.replace("yuv", "yuva")

    def _scale(self, width: int, height: int, flags: str) -> tuple[str, str]:
        """Scale to the matrix and range of the output."""
        matrix, full = self.colours.matrix_name, self.colours.full_range
        colours = f"out_color_matrix={matrix}:out_range={'pc' if full else 'tv'}"
        return "scale", f"{width}:{height}:flags={flags}:{colours}"

    def _source(
        self, width: int, height: int, pixel_format: str, matrix: int, color_range: int
    ) -> FilterContext:
        return self._graph.add(
            "buffer",
            video_size=f"{width}x{height}",
            pix_fmt=pixel_format,
            time_base=str(self._tick),
            colorspace=str(int(matrix)),
            range=str(int(color_range)),
        )

    def _chain(
        self, source: FilterContext, *filters: tuple[str, str], output: int = 0
    ) -> FilterContext:
        """Link filters (name, options) one after another behind an output of `source`."""
        for name, options in filters:
            added = self._graph.add(name, options or None)
            source.link_to(added, output, 0)
            source, output = added, 0
        return source


def depth(pixel_format: VideoFormat) -> int:
    """Bits of a component."""
    return max(component.bits for component in pixel_format.components)


def reduced_size(width: int, height: int, pixels: int) -> tuple[int, int]:
    """Size of about so many pixels in the shape of a picture, no larger than it is."""
    factor = min(1.0, (pixels / (width * height)) ** 0.5)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _resize(width: int, height: int, flags: str) -> tuple[str, str]:
    return "scale", f"{width}:{height}:flags={flags}"


def _every(expression: str) -> tuple[str, str]:
    return "lutrgb", ":".join(f"{plane}={expression}" for plane in "rgba")


def _format(pixel_format: str) -> tuple[str, str]:
    return "format", f"pix_fmts={pixel_format}"
