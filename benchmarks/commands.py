"""What whole commands cost, next to what they must be measured against, in one run.

    python benchmarks/commands.py [--minutes 1 10] [--commands remix separate regions]
                                  [--model default] [--repeat 3] [--tool-only]
    python benchmarks/commands.py --files 6 [--jobs 1 2]

For every length and command: wall time, CPU time and peak memory of the whole command on 1080p30
H.264 with stereo AAC, and the floor: FFmpeg's libraries copying the picture and re-encoding the
sound (``remix``), decoding the sound (``separate``), or decoding it and every key frame
(``regions``). The same windows' networks alone in plain (eager, float32) PyTorch stand beside
``remix``. ``--files`` remixes that many minutes-long files in one call, with each number of jobs.
Figures are medians over ``--repeat`` runs taken in turn, with the ratio to each reference; where
the time goes says `stages.py`, and `heatmap.py` is about heat maps.

Needs ``pip install -e '.[train]'``.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from pixelmix.model.schema import Bundle
    from pixelmix.train.nets import NetworkSizes

COMMANDS = ("remix", "separate", "regions")
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


def tool(command: str, video: Path, folder: Path, model: str) -> list[str]:
    """Return the command that is measured; what it writes goes into a folder."""
    place = ["--region", "left=0%,0%,50%,100%"]
    options = {
        "remix": [*place, "--gain", "left=0.2", "-o", str(folder / "out.mp4")],
        "separate": [*place, "-o", str(folder / "out")],
        "regions": ["-o", str(folder)],
        "heatmap": ["-o", str(folder / "out.mp4")],
    }
    words = [command, str(video), *options[command], "--model", model, "-q", "-y"]
    return [sys.executable, "-m", "pixelmix", *words]


def own(*words: object) -> list[str]:
    """Return what runs a part of this script in a process of its own."""
    return [sys.executable, __file__, *map(str, words)]


def run_floor(command: str, video: Path, target: Path) -> None:
    """Do what FFmpeg's libraries must do in any case, and nothing else."""
    with av.open(str(video)) as source, ExitStack() as stack:
        picture, sound = source.streams.video[0], source.streams.audio[0]
        # One thread for one key frame after the other: more would only wait for each other.
        picture.thread_type = "NONE"
        picture.codec_context.skip_frame = "NONKEY"
        if command != "remix":
            for packet in source.demux(picture, sound):
                if packet.stream is sound or (packet.is_keyframe and command == "regions"):
                    packet.decode()
            return
        output = stack.enter_context(av.open(str(target), "w"))
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
    words = own("--torch", minutes, "--model", model)
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def run_torch(minutes: float, model: str) -> float:
    """Run the networks of the same windows in eager PyTorch; return the seconds."""
    import torch

    from pixelmix.media.frames import picture_size
    from pixelmix.mix.plan import window_count
    from pixelmix.model.bundle import find_bundle, load_bundle
    from pixelmix.train.nets import AudioNetwork, Synthesizer, VisionNetwork

    bundle = load_bundle(find_bundle(model))
    fe = bundle.front_end
    sizes = network_sizes(bundle)
    vision, audio = VisionNetwork(sizes).eval(), AudioNetwork(sizes).eval()
    synthesizer = Synthesizer(bundle.k)
    windows = window_count(fe, round(minutes * 60 * fe.rate))
    side = bundle.vision.short_side
    image = torch.randn(1, 3, side, picture_size(1920, 1080, side, bundle.vision.stride)[0])
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


def network_sizes(bundle: "Bundle") -> "NetworkSizes":
    """Return the sizes of a bundle's networks as this project trains them (a MobileNetV2)."""
    import onnx

    from pixelmix.train.nets import NetworkSizes

    weights = onnx.load(bundle.path / "audio.onnx").graph.initializer
    first = next(w for w in weights if w.name.startswith("unet_block.model.0.weight"))
    return NetworkSizes(
        backbone="mobilenet_v2",
        k=bundle.k,
        unet_width=first.dims[0],
        head_kernel=1,
        head_width=256,
        same_padding=True,
    )


def compare(minutes: float, options: argparse.Namespace) -> None:
    """Measure one length and print it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video, floor = folder / "in.mp4", folder / "floor.mp4"
        # Elsewhere, and so is PyTorch: a child's peak memory counts what its parent held.
        subprocess.run(own("--make", video, "--minutes", minutes), check=True)
        runs: dict[str, list[Cost]] = {command: [] for command in options.commands}
        floors: dict[str, list[Cost]] = {command: [] for command in options.commands}
        plain = []
        for _ in range(options.repeat):
            for command in options.commands:
                runs[command].append(measure(tool(command, video, folder, options.model)))
                if not options.tool_only:
                    floors[command].append(measure(own("--floor", command, video, floor)))
            if not options.tool_only and "remix" in options.commands:
                plain.append(plain_torch(minutes, options.model))
        print(f"{minutes:g} min of 1080p30, medians of {options.repeat}")
        for command, costs in runs.items():
            wall = statistics.median(run.wall for run in costs)
            cpu = statistics.median(run.cpu for run in costs)
            peak = max(run.peak_mb for run in costs)
            print(f"  {command:<22}{wall:8.2f} s wall {cpu:8.2f} s CPU  peak {peak:6.0f} MB")
            if floors[command]:
                least = statistics.median(run.wall for run in floors[command])
                cpu = statistics.median(run.cpu for run in floors[command])
                print(f"    FFmpeg's floor      {least:8.2f} s wall {cpu:8.2f} s CPU  "
                      f"ratio {wall / least:5.2f}")  # fmt: skip
        if plain:
            wall = statistics.median(run.wall for run in runs["remix"])
            reference = statistics.median(plain)
            print(f"  networks in PyTorch   {reference:8.2f} s, remix {wall / reference:5.2f}")


def many(options: argparse.Namespace) -> None:
    """Remix many files in one call, with each number of jobs in turn, and print what it took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("in", "out"):
            (folder / part).mkdir()
        for number in range(options.files):
            subprocess.run(own("--make", folder / "in" / f"{number}.mp4"), check=True)
        costs: dict[int, list[Cost]] = {jobs: [] for jobs in options.jobs}
        for _ in range(options.repeat):
            for jobs, runs in costs.items():
                words = tool("remix", folder / "in", folder, options.model)
                runs.append(measure([*words, "-o", str(folder / "out"), "--jobs", str(jobs)]))
        for jobs, runs in costs.items():
            wall = statistics.median(run.wall for run in runs)
            peak = max(run.peak_mb for run in runs)
            pace = options.files * 60 / wall
            print(f"{options.files} files of a minute, {jobs} at a time: {wall:.2f} s, "
                  f"{pace:.0f} times real time, peak {peak:.0f} MB")  # fmt: skip


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 10.0])
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=COMMANDS)
    parser.add_argument("--model", default="default")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--tool-only", action="store_true", help="only the tool, no references")
    parser.add_argument("--files", type=int, help="instead, remix so many files in one call")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--floor", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--torch", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.floor:
        command, video, target = options.floor
        run_floor(command, Path(video), Path(target))
    elif options.make:
        make_video(options.make, options.minutes[0])
    elif options.torch:
        print(run_torch(options.torch, options.model))
    elif options.files:
        many(options)
    else:
        for minutes in options.minutes:
            compare(minutes, options)


if __name__ == "__main__":
    main()
