"""A report as one HTML file: no scripts, nothing from elsewhere, all it shows inside it."""

from collections.abc import Iterator
from pathlib import Path

from pixelmix.evaluation.page import checks, examples, matrices, methods
from pixelmix.evaluation.page.figures import NO_BREAK, change, count, interval, tasks
from pixelmix.evaluation.page.markup import Markup, element, isolated, join
from pixelmix.evaluation.page.style import STYLE
from pixelmix.evaluation.report import Report
from pixelmix.media.atomic import partial_path

_POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"


def write_page(report: Report, target: Path) -> None:
    """Write a report as one self-contained HTML file; an existing one is replaced.

    The same report always gives the same bytes. The file appears under its name only when it is
    complete.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    text = document(report)
    with partial_path(target, overwrite=True) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def document(report: Report) -> str:
    """Return the HTML document that `write_page` writes."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", f"{report.model} on {report.dataset}"),
        element("style", Markup(STYLE)),
    )
    body = element("body", _headline(report), element("main", *_sections(report)))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _headline(report: Report) -> Markup:
    facts = {
        "Identity": report.model_id,
        "Dataset": report.dataset,
        "Split": report.split,
        "Seed": str(report.seed),
        "Device": report.device,
        "Rate": f"{report.rate}{NO_BREAK}Hz",
    }
    terms = (
        element("div", element("dt", title), element("dd", isolated(value)))
        for title, value in facts.items()
    )
    return element(
        "header",
        element("h1", "Evaluation of ", isolated(report.model)),
        _result(report),
        element("dl", *terms),
    )


def _result(report: Report) -> Markup:
    """Return what the evaluation found, in one sentence, and how sure that is."""
    first = next(tasks([row for row in report.rows if row.method == report.rows[0].method]), None)
    if first is None:
        return element("p", "Nothing was separated.", class_="result")
    row = first.rows[0]
    return join(
        element("p", "A stem is ", element("strong", change(row.nsdr.mean)), ".", class_="result"),
        element(
            "p",
            f"95 % interval {interval(row.nsdr)} dB, {count(row.stems, 'stem')} from mixtures of "
            f"{first.title}.",
            class_="note",
        ),
    )


def _sections(report: Report) -> Iterator[Markup]:
    if report.rows:
        yield _section("methods", "Methods", methods.section(report.rows))
    tests = checks.section(report)
    if tests:
        yield _section("checks", "Does the picture decide?", tests)
    if report.kind_pairs:
        yield _section("kinds", "Pairs of kinds", matrices.kind_pairs(report.kind_pairs))
    channels = matrices.confusions(report.visual, report.audio)
    if channels:
        yield _section("channels", "What the channels stand for", channels)
    if report.shown:
        yield _section("examples", "Examples", examples.section(report.shown, report.rate))


def _section(name: str, title: str, content: Markup) -> Markup:
    return element("section", element("h2", title), content, id=name)
