"""`pixelmix regions`: find what sounds in the picture, and name it."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelmix.cli.batch import Document, expand, run_all
from pixelmix.cli.console import Console
from pixelmix.cli.options import (
    AudioTrack,
    Debug,
    DeviceChoice,
    Duration,
    Inputs,
    Jobs,
    Json,
    Look,
    Model,
    Overwrite,
    Quiet,
    SkipExisting,
    Start,
    Threads,
    Verbose,
)

if TYPE_CHECKING:
    from pixelmix.model.session import Networks
    from pixelmix.pipeline.regions import RegionsFile

Count = Annotated[
    int | None,
    typer.Option("--count", min=1, max=12, metavar="N", help="How many there are, if known."),
]
Folder = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="DIR", help="Where to write; else beside the video."),
]
Picture = Annotated[
    bool, typer.Option("--picture/--no-picture", help="Draw what was found, as a PNG.")
]


def regions(
    inputs: Inputs,
    count: Count = None,
    output: Folder = None,
    *,
    picture: Picture = True,
    start: Start = None,
    duration: Duration = None,
    audio_track: AudioTrack = None,
    model: Model = "default",
    device: DeviceChoice = "auto",
    look: Look = None,
    threads: Threads = None,
    jobs: Jobs = 1,
    overwrite: Overwrite = False,
    skip_existing: SkipExisting = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,  # noqa: ARG001 - read by main()
) -> None:
    """Find what sounds in the picture: region1, region2, ... from left to right.

    Writes IN.pixelmix.json, from which remix and separate then take the regions, and
    IN.regions.png, which shows them. What looks and sounds alike is one region.
    """
    from pixelmix.cli.setup import open_networks, tell_damage, tell_doubts
    from pixelmix.hearing import Source
    from pixelmix.pipeline.regions import find_regions, regions_files

    console = Console(json, quiet, verbose)
    files = expand(inputs, output)
    with open_networks(model, device, threads, console, look, sharers=2 * jobs) as networks:

        def work(file: Path, console: Console) -> Document | None:
            project, drawing = regions_files(file, output)
            if skip_existing and project.exists():
                console.note(f"{project} exists; left {file} out")
                return None
            began = time.monotonic()
            with console.progress(file.name) as progress:
                result = find_regions(
                    Source(file, audio_track, start, duration),
                    project,
                    drawing if picture else None,
                    networks,
                    count=count,
                    overwrite=overwrite,
                    progress=progress,
                )
            took = time.monotonic() - began
            tell_damage(result.damage, file.name, console)
            tell_doubts(result.warnings, file.name, console)
            _tell(result, took, console)
            return _document(result, networks, took)

        run_all(files, work, console, jobs)


def _tell(result: "RegionsFile", took: float, console: Console) -> None:
    shown = result.project if result.picture is None else result.picture
    found = result.regions
    if not found:
        console.say(f"{shown}: no sounding region found, in {took:.1f} s")
        return
    many = "1 region" if len(found) == 1 else f"{len(found)} regions"
    console.say(f"{shown}: {many} in {took:.1f} s")
    for one in found:
        box = one.region.box
        console.say(
            f"  {one.region.name:<10} {100 * one.share:5.1f} % of the sound, "
            f"confidence {one.confidence:.2f}, at {box.x:.0f},{box.y:.0f} "
            f"({box.width:.0f} x {box.height:.0f}), sounds {_times(one.spans)}"
        )
    console.say(f"  {'rest':<10} {100 * result.rest:5.1f} % of the sound")
    for one in found:
        if len(one.places) > 1:
            console.note(
                f"{one.region.name} is seen in {len(one.places)} places; if that is not one that "
                "moved, they look and sound alike and cannot be told apart"
            )


def _times(spans: tuple[tuple[float, float], ...]) -> str:
    if not spans:
        return "hardly ever"
    shown = ", ".join(f"{_clock(first)}-{_clock(last)}" for first, last in spans[:4])
    return shown + (f" and {len(spans) - 4} times more" if len(spans) > 4 else "")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(max(seconds, 0.0), 1), 60)
    return f"{int(minutes)}:{rest:04.1f}"


def _document(result: "RegionsFile", networks: "Networks", took: float) -> Document:
    from pixelmix.cli.setup import run_document

    return {
        **run_document(result, networks, took),
        "project": str(result.project),
        "picture": None if result.picture is None else str(result.picture),
        "regions": [
            {
                "name": one.region.name,
                "box": [round(side, 3) for side in one.region.box.sides],
                "places": [[round(side, 3) for side in box.sides] for box in one.places],
                "share": round(one.share, 6),
                "confidence": round(one.confidence, 4),
                "spans": [list(span) for span in one.spans],
                "colour": one.colour,
            }
            for one in result.regions
        ],
        "rest": round(result.rest, 6),
        "warnings": list(result.warnings),
    }
