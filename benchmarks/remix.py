"""What `pixelmix remix` costs, next to what it must be measured against, in one run.

    python benchmarks/remix.py [--minutes 1 10] [--model default] [--repeat 3] [--tool-only]

For every length: wall time, CPU time and peak memory of the whole command on 1080p30 H.264 with
stereo AAC; the same windows' networks alone in plain (eager, float32) PyTorch; the floor, which is
FFmpeg's libraries copying the picture and re-encoding the sound; and the seconds of each stage,
which overlap.
Figures are medians over ``--repeat`` runs taken in turn, with the ratio to each reference.

Needs ``pip install -e '.[train]'``.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from pixelmix.train.nets import NetworkSizes

LOOP_SECONDS = 10
RATE = 48_000
FPS = 30


@dataclass(frozen=True)
class Cost:
    """One run of a process."""

    wall: float
    cpu: float
    peak_mb: float


def make_video(path: Path, minutes: float) -> Path:
    """Write a 1080p30 video with a drifting texture: ten seconds encoded once, repeated."""
    random = np.random.default_rng(0)
    texture = random.integers(0, 256, (68, 120 + LOOP_SECONDS * FPS, 3), dtype=np.uint8)
    loop = path.with_suffix(".loop.mp4")
    with av.open(str(loop), "w") as output:
        video = output.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = 1920, 1080, "yuv420p"
        video.options = {"preset": "veryfast", "crf": "23", "g": "60"}
        audio = output.add_stream("aac", rate=RATE, layout="stereo")
        for i in range(LOOP_SECONDS * FPS):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(texture[:, i : i + 120]))
            output.mux(video.encode(frame.reformat(1920, 1080, "yuv420p")))
        t = np.arange(LOOP_SECONDS * RATE) / RATE
        tones = [np.sin(2 * np.pi * f * t) * (1 + np.sin(2 * np.pi * t)) / 8 for f in (330, 494)]
        noise = random.normal(size=(2, len(t))) * 0.02
        samples = (np.stack(tones) + noise).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples, "fltp", "stereo")
        frame.rate, frame.pts = RATE, 0
        output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
        output.mux(video.encode(None))
    repeat(loop, path, round(minutes * 60 / LOOP_SECONDS))
    loop.unlink()
    return path


def repeat(loop: Path, path: Path, times: int) -> None:
    """Write the packets of `loop` again and again, later each time."""
    with av.open(str(path), "w") as output:
        with av.open(str(loop)) as source:
            streams = {s.index: output.add_stream_from_template(s) for s in source.streams}
        last = dict.fromkeys(streams, -(10**9))
        for turn in range(times):
            with av.open(str(loop)) as source:
                for packet in source.demux():
                    if packet.dts is None or packet.pts is None or packet.time_base is None:
                        continue
                    shift = int(Fraction(turn * LOOP_SECONDS) / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    if packet.dts <= last[packet.stream_index]:
                        continue  # the encoder's padding reaches into the next turn
                    last[packet.stream_index] = packet.dts
                    packet.stream = streams[packet.stream_index]
                    output.mux(packet)


def measure(command: list[str]) -> Cost:
    """Run a process to its end and read the operating system's account of it."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    if status:
        message = process.stderr.read().decode() if process.stderr else ""
        raise SystemExit(f"{' '.join(command)} failed: {message}")
    scale = 1e6 if sys.platform == "darwin" else 1e3
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale)


def tool(video: Path, target: Path, model: str) -> list[str]:
    """Return the command that is measured."""
    options = ["--region", "left=0%,0%,50%,100%", "--gain", "left=0.2", "-q", "-y"]
    words = ["remix", str(video), *options, "--model", model, "-o", str(target)]
    return [sys.executable, "-m", "pixelmix", *words]


def floor(video: Path, target: Path) -> list[str]:
    """Return the command that copies the picture and re-encodes the sound, and nothing else."""
    return [sys.executable, __file__, "--floor", str(video), str(target)]


