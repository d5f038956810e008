"""`pixelmix separate`: one stem per place in the picture."""

import time
from functools import partial
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
    HighBandMode,
    InputsOrProject,
    Jobs,
    Json,
    Look,
    Model,
    Output,
    Overwrite,
    Points,
    Quiet,
    SkipExisting,
    Start,
    Threads,
    Verbose,
    chosen,
)
from pixelmix.errors import UsageError

if TYPE_CHECKING:
    from pixelmix.dsp.warp import HighBand
    from pixelmix.media.stemfile import StemFormat
    from pixelmix.model.session import Networks
    from pixelmix.pipeline.separate import Separated

Format = Annotated[str, typer.Option("--format", metavar="wav|flac", help="Of the stems' files.")]
BitDepth = Annotated[
    str | None,
    typer.Option(
        "--bits",
        metavar="16|24|32f",
        help="Of the stems' samples: 32f (float; only WAV) or rounded to 16 or 24 bits. "
        "Else 32f in WAV and 24 in FLAC.",
    ),
]
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
    format: Format = "wav",  # noqa: A002 - the option's name
    bits: BitDepth = None,
    multitrack: Multitrack = False,
    start: Start = None,
    duration: Duration = None,
    highband: HighBandMode = "follow",
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
    """Write the sound of each place: stems.

    A file per place, and rest.wav (or rest.flac) with what no place claims. The stems have the
    rate and channels of the original and sum to it. With --multitrack they are tracks of one
    video, for an editor to load at once.
    """
    from pixelmix.cli.setup import open_networks, places, tell_damage, tell_doubts
    from pixelmix.hearing import Source
    from pixelmix.pipeline.separate import separate_multitrack, separate_video

    console = Console(json, quiet, verbose)
    band: HighBand = chosen("--highband", highband, ("follow", "keep"))
    stored = _stored(format, bits)
    if multitrack and (format, bits) != ("wav", None):
        raise UsageError(
            "--multitrack stores its tracks as the container can; leave out --format and --bits"
        )
    specs = places(point, region)
    files = expand(inputs, output)
    with open_networks(model, device, threads, console, look, sharers=2 * jobs) as networks:

        def work(file: Path, console: Console) -> Document | None:
            ending = ".stems.mkv" if multitrack else ".stems"
            folder = output_for(file, ending, output, many=len(files) > 1)
            if skip_existing and folder.exists():
                console.note(f"{folder} exists; left {file} out")
                return None
            began = time.monotonic()
            with console.progress(file.name) as progress:
                separated = (
                    separate_multitrack if multitrack else partial(separate_video, stored=stored)
                )
                result = separated(
                    Source(file, audio_track, start, duration),
                    folder,
                    specs,
                    networks,
                    highband=band,
                    overwrite=overwrite,
                    progress=progress,
                )
            took = time.monotonic() - began
            tell_damage(result.damage, file.name, console)
            tell_doubts(result.warnings, file.name, console)
            _tell(result, folder, took, console)
            return _document(result, networks, took)

        run_all(files, work, console, jobs)


def _stored(format_name: str, bits: str | None) -> "StemFormat":
    from pixelmix.media.stemfile import Bits, Kind, StemFormat

    kind: Kind = chosen("--format", format_name, ("wav", "flac"))
    usual: Bits = "32f" if kind == "wav" else "24"
    asked: Bits = usual if bits is None else chosen("--bits", bits, ("16", "24", "32f"))
    return StemFormat(kind, asked)


def _tell(result: "Separated", folder: Path, took: float, console: Console) -> None:
    from pixelmix.cli.setup import tell_streams

    console.say(f"{folder}: {result.seconds:.1f} s of sound in {took:.1f} s")
    for name, level in result.levels.items():
        label = name if result.report else result.files[name].name
        console.say(
            f"  {label:<20} {100 * level.share:5.1f} % of the sound, "
            f"confidence {level.confidence:.2f}"
        )
    for name, count in result.clipped.items():
        if count:
            console.warn(
                f"{result.files[name].name}: {count} samples beyond full scale were clipped; "
                "--format wav --bits 32f keeps them"
            )
    if result.report is not None:
        tell_streams(result.report, console)
    elif abs(result.start) > 0.001:
        side = "after" if result.start > 0 else "before"
        console.note(f"the stems begin {abs(result.start):.3f} s {side} the picture")


def _document(result: "Separated", networks: "Networks", took: float) -> Document:
    from pixelmix.cli.setup import level_document, run_document

    stems = [
        {
            "name": name,
            "path": str(result.files[name]),
            "clipped": result.clipped.get(name, 0),
            **level_document(level),
        }
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
