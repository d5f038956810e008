"""`pixelmix separate`: one stem per place in the picture."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelmix.cli.batch import Document, expand, output_for, run_all
from pixelmix.cli.console import Console
from pixelmix.cli.options import (
    AudioTrack,
    Boxes,
    Debug,
    DeviceChoice,
    Duration,
    InputsOrProject,
    Json,
    Model,
    Output,
    Overwrite,
    Points,
    Quiet,
    SkipExisting,
    Start,
    Threads,
    Verbose,
)

if TYPE_CHECKING:
    from pixelmix.model.session import Networks
    from pixelmix.pipeline import Separated

Multitrack = Annotated[
    bool,
    typer.Option(
        "--multitrack",
        help="One video (.mkv, .mov, .mp4) with the picture and each stem as a named track.",
    ),
]


def separate(
    inputs: InputsOrProject = None,
    point: Points = None,
    region: Boxes = None,
    output: Output = None,
    *,
    multitrack: Multitrack = False,
    start: Start = None,
    duration: Duration = None,
    audio_track: AudioTrack = None,
    model: Model = "default",
    device: DeviceChoice = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    skip_existing: SkipExisting = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    debug: Debug = False,  # noqa: ARG001 - read by main()
) -> None:
    """Write the sound of each place: stems.

    One WAV file per place, and rest.wav with what no place claims. The stems have the rate and
    channels of the original and sum to it. With --multitrack they are tracks of one video, for
    an editor to load at once.
    """
    from pixelmix.cli.setup import open_networks, places, tell_damage
    from pixelmix.hearing import Source
    from pixelmix.pipeline import separate_multitrack, separate_video

    console = Console(json, quiet, verbose)
    specs = places(point, region)
    files = expand(inputs)
    with open_networks(model, device, threads, console) as networks:

        def work(file: Path) -> Document | None:
            ending = ".stems.mkv" if multitrack else ".stems"
            folder = output_for(file, ending, output, many=len(files) > 1)
            if skip_existing and folder.exists():
                console.note(f"{folder} exists; left {file} out")
                return None
            began = time.monotonic()
            with console.progress(file.name) as progress:
                separated = separate_multitrack if multitrack else separate_video
                result = separated(
                    Source(file, audio_track, start, duration),
                    folder,
                    specs,
                    networks,
                    overwrite=overwrite,
                    progress=progress,
                )
            took = time.monotonic() - began
            tell_damage(result.damage, file.name, console)
            _tell(result, folder, took, console)
            return _document(result, networks, took)

        run_all(files, work, console)


def _tell(result: "Separated", folder: Path, took: float, console: Console) -> None:
    from pixelmix.cli.setup import tell_streams

    console.say(f"{folder}: {result.seconds:.1f} s of sound in {took:.1f} s")
    for name, level in result.levels.items():
        label = name if result.report else result.files[name].name
        console.say(
            f"  {label:<20} {100 * level.share:5.1f} % of the sound, "
            f"confidence {level.confidence:.2f}"
        )
    if result.report is not None:
        tell_streams(result.report, console)
    elif abs(result.start) > 0.001:
        side = "after" if result.start > 0 else "before"
        console.note(f"the stems begin {abs(result.start):.3f} s {side} the picture")


def _document(result: "Separated", networks: "Networks", took: float) -> Document:
    from pixelmix.cli.setup import level_document, run_document

    stems = [
        {"name": name, "path": str(result.files[name]), **level_document(level)}
        for name, level in result.levels.items()
    ]
    return {
        **run_document(result.info, networks, result.damage),
        "stems": stems,
        "start": round(result.start, 6),
        "seconds": round(result.seconds, 6),
        "took": round(took, 3),
    }
