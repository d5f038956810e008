"""The filter graph that enlarges a small map to the edges of a picture."""

from fractions import Fraction

from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from pixelmix.media.graphs import chain, formatted, resized, source
from pixelmix.media.maps import HEADROOM, code_values
from pixelmix.types import FloatArray

RGB = 0
"""FFmpeg's number of the matrix of RGB: none."""
_COARSE = (2_000, 3, 1)
_FINE = (8_000, 2, 2)
"""Pixels, radius and step of the two guided filters that fit a map to the picture's edges: the
coarse one moves a border by up to a cell, the fine one follows the outline, worked out only at
every other pixel (He and Sun, "Fast Guided Filter", 2015)."""
_EDGE = 0.005
"""Variance of brightness (full scale 1) from which a change counts as an edge."""
_SMOOTH = (
    "convolution",
    ":".join(f"{plane}m=1 2 1 2 4 2 1 2 1:{plane}rdiv=1/16" for plane in range(4)),
)
"""FFmpeg's fast guided filter takes steps of two pixels: a binomial filter makes slopes of them."""
_TICK = Fraction(1)


class Fitting:
    """A map and a picture in, the map as large as the picture out.

    The map is enlarged in steps to about eight thousand pixels and fitted there to the edges of
    the picture (guided filter: He, Sun and Tang, "Guided Image Filtering", 2013), then enlarged
    to the picture's size.

    Parameters
    ----------
    coded
        Width, height and pixel format of the pictures as they are decoded.
    matrix, color_range
        Of their code values, FFmpeg's numbers.
    upright
        Filters (name, options) that turn a picture as the map stands.
    size
        Width and height of the picture upright, and of the map that comes out.
    cells
        Rows and columns of the maps.
    transfer
        FFmpeg's number of the transfer function that the map's colours are put in.
    last
        Filters that give what comes out its size and format.
    """

    def __init__(
        self,
        coded: tuple[int, int, str],
        matrix: int,
        color_range: int,
        upright: list[tuple[str, str]],
        size: tuple[int, int],
        cells: tuple[int, int],
        transfer: int,
        last: list[tuple[str, str]],
    ) -> None:
        self._transfer = transfer
        self._count = 0
        self._graph = Graph()
        self._graph.threads = 1  # more cost more than they gain beside decoder and encoder
        self._pictures = source(
            self._graph, coded[:2], coded[2], _TICK, matrix=matrix, color_range=color_range
        )
        self._maps = source(
            self._graph,
            (cells[1], cells[0]),
            "rgba64le",
            _TICK,
            matrix=RGB,
            color_range=ColorRange.JPEG,
        )
        self._sink = self._graph.add("buffersink")
        fitted = self._fitted(chain(self._graph, self._pictures, *upright), size)
        chain(self._graph, fitted, *last).link_to(self._sink)
        self._graph.configure()

    def fit(self, cells: FloatArray, picture: VideoFrame) -> VideoFrame:
        """Fit a premultiplied map (rows, cols, 4) to the edges of a picture.

        The picture states the matrix and range that the graph was made for, and gets a new time.
        """
        drawn = VideoFrame.from_ndarray(code_values(cells, self._transfer), "rgba64le")
        drawn.colorspace, drawn.color_range = RGB, ColorRange.JPEG
        for frame, entrance in ((drawn, self._maps), (picture, self._pictures)):
            frame.pts, frame.time_base = self._count, _TICK
            entrance.push(frame)
        self._count += 1
        fitted = self._sink.pull()
        if not isinstance(fitted, VideoFrame):
            raise TypeError("the graph gives out pictures")
        return fitted

    def _fitted(self, upright: FilterContext, size: tuple[int, int]) -> FilterContext:
        """Enlarge the map and fit it to the edges of the upright picture."""
        graph = self._graph
        fine, coarse = (reduced_size(*size, pixels) for pixels, *_ in (_FINE, _COARSE))
        guide = chain(graph, upright, resized(fine, "area"), formatted("gray16le"))
        guides = chain(graph, guide, ("split", "2"))
        small = chain(graph, guides, resized(coarse, "area"), output=1)
        low, high = round(HEADROOM * 65_535), round((1 - HEADROOM) * 65_535)
        cells = self._guided(small, self._maps, coarse, _COARSE)
        cells = chain(graph, cells, _every(f"clip(val\\,{low}\\,{high})"))
        cells = chain(graph, self._guided(guides, cells, fine, _FINE), _SMOOTH)
        return chain(graph, cells, _every(f"clip((val-{low})*65535/{high - low}\\,0\\,65535)"))

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
        merged = chain(self._graph, guide, ("mergeplanes", "format=gbrap16le"))
        merged.link_to(fitted, 0, 0)
        scaled = chain(self._graph, cells, resized(size, "bicubic"), formatted("gbrap16le"))
        scaled.link_to(fitted, 0, 1)
        return fitted


def reduced_size(width: int, height: int, pixels: int) -> tuple[int, int]:
    """Size of about so many pixels in the shape of a picture, no larger than it is."""
    factor = min(1.0, (pixels / (width * height)) ** 0.5)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _every(expression: str) -> tuple[str, str]:
    return "lutrgb", ":".join(f"{plane}={expression}" for plane in "rgba")
