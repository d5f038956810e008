"""`pixelmix evaluate`: how well a model separates, localises and stays silent."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelmix.cli.console import Console
from pixelmix.cli.extra import training_extra
from pixelmix.cli.options import Debug, DeviceChoice, Json, Overwrite, Prepared, Quiet, Threads
from pixelmix.errors import OutputError, UsageError

if TYPE_CHECKING:
    from pixelmix.evaluation.report import Interval, Report, Row

ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="Model bundle, by name or path.")]
Split = Annotated[str, typer.Option("--split", metavar="NAME", help="Part of the dataset.")]
Count = Annotated[int, typer.Option("--count", min=1, metavar="N", help="Examples per row.")]
Seed = Annotated[
    int, typer.Option("--seed", min=0, metavar="N", help="The same gives the same examples.")
]
Sources = Annotated[
    str | None,
    typer.Option(
        "--sources", metavar="N,...", help="Sounds per mixture; else 2,3,4 as far as kinds allow."
    ),
]
Baselines = Annotated[
    str | None,
    typer.Option(
        "--baselines",
        metavar="none|all|NAME,...",
        help="What to compare with; else those that need no training.",
    ),
]
Page = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a page with examples.")
]
Show = Annotated[int, typer.Option("--show", min=0, metavar="N", help="Examples in the page.")]
_WIDTH = 100
"""Columns of the tables where the terminal does not say."""


def evaluate(
    model: ModelName,
    dataset: Prepared,
    *,
    split: Split = "val",
    count: Count = 50,
    seed: Seed = 0,
    sources: Sources = None,
    baselines: Baselines = None,
    html: Page = None,
    show: Show = 4,
    overwrite: Overwrite = False,
    device: DeviceChoice = "auto",
    threads: Threads = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - read by main()
) -> None:
    """Measure a model on mixtures of a dataset's sounds.

    Gains over the mixture in dB with 95 % intervals, next to other methods; what happens when the
    wrong place is clicked, or one that is silent; whether the place of a sound is found. Example:

    pixelmix evaluate default mydata --html report.html
    """
    with training_extra("to evaluate"):
        from pixelmix.data.dataset import Dataset
        from pixelmix.evaluation.evaluate import CHEAP, Options
        from pixelmix.evaluation.evaluate import evaluate as measure
        from pixelmix.evaluation.page import write_page
    from pixelmix.cli.setup import open_networks

    console = Console(json, quiet)
    options = Options(
        split=split,
        count=count,
        seed=seed,
        sources=None if sources is None else _numbers(sources),
        baselines=CHEAP if baselines is None else _names(baselines),
        show=show if html else 0,
    )
    if html:
        _check_free(html, overwrite=overwrite)
    opened = Dataset.open(dataset)
    with (
        open_networks(model, device, threads, console) as networks,
        console.counting("evaluating") as watch,
    ):
        report = measure(networks, opened, options, watch, console.note)
    if not json and not quiet:
        _tell(report)
    console.document(report.document())
    if html:
        write_page(report, html)
        console.note(f"{html}: the report")


def _numbers(text: str) -> tuple[int, ...]:
    words = text.split(",")
    if not all(word.strip().isdecimal() and int(word) > 1 for word in words):
        raise UsageError(f"--sources {text!r}: write numbers from 2 on, such as 2,3")
    return tuple(int(word) for word in words)


def _names(text: str) -> tuple[str, ...]:
    return () if text == "none" else tuple(name.strip() for name in text.split(","))


def _check_free(page: Path, *, overwrite: bool) -> None:
    """Find out before the work what would spoil its end."""
    if page.exists() and not overwrite:
        raise OutputError(f"{page} exists already; use -y to replace it, or another name")
    if not page.parent.is_dir():
        raise OutputError(f"{page.parent}: there is no such folder for the page; make it first")


def _tell(report: "Report") -> None:
    from rich.console import Console as RichConsole
    from rich.table import Table

    table = Table(title=f"{report.model} on {report.dataset}, {report.split} (dB)")
    table.add_column("method")
    table.add_column("mixtures of")
    for name in ("NSDR", "SIR", "SAR", "SI-SDR gain"):
        table.add_column(name, justify="right")
    for row in report.rows:
        table.add_row(*_cells(row, row.method), end_section=row is _last(report.rows, row))
    if report.wrong_click:
        table.add_row(*_cells(report.wrong_click, "pictures swapped"))
    console = RichConsole(width=None if sys.stdout.isatty() else _WIDTH)
    console.print(table)
    for line in _lines(report):
        console.print(line, highlight=False)


def _last(rows: "Sequence[Row]", row: "Row") -> "Row":
    """Return the last row of the same sort of mixture."""
    return [r for r in rows if (r.sources, r.pairing) == (row.sources, row.pairing)][-1]


def _cells(row: "Row", method: str) -> list[str]:
    kinds = f"{row.sources} {row.pairing}"
    return [method, kinds, *(_figure(x) for x in (row.nsdr, row.sir, row.sar, row.si_sdr))]


def _figure(found: "Interval") -> str:
    mean = round(found.mean, 2) + 0.0  # no minus before a zero
    return f"{mean:.2f} ± {(found.high - found.low) / 2:.2f}"


def _lines(report: "Report") -> Iterator[str]:
    if silent := report.silent:
        yield (
            f"a place that is silent: {silent.level.mean:.1f} dB against the mixture, at most "
            f"-12 dB in {silent.quiet:.0%} of {silent.examples} examples"
        )
    if places := report.localisation:
        yield (
            f"loudest cell on the side that sounds: {places.found.mean:.0%} "
            f"({places.found.low:.0%} to {places.found.high:.0%})"
        )
    for name, channels in (("vision", report.visual), ("audio", report.audio)):
        if channels:
            yield (
                f"strongest {name} channel says the kind: {channels.accuracy:.0%} "
                f"of {len(channels.kinds)} kinds"
            )
    yield f"± is half of the 95 % interval; {report.seconds:.0f} s on {report.device}"
