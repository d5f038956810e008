"""Tables of streams: what became of them, or what would."""

import sys
from collections.abc import Sequence

from rich.console import Console as RichConsole
from rich.table import Table

from pixelmix.cli.batch import Document
from pixelmix.cli.console import Console
from pixelmix.media.rewrite import Rewritten
from pixelmix.media.streams import Plan
from pixelmix.media.verify import Check
from pixelmix.pipeline.preview import Preview

_WIDE = 200


def tell_checks(checks: Sequence[Check], streams: Rewritten, console: Console) -> None:
    """Print what was found of each stream, and of the file as a whole."""
    table = Table("stream", "is", "verified", box=None)
    waiting = list(checks)
    for planned in streams.streams:
        mine = [check for check in waiting if check.subject == planned.label][:1]
        waiting = [check for check in waiting if check not in mine]
        table.add_row(planned.label, _fate(planned), "".join(check.finding for check in mine))
    for check in waiting:
        table.add_row(check.subject, "", check.finding)
    _show(table, console)


def tell_preview(preview: Preview, console: Console) -> Document:
    """Print what a remix would write, and return it for ``--json``."""
    about = f"about {preview.size / 1e6:.1f} MB"
    if preview.work is not None:
        about += f", in some {preview.work:.0f} s on two cores"
    console.say(f"{preview.target}: would be written as {preview.outline.container}, {about}")
    table = Table("stream", "will be", box=None)
    for planned in preview.outline.streams:
        table.add_row(planned.label, _fate(planned))
    _show(table, console)
    encoding = preview.outline.encoding
    if encoding is not None and encoding.note:
        console.note(encoding.note)
    if preview.regions is None:
        console.note("the regions are not known yet: they would be found first")
    return {
        "input": str(preview.info.path),
        "output": str(preview.target),
        "dry_run": True,
        "container": preview.outline.container,
        "audio_codec": None if encoding is None else encoding.codec,
        "copied": encoding is None,
        "streams": [
            {"stream": one.label, "how": one.how, "detail": one.detail}
            for one in preview.outline.streams
        ],
        "bytes": preview.size,
        "seconds": None if preview.seconds is None else round(preview.seconds, 3),
        "work": None if preview.work is None else round(preview.work, 1),
        "regions": None if preview.regions is None else list(preview.regions),
    }


def _fate(planned: Plan) -> str:
    return f"{planned.how}: {planned.detail}" if planned.detail else planned.how


def _show(table: Table, console: Console) -> None:
    if not console.as_json and not console.quiet:
        # What reads from a pipe wants whole lines.
        width = None if sys.stdout.isatty() else _WIDE
        RichConsole(markup=False, highlight=False, width=width).print(table)
