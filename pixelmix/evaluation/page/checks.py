"""Does the picture decide? Small tests with one figure each, and what good looks like."""

from pixelmix.evaluation.page.figures import MINUS, NO_BREAK, count, decibels, interval, percent
from pixelmix.evaluation.page.markup import NOTHING, Markup, element
from pixelmix.evaluation.report import Localisation, Report, Row, SilentTest


def section(report: Report) -> Markup:
    """Return a tile for every check that was made; nothing when none was."""
    tiles = [
        *([_silent(report.silent)] if report.silent else []),
        *([_wrong_click(report.wrong_click)] if report.wrong_click else []),
        *([_localisation(report.localisation)] if report.localisation else []),
    ]
    return element("div", *tiles, class_="tiles") if tiles else NOTHING


def _silent(found: SilentTest) -> Markup:
    return _tile(
        "A silent object",
        f"{decibels(found.level.mean)}{NO_BREAK}dB",
        interval(found.level),
        "is the level, against the mixture, of what a region gets that shows something unheard; "
        f"it is at least 12{NO_BREAK}dB below in {percent(found.quiet)} of "
        f"{count(found.examples, 'example')}.",
        f"Good is {MINUS}20{NO_BREAK}dB or less: what is not heard gets nothing.",
    )


def _wrong_click(row: Row) -> Markup:
    return _tile(
        "A wrong click",
        f"{decibels(row.nsdr.mean)}{NO_BREAK}dB",
        interval(row.nsdr),
        f"is the NSDR of {count(row.stems, 'stem')} when the pictures of two sounds are swapped.",
        "Good is far below zero: a model that looks away does equally well with the wrong picture.",
    )


def _localisation(found: Localisation) -> Markup:
    return _tile(
        "Where the sound is",
        percent(found.found.mean),
        interval(found.found, percent),
        f"of {count(found.examples, 'example')} with two players side by side and one of them "
        "heard have the loudest cell on that one's half.",
        f"Good is near {percent(1)}; chance is {percent(0.5)}.",
    )


def _tile(title: str, figure: str, between: str, meaning: str, good: str) -> Markup:
    return element(
        "section",
        element("h3", title),
        element("p", element("b", figure), " ", element("small", between), class_="figure"),
        element("p", meaning),
        element("p", good, class_="note"),
    )
