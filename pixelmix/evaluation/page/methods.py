"""All methods side by side: a table of every figure, and a plot of the one that counts."""

import math
from collections.abc import Iterator, Sequence

from pixelmix.evaluation.page.figures import (
    METRICS,
    Metric,
    Task,
    count,
    decibels,
    interval,
    is_bound,
    tasks,
)
from pixelmix.evaluation.page.markup import Markup, element, isolated, join, scrolling
from pixelmix.evaluation.report import Row

_MOST_TICKS = 6
_MARGIN = 2.0
"""Percent of the plot's width that stay free at both ends."""


def section(rows: Sequence[Row]) -> Markup:
    """Return the plot, the table, and how to read them; the first row is the model's."""
    contested = any(task.best(metric) for task in tasks(rows) for metric in METRICS)
    bold = (element("strong", "Bold"), " is the best that is no bound.")
    reading = element(
        "p",
        "Means over stems in dB, more is better; the smaller numbers are 95 % bootstrap intervals "
        "over examples. ",
        *(bold if contested else ()),
        class_="note",
    )
    return join(_dots(rows, rows[0].method), _table(rows, rows[0].method), reading)


def _table(rows: Sequence[Row], model: str) -> Markup:
    """Return every figure of every row; the best rival of each column is marked."""
    head = element(
        "thead",
        element(
            "tr",
            element("th", "Method", scope="col"),
            *(_column_head(metric) for metric in METRICS),
        ),
    )
    bodies = (_table_body(task, model) for task in tasks(rows))
    table = element("table", head, *bodies, class_="methods")
    return scrolling(table, "Figures of all methods")


def _column_head(metric: Metric) -> Markup:
    meaning = element("small", metric.meaning)
    return element("th", metric.title, " ", meaning, scope="col", colspan="2")


def _table_body(task: Task, model: str) -> Markup:
    stems = ", ".join(count(number, "stem") for number in sorted({r.stems for r in task.rows}))
    title = element("th", task.title, " ", element("small", stems), colspan="9", scope="rowgroup")
    best = [task.best(metric) for metric in METRICS]
    lines = (_table_row(row, best, model) for row in task.rows)
    return element("tbody", element("tr", title, class_="task"), *lines)


def _table_row(row: Row, best: Sequence[Row | None], model: str) -> Markup:
    cells = []
    for metric, first in zip(METRICS, best, strict=True):
        values = metric.of(row)
        mean = decibels(values.mean)
        shown = element("strong", mean, title="best in this column") if row is first else mean
        cells += [element("td", shown), element("td", interval(values), class_="interval")]
    name = element("th", isolated(row.method), scope="row", title=row.method)
    return element("tr", name, *cells, class_=_manner(row, model))


def _manner(row: Row, model: str) -> str | None:
    if row.method == model:
        return "model"
    return "bound" if is_bound(row.method) else None


def _dots(rows: Sequence[Row], model: str) -> Markup:
    """Return a dot plot of NSDR with its 95 % intervals, a group for each sort of mixture."""
    found = [row.nsdr for row in rows]
    axis = ticks([value for one in found for value in (one.low, one.mean, one.high)])
    groups = []
    for task in tasks(rows):
        lines = (_dot_row(row, axis, _manner(row, model)) for row in task.rows)
        groups.append(element("div", element("h3", task.title), *lines, _axis(axis)))
    caption = element(
        "figcaption",
        "NSDR in dB with its 95 % interval. Open dots are bounds, no rivals: the mixture itself, "
        "and ideal masks, which know the truth.",
    )
    return element("figure", element("div", *groups, class_="panels"), caption, class_="dots")


def ticks(values: Sequence[float]) -> tuple[float, ...]:
    """Return at most seven round, evenly spaced numbers that span the finite values and zero."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min([0.0, *finite]), max([1.0, *finite])
    step = next(step for step in _steps() if (high - low) / step <= _MOST_TICKS - 1)
    first, last = math.floor(low / step), math.ceil(high / step)
    return tuple(step * i for i in range(first, last + 1))


def _steps() -> Iterator[float]:
    scale = 1.0
    while True:
        yield from (scale, 2 * scale, 5 * scale)
        scale *= 10


def _dot_row(row: Row, axis: Sequence[float], manner: str | None) -> Markup:
    lines = [_line(x, x, axis, "zero" if x == 0 else "grid") for x in axis]
    if all(map(math.isfinite, (row.nsdr.low, row.nsdr.high))):
        lines.append(_line(row.nsdr.low, row.nsdr.high, axis, "bar"))
    if math.isfinite(row.nsdr.mean):
        lines.append(element("circle", cx=_place(row.nsdr.mean, axis), cy="50%", r="4"))
    return element(
        "div",
        element("span", isolated(row.method), class_="who", title=row.method),
        element("svg", *lines, width="100%", height="26", aria_hidden="true"),
        element("span", decibels(row.nsdr.mean), class_="number"),
        class_=" ".join(["dot-row", *([manner] if manner else [])]),
    )


def _line(left: float, right: float, axis: Sequence[float], sort: str) -> Markup:
    top, bottom = ("50%", "50%") if sort == "bar" else ("0", "100%")
    ends = {"x1": _place(left, axis), "x2": _place(right, axis), "y1": top, "y2": bottom}
    return element("line", class_=sort, **ends)


def _axis(axis: Sequence[float]) -> Markup:
    labels = (
        element("text", _tick(x), x=_place(x, axis), y="12", text_anchor="middle") for x in axis
    )
    plot = element("svg", *labels, width="100%", height="18", aria_hidden="true")
    return element("div", element("span"), plot, element("span"), class_="dot-row axis")


def _tick(value: float) -> str:
    return decibels(value).removesuffix(".0")


def _place(value: float, axis: Sequence[float]) -> str:
    share = (value - axis[0]) / (axis[-1] - axis[0])
    return f"{_MARGIN + share * (100 - 2 * _MARGIN):.2f}%"
