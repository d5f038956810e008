"""Words with which FFmpeg's filter graphs are put together."""

from fractions import Fraction

from av.filter import Graph
from av.filter.context import FilterContext


def source(
    graph: Graph,
    size: tuple[int, int],
    pixel_format: str,
    tick: Fraction,
    *,
    matrix: int,
    color_range: int,
) -> FilterContext:
    """Add an entrance for pictures of a size (width, height); matrix and range are FFmpeg's."""
    return graph.add(
        "buffer",
        video_size=f"{size[0]}x{size[1]}",
        pix_fmt=pixel_format,
        time_base=str(tick),
        colorspace=str(int(matrix)),
        range=str(int(color_range)),
    )


def chain(
    graph: Graph, start: FilterContext, *filters: tuple[str, str], output: int = 0
) -> FilterContext:
    """Link filters (name, options) one after another behind an output of `start`."""
    for name, options in filters:
        added = graph.add(name, options or None)
        start.link_to(added, output, 0)
        start, output = added, 0
    return start


def resized(size: tuple[int, int], flags: str) -> tuple[str, str]:
    """Scale to a width and height."""
    return "scale", f"{size[0]}:{size[1]}:flags={flags}"


def formatted(pixel_format: str) -> tuple[str, str]:
    """Turn into a pixel format."""
    return "format", f"pix_fmts={pixel_format}"
