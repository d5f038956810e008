"""`pixelmix remix`: a new video whose sound is turned up and down by place."""

import time
from contextlib import ExitStack
from functools import cache
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
from pixelmix.errors import UsageError

if TYPE_CHECKING:
    from pixelmix.model.session import Networks
    from pixelmix.pipeline import Remixed

Gains = Annotated[
    list[str] | None,
    typer.Option(
        "--gain",
        metavar="NAME=G[@FROM-TO]",
        help="How loud a region (or rest) becomes: 0.2, -12dB, mute or solo; "
        "with a time span such as @0:10-0:25.",
    ),
]
ClipMode = Annotated[
    str,
    typer.Option(
        "--clip",
        metavar="limit|none",
        help="What keeps the sound from clipping when something is made louder.",
    ),
]
AudioCodec = Annotated[
    str | None,
    typer.Option("--audio-codec", metavar="CODEC", help="Instead of the original's codec."),
]
BitRate = Annotated[
    str | None, typer.Option("--bitrate", metavar="RATE", help="Of the new sound, such as 192k.")
]


def remix(
    inputs: InputsOrProject = None,
    gain: Gains = None,
    point: Points = None,
    region: Boxes = None,
    output: Output = None,
    *,
    start: Start = None,
    duration: Duration = None,
    clip: ClipMode = "limit",
    audio_codec: AudioCodec = None,
    bitrate: BitRate = None,
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
    """Turn places up and down: a new video.

    The picture and everything else in the file are copied as they are. Example:

    pixelmix remix duet.mp4 --point violin=25%,50% --gain violin=-12dB
    """
    from pixelmix.cli.setup import open_networks, places, tell_damage, tell_doubts
    from pixelmix.hearing import Source
    from pixelmix.mix.gains import parse_gain
    from pixelmix.pipeline import remix_video

    console = Console(json, quiet, verbose)
    if not gain:
        raise UsageError("nothing to do: say how loud a region becomes with --gain NAME=G")
    if clip not in ("limit", "none"):
        raise UsageError(f"--clip {clip!r}: choose limit or none")
    gains = [parse_gain(text) for text in gain]
    rate = None if bitrate is None else _bit_rate(bitrate)
    specs = places(point, region)
    files = expand(inputs)
    with ExitStack() as stack:
        # Opened by the first file that needs them: unit gains need no networks.
        networks = cache(
            lambda: stack.enter_context(open_networks(model, device, threads, console))
        )

        def work(file: Path) -> Document | None:
            target = output_for(file, f".remix{file.suffix}", output, many=len(files) > 1)
            if skip_existing and target.exists():
                console.note(f"{target} exists; left {file} out")
                return None
            began = time.monotonic()
            with console.progress(file.name) as progress:
                result = remix_video(
                    Source(file, audio_track, start, duration),
                    target,
                    specs,
                    gains,
                    networks,
                    clip="limit" if clip == "limit" else "none",
                    audio_codec=audio_codec,
                    bit_rate=rate,
                    overwrite=overwrite,
                    progress=progress,
                )
            took = time.monotonic() - began
            tell_damage(result.damage, file.name, console)
            tell_doubts(result.warnings, file.name, console)
            _tell(result, took, console)
            used = networks() if result.report.encoding else None
            return _document(result, used, took)

        run_all(files, work, console)


def _bit_rate(text: str) -> int:
    """Read bits per second written as ``192k``, ``0.2M`` or ``192000``."""
    number = text.lower().removesuffix("k").removesuffix("m")
    scale = {"k": 1e3, "m": 1e6}.get(text[-1:].lower(), 1.0)
    try:
        rate = float(number) * scale
    except ValueError:
        rate = 0.0
    if not 1 <= rate <= 1e9:
        raise UsageError(f"--bitrate {text!r}: write it as 192k or 192000")
    return round(rate)


def _tell(result: "Remixed", took: float, console: Console) -> None:
    from pixelmix.cli.setup import tell_streams

    report = result.report
    how = f"sound in {report.encoding.codec}" if report.encoding else "all packets copied"
    console.say(f"{result.output}: {how}, picture copied, in {took:.1f} s")
    for name, level in result.levels.items():
        console.say(
            f"  {name:<16} {100 * level.share:5.1f} % of the sound, "
            f"confidence {level.confidence:.2f}"
        )
    if result.reduction_db > 0.05:
        console.note(f"peaks were turned down by up to {result.reduction_db:.1f} dB (--clip limit)")
    tell_streams(report, console)


def _document(result: "Remixed", networks: "Networks | None", took: float) -> Document:
    from pixelmix.cli.setup import level_document, run_document, streams_document

    encoding = result.report.encoding
    return {
        **run_document(result, networks, took, peak=result.peak, null_error=result.null_error),
        "output": str(result.output),
        "regions": [
            {"name": name, **level_document(level)} for name, level in result.levels.items()
        ],
        "audio_codec": None if encoding is None else encoding.codec,
        "copied": encoding is None,
        "reduction_db": round(result.reduction_db, 3),
        **streams_document(result.report),
        "warnings": list(result.warnings),
    }
