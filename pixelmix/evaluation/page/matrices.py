"""Square tables of kinds against kinds, coloured by their numbers."""

import math
from collections.abc import Callable, Sequence

from pixelmix.evaluation.page.figures import NO_BREAK, count, decibels, percent
from pixelmix.evaluation.page.markup import NOTHING, Markup, element, isolated, join, scrolling
from pixelmix.evaluation.report import Confusion, KindPair

_UNNAMED = "unnamed"
_LEAST_VISIBLE = 0.005


def kind_pairs(pairs: Sequence[KindPair]) -> Markup:
    """Return a heat map of NSDR: the model on mixtures of two kinds."""
    kinds = sorted({kind for pair in pairs for kind in pair.kinds})
    found = {frozenset(pair.kinds): pair for pair in pairs}
    finite = [abs(pair.nsdr) for pair in pairs if math.isfinite(pair.nsdr)]
    strongest = max([1.0, *finite])

    def cell(row: int, col: int) -> Markup:
        pair = found.get(frozenset({kinds[row], kinds[col]}))
        if pair is None:
            return element("td")
        title = f"{kinds[row]} and {kinds[col]}: {count(pair.stems, 'stem')}"
        return _coloured(decibels(pair.nsdr), pair.nsdr / strongest, title)

    return join(
        element(
            "p",
            "NSDR in dB of the model's stems in mixtures of two kinds. Good is blue throughout: "
            "closer to the truth than the mixture; red is further away. The strongest colour is "
            f"{decibels(strongest)}{NO_BREAK}dB.",
        ),
        _matrix("Pairs of kinds", kinds, cell),
    )


def confusions(visual: Confusion | None, audio: Confusion | None) -> Markup:
    """Return what each network's strongest channel takes the kinds for; nothing without either."""
    reading = element(
        "p",
        "What the strongest channel stands for (columns) when a network is given one kind (rows), "
        "percent. Good is a strong diagonal and little elsewhere. What is missing to 100 went to "
        "channels that stand for no kind.",
    )
    found = ((visual, "Seen", "pictures"), (audio, "Heard", "solo sounds"))
    parts = [_confusion(one, title, given) for one, title, given in found if one]
    return join(reading, *parts) if parts else NOTHING


def _confusion(found: Confusion, title: str, given: str) -> Markup:
    owned = [found.channels.count(i) for i in range(len(found.kinds))]

    def cell(row: int, col: int) -> Markup:
        share = float(found.matrix[row, col])
        text = f"{100 * share:.0f}" if share >= _LEAST_VISIBLE else ""
        title = f"{found.kinds[row]} taken for {found.kinds[col]}: {percent(share)}"
        return _coloured(text, share, title)

    chance = percent(1 / max(1, len(found.kinds)))
    unused, without = found.channels.count(-1), owned.count(0)
    verdict = (
        element("strong", f"{percent(found.accuracy)} of all {given}"),
        f" are taken for what they are; chance is {chance}. Of "
        f"{count(len(found.channels), 'channel')}, {count(unused, 'stands', 'stand')} for no kind; "
        f"{count(without, 'kind has', 'kinds have')} no channel.",
    )
    return element(
        "section",
        element("h3", title),
        element("p", *verdict),
        _matrix(title, found.kinds, cell, footer=("channels", [str(n) for n in owned])),
    )


def _matrix(
    label: str,
    kinds: Sequence[str],
    cell: Callable[[int, int], Markup],
    footer: tuple[str, Sequence[str]] | None = None,
) -> Markup:
    names = [isolated(kind) if kind else element("i", _UNNAMED) for kind in kinds]
    top = (element("th", element("span", name), scope="col") for name in names)
    rows = (
        element("tr", element("th", name, scope="row"), *(cell(i, j) for j in range(len(kinds))))
        for i, name in enumerate(names)
    )
    foot = NOTHING
    if footer:
        title, values = footer
        cells = (element("td", value) for value in values)
        foot = element("tfoot", element("tr", element("th", title, scope="row"), *cells))
    head, body = element("thead", element("tr", element("td"), *top)), element("tbody", *rows)
    return scrolling(element("table", head, body, foot, class_="matrix"), label)


def _coloured(text: str, strength: float, title: str) -> Markup:
    """Return a cell; `strength` -1 to 1 chooses the colour and how much of it."""
    if not math.isfinite(strength):
        return element("td", text, title=title)
    hue = "less" if strength < 0 else "more"
    return element("td", text, title=title, class_=hue, style=f"--v:{min(1.0, abs(strength)):.2f}")