def run_floor(video: Path, target: Path) -> None:
    """Copy the picture's packets, decode and encode the sound: FFmpeg's libraries alone."""
    with av.open(str(video)) as source, av.open(str(target), "w") as output:
        picture, sound = source.streams.video[0], source.streams.audio[0]
        copy = output.add_stream_from_template(picture)
        encoded = output.add_stream("aac", rate=sound.rate, layout=sound.layout.name)
        for packet in source.demux(picture, sound):
            if packet.stream is sound:
                for frame in packet.decode():
                    output.mux(encoded.encode(frame))
            elif packet.dts is not None:
                packet.stream = copy
                output.mux(packet)
        output.mux(encoded.encode(None))


def plain_torch(minutes: float, model: str) -> float:
    """Return the seconds that eager PyTorch takes for the networks of the same windows."""
    words = [sys.executable, __file__, "--torch", str(minutes), "--model", model]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def run_torch(minutes: float, model: str) -> float:
    """Run the networks of the same windows in eager PyTorch; return the seconds."""
    import torch

    from pixelmix.mix.plan import window_count
    from pixelmix.model.bundle import find_bundle, load_bundle
    from pixelmix.train.nets import AudioNetwork, Synthesizer, VisionNetwork

    bundle = load_bundle(find_bundle(model))
    fe = bundle.front_end
    sizes = network_sizes(bundle.k)
    vision, audio = VisionNetwork(sizes).eval(), AudioNetwork(sizes).eval()
    synthesizer = Synthesizer(bundle.k)
    windows = window_count(fe, round(minutes * 60 * fe.rate))
    image = torch.randn(1, 3, 224, 400)
    log_mag = torch.randn(1, 1, fe.rows, fe.frames // 2 * 2)
    features = torch.rand(1, bundle.k)
    with torch.inference_mode():
        vision(image), audio(log_mag)
        began = time.perf_counter()
        for _ in range(windows):
            # As the published code does: every window looks at its own three pictures.
            vision(image.expand(3, -1, -1, -1))
            synthesizer(features, audio(log_mag)).sigmoid()
        return time.perf_counter() - began


def network_sizes(k: int) -> "NetworkSizes":
    """Return the sizes of the default bundle's networks (weights do not matter for speed)."""
    from pixelmix.train.nets import NetworkSizes

    return NetworkSizes(
        backbone="mobilenet_v2",
        k=k,
        unet_width=16,
        head_kernel=1,
        head_width=256,
        same_padding=True,
    )


STAGES = (
    ("decode sound", "pixelmix.media.audio", "AudioReader.__iter__"),
    ("decode pictures", "pixelmix.media.frames", "PictureReader.at"),
    ("resample", "pixelmix.dsp.resample", "Resampler.push"),
    ("spectrogram", "pixelmix.stems", "log_magnitude"),
    ("vision network", "pixelmix.model.session", "Networks.features"),
    ("audio network", "pixelmix.model.session", "Networks.components"),
    ("synthesizer network", "pixelmix.model.session", "Networks.masks"),
    ("blend masks", "pixelmix.mix.blend", "MaskBlender.push"),
    ("apply masks", "pixelmix.mix.apply", "StemSynthesizer._group"),
    ("gains", "pixelmix.pipeline.mixer", "remix"),
    ("limiter", "pixelmix.mix.limiter", "Limiter.push"),
    ("loudness", "pixelmix.media.loudness", "LoudnessMeter.add"),
    ("encode", "pixelmix.media.encoder", "AudioEncoder.encode"),
)


@contextmanager
def stage_clock() -> Iterator[dict[str, float]]:
    """Count the seconds spent in each stage while the block runs (nothing nests)."""
    import importlib

    spent = {name: 0.0 for name, _, _ in STAGES}

    def timed(name: str, inner: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            began = time.perf_counter()
            try:
                return inner(*args, **kwargs)
            finally:
                spent[name] += time.perf_counter() - began

        def iterate(*args: object) -> Iterator[object]:
            source = iter(inner(*args))  # type: ignore[call-overload]
            while True:
                began = time.perf_counter()
                item = next(source, None)
                spent[name] += time.perf_counter() - began
                if item is None:
                    return
                yield item

        return iterate if inner.__name__ == "__iter__" else call

    undo = []
    for name, module, path in STAGES:
        owner: object = importlib.import_module(module)
        *parents, last = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        original = getattr(owner, last)
        undo.append((owner, last, original))
        setattr(owner, last, timed(name, original))
    try:
        yield spent
    finally:
        for owner, last, original in undo:
            setattr(owner, last, original)


def stages(video: Path, target: Path, model: str) -> None:
    """Print the seconds of each stage of one remix."""
    # In a process of its own, set up as the command line sets up its own.
    words = [sys.executable, __file__, "--stages", str(video), str(target), "--model", model]
    subprocess.run(words, check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})


def run_stages(video: Path, target: Path, model: str) -> None:
    """Remix with a clock around each stage, and print the seconds."""
    from pixelmix.hearing import Source
    from pixelmix.mix.gain_options import parse_gain
    from pixelmix.model.bundle import find_bundle, load_bundle
    from pixelmix.model.session import Networks
    from pixelmix.pipeline.remix import remix_video
    from pixelmix.regions.parse import parse_region

    began = time.perf_counter()
    networks = Networks.open(load_bundle(find_bundle(model)))
    opened = time.perf_counter() - began
    with stage_clock() as spent:
        began = time.perf_counter()
        remix_video(
            Source(video),
            target,
            [parse_region("left=0%,0%,50%,100%")],
            [parse_gain("left=0.2")],
            lambda: networks,
            overwrite=True,
        )
        total = time.perf_counter() - began
    # Stages run beside each other: they sum to more than all of it takes.
    for name, seconds in {"open networks": opened, **spent, "all, overlapped": total}.items():
        print(f"    {name:<26}{seconds:8.2f} s")


def compare(minutes: float, model: str, repeat_count: int, *, tool_only: bool) -> None:
    """Measure one length and print it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = folder / "in.mp4"
        # Elsewhere, and so is PyTorch: a child's peak memory counts what its parent held.
        words = [sys.executable, __file__, "--make", str(video), "--minutes", str(minutes)]
        subprocess.run(words, check=True)
        runs, floors, plain = [], [], []
        for _ in range(repeat_count):
            runs.append(measure(tool(video, folder / "out.mp4", model)))
            if not tool_only:
                floors.append(measure(floor(video, folder / "floor.mp4")))
                plain.append(plain_torch(minutes, model))
        wall = statistics.median(run.wall for run in runs)
        cpu = statistics.median(run.cpu for run in runs)
        peak = max(run.peak_mb for run in runs)
        print(f"{minutes:g} min of 1080p30, medians of {repeat_count}")
        print(f"  pixelmix remix      {wall:8.2f} s wall {cpu:8.2f} s CPU  peak {peak:6.0f} MB")
        if not tool_only:
            reference = statistics.median(plain)
            least = statistics.median(run.wall for run in floors)
            print(f"  networks in PyTorch {reference:8.2f} s        ratio {wall / reference:5.2f}")
            print(f"  FFmpeg's floor      {least:8.2f} s        ratio {wall / least:5.2f}")
            stages(video, folder / "out.mp4", model)


def main() -> None:
    """Measure every length that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 10.0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--tool-only", action="store_true", help="only the tool, no references")
    parser.add_argument("--floor", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--torch", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--stages", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.floor:
        run_floor(*options.floor)
        return
    if options.make:
        make_video(options.make, options.minutes[0])
        return
    if options.torch:
        print(run_torch(options.torch, options.model))
        return
    if options.stages:
        run_stages(*options.stages, options.model)
        return
    for minutes in options.minutes:
        compare(minutes, options.model, options.repeat, tool_only=options.tool_only)


if __name__ == "__main__":
    main()
