"""Which cells of the vision network's feature map a region covers, and what they say together."""

import math

from pixelmix.types import Box, FloatArray


def region_cells(
    box: Box, width: float, height: float, rows: int, cols: int
) -> tuple[slice, slice]:
    """Return the rows and columns of the cells that `box` covers.

    Those whose centres lie in the box, and at least the one nearest to its centre. A box without
    size is a point: it covers the cell that it lies in and the cells around it, as far as the
    map goes.

    Parameters
    ----------
    box
        In displayed pixels.
    width, height
        Of the displayed picture, pixels.
    rows, cols
        Of the feature map, which spans the whole picture.
    """
    if box.width == 0 and box.height == 0:
        return _around(box.y / height, rows), _around(box.x / width, cols)
    return _within(box.y, box.height, height, rows), _within(box.x, box.width, width, cols)


def pool(features: FloatArray, cells: tuple[slice, slice]) -> FloatArray:
    """Return ``(k,)``: the maximum of ``(pictures, k, rows, cols)`` over pictures and cells.

    Max pooling over time and over the region follows sections 3.2 and 3.3 of the paper.
    """
    chosen: FloatArray = features[:, :, cells[0], cells[1]].max(axis=(0, 2, 3))
    return chosen


def _around(share: float, count: int) -> slice:
    middle = min(max(int(share * count), 0), count - 1)
    return slice(max(middle - 1, 0), min(middle + 2, count))


def _within(start: float, extent: float, size: float, count: int) -> slice:
    # The centre of cell i lies at (i + 0.5) / count; a hair of tolerance for percentages.
    first = math.ceil(start / size * count - 0.5 - 1e-9)
    last = math.floor((start + extent) / size * count - 0.5 + 1e-9)
    if first > last:
        first = last = int((start + extent / 2) / size * count)
    first, last = min(max(first, 0), count - 1), min(max(last, 0), count - 1)
    return slice(first, last + 1)
