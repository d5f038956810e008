"""`pixelmix prepare`: videos, lists and kits as one dataset."""

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelmix.cli.console import Console
from pixelmix.cli.extra import training_extra
from pixelmix.cli.options import Debug, Json, Quiet

if TYPE_CHECKING:
    from pixelmix.data.prepare import Summary

Sources = Annotated[
    list[Path],
    typer.Argument(metavar="SOURCE", help="Folders of videos, videos, lists and kits."),
]
Folder = Annotated[Path, typer.Option("-o", "--output", metavar="DATASET", help="The dataset.")]
Rate = Annotated[int, typer.Option("--rate", min=1000, metavar="HZ", help="Of the sound.")]
Side = Annotated[
    int, typer.Option("--side", min=16, metavar="PIXELS", help="Short side of the pictures.")
]
FrameRate = Annotated[
    float,
    typer.Option(
        "--frame-rate", min=0.01, metavar="N", help="Pictures taken from a second of video."
    ),
]
ListFrameRate = Annotated[
    float,
    typer.Option(
        "--list-frame-rate", min=0.01, metavar="N", help="Pictures per second in lists' folders."
    ),
]
Val = Annotated[
    float,
    typer.Option(
        "--val", min=0, max=1, metavar="SHARE", help="Of videos without a split kept for val."
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", min=1, metavar="N", help="Sources read at once; else one per core."),
]
_SHOWN = 10
"""Sources left out that are listed without ``--json``."""


def prepare(
    sources: Sources,
    output: Folder,
    *,
    rate: Rate = 11_025,
    side: Side = 256,
    frame_rate: FrameRate = 2.0,
    list_frame_rate: ListFrameRate = 8.0,
    val: Val = 0.1,
    jobs: Jobs = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - read by main()
) -> None:
    """Make a dataset to train on.

    A SOURCE is a folder of videos (searched with all folders in it; the folder a video lies in
    names its class, folders called train, val and test its split), a single video, a list of the
    published code (a .csv file: sound, folder of pictures, their number) or a kit (a folder with
    solos.csv and pictures.csv). What cannot be used is left out and named. Interrupted, the same
    command goes on; later, it adds what is new. Example:

    pixelmix prepare videos -o mydata
    """
    with training_extra("to prepare data"):
        from pixelmix.data.prepare import Options
        from pixelmix.data.prepare import prepare as make

    console = Console(json, quiet)
    began = time.monotonic()
    options = Options(rate, side, frame_rate, list_frame_rate, val, jobs or os.cpu_count() or 1)
    try:
        with console.counting("preparing") as count:
            summary = make(sources, output, options, lambda at: count(at.done, at.total))
    except KeyboardInterrupt:
        console.note(f"{output}: what is done is kept; the same command goes on from there")
        raise
    _tell(output, summary, console)
    seconds = round(time.monotonic() - began, 1)
    console.document({"output": str(output), **asdict(summary), "elapsed": seconds})


def _tell(output: Path, summary: "Summary", console: Console) -> None:
    splits = ", ".join(f"{count} {split}" for split, count in summary.splits.items())
    console.say(
        f"{output}: {summary.sounds} sounds ({splits}), {summary.seconds / 60:.1f} minutes, "
        f"{summary.pictures} pictures, {summary.bytes / 1e6:.0f} MB; {summary.added} new"
    )
    width = max(len(row.kind) for row in summary.kinds)
    for row in summary.kinds:
        console.say(
            f"  {row.kind or '-':{width}}  {row.sounds:6} sounds  {row.seconds / 60:8.1f} minutes  "
            f"{row.pictures:7} pictures"
        )
    if summary.left_out:
        console.say(f"left out: {len(summary.left_out)}")
    for left_out in summary.left_out[:_SHOWN]:
        console.say(f"  {left_out.name}: {left_out.reason}")
    if len(summary.left_out) > _SHOWN:
        console.say(f"  and {len(summary.left_out) - _SHOWN} more; --json lists them all")
    if summary.changed:
        console.note(
            f"{len(summary.changed)} sources differ from when they were taken, and stay as they "
            f"were ({summary.changed[0]}, ...); to take them anew, use a new folder"
        )
