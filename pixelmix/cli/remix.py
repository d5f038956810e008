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
    from pixelmix.media.loudness import Loudness
    from pixelmix.model.session import Networks
    from pixelmix.pipeline.mixer import Clip, SoundReport
    from pixelmix.pipeline.remix import Remixed

Gains = Annotated[
    list[str] | None,
    typer.Option(
        "--gain",
        metavar="NAME=G[@FROM-TO]",
        help="How loud a region (or rest) becomes: 0.2, -12dB, mute or solo; "
        "with a time span such as @0:10-0:25.",
    ),
]
Automation = Annotated[
    Path | None,
    typer.Option(
        "--automation",
        metavar="CSV|JSON",
        help="A file of gains: region,gain,start,end in every row. --gain wins over it.",
    ),
]
ClipMode = Annotated[
    str,
    typer.Option(
        "--clip",
        metavar="limit|rescale|none",
        help="What keeps the sound from clipping: a limiter, one gain for all of it, or nothing.",
    ),
]
AudioCodec = Annotated[
    str | None,
    typer.Option("--audio-codec", metavar="CODEC", help="Instead of the original's codec."),
]
BitRate = Annotated[
    str | None, typer.Option("--bitrate", metavar="RATE", help="Of the new sound, such as 192k.")
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify", help="Open the result again and compare it with the input; else fail."
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")
]
KeepOriginal = Annotated[
    bool,
    typer.Option(
        "--keep-original-audio", help="Keep the original sound too, as one more named track."
    ),
]


def remix(
    inputs: InputsOrProject = None,
    gain: Gains = None,
    point: Points = None,
    region: Boxes = None,
    output: Output = None,
    *,
    automation: Automation = None,
    start: Start = None,
    duration: Duration = None,
    highband: HighBandMode = "follow",
    clip: ClipMode = "limit",
    audio_codec: AudioCodec = None,
    bitrate: BitRate = None,
    audio_track: AudioTrack = None,
    keep_original_audio: KeepOriginal = False,
    verify: Verify = False,
    dry_run: DryRun = False,
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
    """Turn places up and down: a new video.

    The picture and everything else in the file are copied as they are. Example:

    pixelmix remix duet.mp4 --point violin=25%,50% --gain violin=-12dB
    """
    from pixelmix.cli.setup import open_networks, places, tell_damage, tell_doubts
    from pixelmix.hearing import Source
    from pixelmix.media.remux import Sound
    from pixelmix.mix.automation import read_automation
    from pixelmix.mix.gain_options import parse_gain
    from pixelmix.pipeline.remix import remix_video

    console = Console(json, quiet, verbose)
    if not gain and automation is None:
        raise UsageError(
            "nothing to do: say how loud a region becomes with --gain NAME=G or --automation FILE"
        )
    band: HighBand = chosen("--highband", highband, ("follow", "keep"))
    clip_mode: Clip = chosen("--clip", clip, ("limit", "rescale", "none"))
    gains = [] if automation is None else list(read_automation(automation))
    gains += [parse_gain(text) for text in gain or ()]
    rate = None if bitrate is None else _bit_rate(bitrate)
    sound = Sound(audio_codec, rate, keep_original_audio)
    specs = places(point, region)
    files = expand(inputs, output)
    with ExitStack() as stack:
        # Opened by the first file that needs them: unit gains need no networks.
        networks = cache(
            lambda: stack.enter_context(
                open_networks(model, device, threads, console, look, sharers=2 * jobs)
            )
        )
        if jobs > 1:
            networks()

        def work(file: Path, console: Console) -> Document | None:
            target = output_for(file, f".remix{file.suffix}", output, many=len(files) > 1)
            if skip_existing and target.exists():
                console.note(f"{target} exists; left {file} out")
                return None
            source = Source(file, audio_track, start, duration)
            if dry_run:
                from pixelmix.cli.streams_table import tell_preview
                from pixelmix.pipeline.preview import preview_remix

                preview = preview_remix(
                    source, target, specs, gains, sound=sound, overwrite=overwrite
                )
                return tell_preview(preview, console)
            began = time.monotonic()
            with console.progress(file.name) as progress:
                result = remix_video(
                    source,
                    target,
                    specs,
                    gains,
                    networks,
                    highband=band,
                    clip=clip_mode,
                    sound=sound,
                    verified=verify,
                    overwrite=overwrite,
                    progress=progress,
                )
            took = time.monotonic() - began
            tell_damage(result.damage, file.name, console)
            tell_doubts(result.warnings, file.name, console)
            _tell(result, clip, took, console)
            used = networks() if result.report.encoding else None
            return _document(result, used, took)

        run_all(files, work, console, jobs)


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


def _tell(result: "Remixed", clip: str, took: float, console: Console) -> None:
    from pixelmix.cli.setup import tell_streams

    report = result.report
    how = f"sound in {report.encoding.codec}" if report.encoding else "all packets copied"
    console.say(f"{result.output}: {how}, picture copied, in {took:.1f} s")
    for name, level in result.levels.items():
        console.say(
            f"  {name:<16} {100 * level.share:5.1f} % of the sound, "
            f"confidence {level.confidence:.2f}"
        )
    if result.sound:
        _tell_sound(result.sound, clip, console)
    tell_streams(report, console)
    if result.checks:
        from pixelmix.cli.streams_table import tell_checks

        tell_checks(result.checks, report, console)


def _tell_sound(sound: "SoundReport", clip: str, console: Console) -> None:
    before, after = sound.before, sound.after
    console.say(
        f"  loudness {_level(before.integrated)} -> {_level(after.integrated)} LUFS, "
        f"true peak {_level(before.true_peak)} -> {_level(after.true_peak)} dBTP"
    )
    if sound.reduction_db > 0.05:
        what = "all sound was turned down by" if clip == "rescale" else "peaks went down by up to"
        console.note(f"{what} {sound.reduction_db:.1f} dB (--clip {clip})")
    if clip == "none" and after.true_peak is not None and after.true_peak > 0:
        console.note(
            f"the sound passes full scale by {after.true_peak:.1f} dB and may clip; "
            "--clip limit or rescale prevents it"
        )


def _level(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f}"


def _document(result: "Remixed", networks: "Networks | None", took: float) -> Document:
    from pixelmix.cli.setup import level_document, run_document, streams_document

    encoding, sound = result.report.encoding, result.sound
    return {
        **run_document(result, networks, took, peak=result.peak, null_error=result.null_error),
        "output": str(result.output),
        "regions": [
            {"name": name, **level_document(level)} for name, level in result.levels.items()
        ],
        "audio_codec": None if encoding is None else encoding.codec,
        "copied": encoding is None,
        "reduction_db": 0.0 if sound is None else round(sound.reduction_db, 3),
        "before": None if sound is None else _loudness_document(sound.before),
        "after": None if sound is None else _loudness_document(sound.after),
        **streams_document(result.report),
        "checks": [{"subject": check.subject, "finding": check.finding} for check in result.checks],
        "warnings": list(result.warnings),
    }


def _loudness_document(loudness: "Loudness") -> Document:
    values = {"lufs": loudness.integrated, "true_peak_dbtp": loudness.true_peak}
    return {key: None if value is None else round(value, 2) for key, value in values.items()}
