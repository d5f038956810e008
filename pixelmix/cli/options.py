"""Options that several commands share, and what they mean together."""

from pathlib import Path
from typing import Annotated, TypeVar

import typer

from pixelmix.errors import UsageError

Choice = TypeVar("Choice", bound=str)

Inputs = Annotated[
    list[Path],
    typer.Argument(metavar="IN", help="Videos; a folder stands for the videos in it."),
]
InputsOrProject = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[IN]",
        help="Videos; a folder stands for the videos in it; "
        "nothing for that of the one project file in this folder.",
        show_default=False,
    ),
]
Points = Annotated[
    list[str] | None,
    typer.Option(
        "--point",
        metavar="[NAME=]X,Y",
        help="Where a sound comes from, in pixels of the picture as shown, or in percent.",
    ),
]
Boxes = Annotated[
    list[str] | None,
    typer.Option(
        "--region", metavar="[NAME=]X,Y,W,H", help="The same, as a box: left, top, width, height."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="PATH", help="Where to write; with several inputs, a folder."
    ),
]
Overwrite = Annotated[
    bool, typer.Option("-y", "--overwrite", help="Replace outputs that already exist.")
]
SkipExisting = Annotated[
    bool, typer.Option("--skip-existing", help="Leave out inputs whose output already exists.")
]
AudioTrack = Annotated[
    str | None,
    typer.Option(
        "--audio-track",
        metavar="N|LANG",
        help="Which audio track, from 0, or its language such as eng; else the default one.",
    ),
]
HighBandMode = Annotated[
    str,
    typer.Option(
        "--highband",
        metavar="follow|keep",
        help="Sound above the model's band: regions follow their mask below it, or it stays "
        "in rest.",
    ),
]
Model = Annotated[
    str, typer.Option("--model", metavar="NAME|PATH", help="Model bundle; see `pixelmix models`.")
]
DeviceChoice = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda|tensorrt", help="Where networks run.")
]
Look = Annotated[
    int | None,
    typer.Option(
        "--look",
        min=64,
        max=1024,
        metavar="PIXELS",
        help="Short side of the pictures the model is shown; larger ones show it smaller players. "
        "Else the model's own.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        metavar="N",
        help="CPU threads of the networks; else as many as leave room for the work beside them.",
    ),
]
Jobs = Annotated[
    int,
    typer.Option(
        "--jobs", min=1, metavar="N", help="Files worked on at a time, one per core at most."
    ),
]
Prepared = Annotated[
    Path, typer.Argument(metavar="DATASET", help="A folder that `pixelmix prepare` made.")
]
NewBundle = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The new bundle.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress, no notes.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Start = Annotated[
    float | None,
    typer.Option("--start", min=0, metavar="SECONDS", help="Begin here, from the file's start."),
]
Duration = Annotated[
    float | None,
    typer.Option(
        "--duration", "--preview", min=0.01, metavar="SECONDS", help="Only so much of it."
    ),
]


def chosen(option: str, text: str, choices: tuple[Choice, ...]) -> Choice:
    """Return which of the choices was written.

    Raises
    ------
    UsageError
        If it is none of them; the message lists them.
    """
    for choice in choices:
        if text == choice:
            return choice
    raise UsageError(f"{option} {text!r}: choose one of {', '.join(choices)}")
