"""`pixelmix heatmap`: where the sound is, drawn over the video."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pixelmix.cli.batch import Document, expand, output_for, run_all
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
    Output,
    Overwrite,
    Quiet,
    SkipExisting,
    Start,
    Threads,
    Verbose,
)
from pixelmix.errors import UsageError

if TYPE_CHECKING:
    from pixelmix.model.session import Networks
    from pixelmix.pipeline.heatmap import Heated, View

ModeChoice = Annotated[
    str,
    typer.Option(
        "--mode",
        metavar="energy|clusters|regions",
        help="What colours mean: how loud, which kind of sound, or which region.",
    ),
]
Opacity = Annotated[
    float, typer.Option("--opacity", min=0, max=1, metavar="0-1", help="Of the colours.")
]
SideBySide = Annotated[
    bool, typer.Option("--side-by-side", help="Show the picture as it was at the left.")
]
Still = Annotated[
    bool, typer.Option("--still", help="Write one picture, a PNG, instead of a video: ...")
]
At = Annotated[
    float | None,
    typer.Option("--at", min=0, metavar="SECONDS", help="... of this moment; else the loudest."),
]
Encoder = Annotated[str, typer.Option("--encoder", metavar="NAME", help="FFmpeg's video encoder.")]
Crf = Annotated[
    int | None, typer.Option("--crf", min=0, max=63, metavar="N", help="Its quality; less is more.")
]
Preset = Annotated[
    str | None, typer.Option("--preset", metavar="NAME", help="Its speed, such as fast.")
]


def heatmap(
    inputs: Inputs,
    output: Output = None,
    *,
    mode: ModeChoice = "energy",
    opacity: Opacity = 0.7,
    side_by_side: SideBySide = False,
    still: Still = False,
    at: At = None,
    encoder: Encoder = "libx264",
    crf: Crf = None,
    preset: Preset = None,
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
    """Draw over the picture where the sound comes from: a new video.

    The sound is copied as it is. Places without sound stay clear. Example:

    pixelmix heatmap duet.mp4 --mode regions
    """
    from pixelmix.cli.setup import open_networks, tell_damage
    from pixelmix.hearing import Source
    from pixelmix.media.heatmap import Encoding
    from pixelmix.pipeline.heatmap import heatmap_still, heatmap_video

    console = Console(json, quiet, verbose)
    if at is not None and not still:
        raise UsageError("--at says which picture --still writes; give both")
    for name in inputs:
        if still and name.suffix.lower() == ".png" and not name.exists():
            raise UsageError(f"--still takes no name; write the picture with -o {name}")
    view = _view(mode, opacity, side_by_side)
    files = expand(inputs, output)
    with open_networks(model, device, threads, console, look, sharers=2 * jobs) as networks:

        def work(file: Path, console: Console) -> Document | None:
            ending = ".heatmap.png" if still else ".heatmap.mp4"
            target = output_for(file, ending, output, many=len(files) > 1)
            if skip_existing and target.exists():
                console.note(f"{target} exists; left {file} out")
                return None
            source = Source(file, audio_track, start, duration)
            began = time.monotonic()
            with console.progress(file.name) as progress:
                if still:
                    result = heatmap_still(
                        source, target, view, networks,
                        time=at, overwrite=overwrite, progress=progress,
                    )  # fmt: skip
                else:
                    result = heatmap_video(
                        source,
                        target,
                        view,
                        networks,
                        encoding=Encoding(encoder, crf, preset),
                        threads=threads or 0,
                        overwrite=overwrite,
                        progress=progress,
                    )
            took = time.monotonic() - began
            tell_damage(result.damage, file.name, console)
            _tell(result, view, took, console)
            return _document(result, view, networks, took)

        run_all(files, work, console, jobs)


def _view(mode: str, opacity: float, side_by_side: bool) -> "View":
    from pixelmix.pipeline.heatmap import View

    for known in ("energy", "clusters", "regions"):
        if mode == known:
            return View(known, opacity, side_by_side)
    raise UsageError(f"--mode {mode!r}: choose energy, clusters or regions")


def _tell(result: "Heated", view: "View", took: float, console: Console) -> None:
    from pixelmix.cli.setup import tell_streams

    what = "a picture" if result.report is None else f"{result.report.pictures} pictures"
    console.say(f"{result.output}: {view.mode} in {what}, in {took:.1f} s")
    if result.report is not None:
        tell_streams(result.report, console)


def _document(result: "Heated", view: "View", networks: "Networks", took: float) -> Document:
    from pixelmix.cli.setup import run_document, streams_document

    report = result.report
    return {
        **run_document(result, networks, took),
        "output": str(result.output),
        "mode": view.mode,
        "pictures": 1 if report is None else report.pictures,
        **streams_document(report),
    }
