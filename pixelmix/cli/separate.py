"""`pixelmix separate`: one stem per place in the picture."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

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


def separate(
    inputs: InputsOrProject = None,
    point: Points = None,
    region: Boxes = None,
    output: Output = None,
    *,
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
    channels of the original and sum to it.
    """
    from pixelmix.cli.setup import open_networks, places, tell_damage, tell_doubts
    from pixelmix.hearing import Source
    from pixelmix.pipeline import separate_video

    console = Console(json, quiet, verbose)
    specs = places(point, region)
    files = expand(inputs)
    with open_networks(model, device, threads, console) as networks:

        def work(file: Path) -> Document | None:
            folder = output_for(file, ".stems", output, many=len(files) > 1)
            if skip_existing and folder.exists():
                console.note(f"{folder} exists; left {file} out")
                return None
            began = time.monotonic()
            with console.progress(file.name) as progress:
                result = separate_video(
                    Source(file, audio_track, start, duration),
                    folder,
                    specs,
                    networks,
                    overwrite=overwrite,
                    progress=progress,
                )
            took = time.monotonic() - began
            tell_damage(result.damage, file.name, console)
            tell_doubts(result.warnings, file.name, console)
            _tell(result, folder, took, console)
            return _document(result, networks, took)

        run_all(files, work, console)


def _tell(result: "Separated", folder: Path, took: float, console: Console) -> None:
    console.say(f"{folder}: {result.seconds:.1f} s of sound in {took:.1f} s")
    for name, level in result.levels.items():
        console.say(
            f"  {result.files[name].name:<20} {100 * level.share:5.1f} % of the sound, "
            f"confidence {level.confidence:.2f}"
        )
    if abs(result.start) > 0.001:
        side = "after" if result.start > 0 else "before"
        console.note(f"the stems begin {abs(result.start):.3f} s {side} the picture")


def _document(result: "Separated", networks: "Networks", took: float) -> Document:
    from pixelmix.cli.setup import level_document, run_document

    stems = [
        {"name": name, "path": str(result.files[name]), **level_document(level)}
        for name, level in result.levels.items()
    ]
    return {
        **run_document(
            result,
            networks,
            took,
            peak=max(level.peak for level in result.levels.values()),
            null_error=result.null_error,
        ),
        "stems": stems,
        "start": round(result.start, 6),
        "seconds": round(result.seconds, 6),
        "warnings": list(result.warnings),
    }
