"""What a heat map costs, next to a plain transcode of the same video, in one run.

    python benchmarks/heatmap.py [--seconds 60] [--pictures still moving] [--repeat 1]
                                 [--modes energy clusters regions] [--preset medium] [--crf 20]
                                 [--threads N] [--film FILE] [--memory]

Processes in turn: the whole command ``pixelmix heatmap`` in every mode, and FFmpeg's libraries
(through PyAV) that decode and encode the same 1080p30 H.264 with the same libx264 settings and
the same number of threads, picture only. The video is ``examples/demo.mp4`` (a nearly still
picture) or a film with sound of your own, enlarged and repeated: as it is or panning under grain.
Printed are medians of wall and CPU time, their ratios to the transcode (the budget is 1.25) and
the peak of resident memory; ``--memory`` adds the peak for three times the length.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import count, islice
from pathlib import Path

import av
import av.error
from av.filter import Graph
from av.video.frame import PictureType, VideoFrame
from commands import Cost, measure

FPS = 30
RATE = 48_000
SIZE = (1920, 1080)
DEMO = Path(__file__).parent.parent / "examples" / "demo.mp4"
FILTERS = {
    "still": "null",
    "moving": "scroll=horizontal=0.002:vertical=0.001,noise=alls=6:allf=t:all_seed=2",
}
"""What becomes of the film's pictures, by the name of the test."""
MODES = ("energy", "clusters", "regions")


def make_video(path: Path, seconds: float, picture: str, film: Path) -> None:
    """Write a film at 1080p30, again and again until it is long enough."""
    graph = Graph()
    with av.open(str(film)) as source:
        small = source.streams.video[0]
        size, pixel_format = f"{small.width}x{small.height}", small.pix_fmt
    chain = [graph.add("buffer", video_size=size, pix_fmt=pixel_format, time_base=f"1/{FPS}")]
    for word in f"scale={SIZE[0]}:{SIZE[1]}:flags=bicubic,{FILTERS[picture]}".split(","):
        name, _, options = word.partition("=")
        chain.append(graph.add(name, options or None))
    graph.link_nodes(*chain, graph.add("buffersink")).configure()
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.options = {"preset": "veryfast", "crf": "18"}
        audio = output.add_stream("aac", rate=RATE, layout="stereo")
        pictures = zip(count(), film_pictures(film), strict=False)
        for number, frame in islice(pictures, round(seconds * FPS)):
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, FPS), PictureType.NONE
            graph.push(frame)
            output.mux(video.encode(graph.pull()))
        output.mux(video.encode(None))
        samples = 0
        for sound in film_sound(film):
            sound.pts = samples
            samples += sound.samples
            output.mux(audio.encode(sound))
            if samples >= seconds * RATE:
                break
        output.mux(audio.encode(None))


def film_pictures(film: Path) -> Iterator[VideoFrame]:
    """Yield the film's pictures for ever, in the benchmark's rate."""
    while True:
        with av.open(str(film)) as source:
            due = 0
            for frame in source.decode(video=0):
                time = frame.time or 0.0  # whoever takes the picture gives it a time of its own
                while due <= time * FPS:
                    yield frame
                    due += 1


def film_sound(film: Path) -> Iterator[av.AudioFrame]:
    """Yield the film's sound for ever."""
    resampler = av.AudioResampler("fltp", "stereo", RATE, 1024)
    while True:
        with av.open(str(film)) as source:
            for frame in source.decode(audio=0):
                frame.pts = None
                yield from resampler.resample(frame)


def transcode(source: Path, target: Path, preset: str, crf: int, threads: int) -> None:
    """Decode and encode the picture, and nothing else."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = old.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "AUTO", threads
        video = new.add_stream("libx264", rate=stream.average_rate)
        video.width, video.height, video.pix_fmt = stream.width, stream.height, "yuv420p"
        video.codec_context.time_base = stream.time_base
        video.codec_context.thread_count = threads
        video.codec_context.thread_type = "AUTO"
        video.options = {"preset": preset, "crf": str(crf)}
        for frame in old.decode(stream):
            frame.pict_type = PictureType.NONE
            new.mux(video.encode(frame))
        new.mux(video.encode(None))


def heatmap(source: Path, target: Path, mode: str, options: argparse.Namespace) -> Cost:
    """Run the command."""
    words = ["--mode", mode, "--preset", options.preset, "--crf", str(options.crf), "-q", "-y"]
    if options.threads:
        words += ["--threads", str(options.threads)]
    return measure(
        [sys.executable, "-m", "pixelmix", "heatmap", str(source), "-o", str(target), *words]
    )


def own(what: str, *words: object) -> Cost:
    """Run a part of this script in a process of its own."""
    return measure([sys.executable, __file__, "--run", what, *map(str, words)])


def compare(picture: str, options: argparse.Namespace, folder: Path) -> None:
    """Measure a picture in all modes and print it."""
    video, target = folder / "in.mp4", folder / "out.mp4"
    own("make", video, options.seconds, picture, options.film)
    costs: dict[str, list[Cost]] = {name: [] for name in ("transcode", *options.modes)}
    for _ in range(options.repeat):
        settings = (options.preset, options.crf, options.threads)
        costs["transcode"].append(own("transcode", video, target, *settings))
        for mode in options.modes:
            costs[mode].append(heatmap(video, target, mode, options))
    print(
        f"{picture}: {options.seconds:g} s of 1080p30, libx264 {options.preset}, crf "
        f"{options.crf}, medians of {options.repeat}"
    )
    for name, runs in costs.items():
        wall = statistics.median(cost.wall for cost in runs)
        cpu = statistics.median(cost.cpu for cost in runs)
        pairs = list(zip(runs, costs["transcode"], strict=True))
        wall_ratio = statistics.median(one.wall / other.wall for one, other in pairs)
        cpu_ratio = statistics.median(one.cpu / other.cpu for one, other in pairs)
        peak = max(cost.peak_mb for cost in runs)
        print(
            f"  {name:<10}{wall:8.2f} s wall ({wall_ratio:.2f}) {cpu:8.2f} s CPU "
            f"({cpu_ratio:.2f})  peak {peak:5.0f} MB",
            flush=True,
        )
    if options.memory:
        own("make", video, 3 * options.seconds, picture, options.film)
        for mode in options.modes:
            peak = heatmap(video, target, mode, options).peak_mb
            print(f"  {mode:<10}three times the length: peak {peak:5.0f} MB", flush=True)


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pictures", nargs="+", choices=tuple(FILTERS), default=tuple(FILTERS))
    parser.add_argument("--modes", nargs="*", choices=MODES, default=MODES)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--crf", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--film", type=Path, default=DEMO)
    parser.add_argument("--memory", action="store_true", help="also three times the length")
    parser.add_argument("--run", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.run:
        with tempfile.TemporaryDirectory() as name:
            for picture in options.pictures:
                compare(picture, options, Path(name))
        return
    what, *words = options.run
    if what == "make":
        make_video(Path(words[0]), float(words[1]), words[2], Path(words[3]))
    else:
        source, target, preset, crf, threads = words
        transcode(Path(source), Path(target), preset, int(crf), int(threads))


if __name__ == "__main__":
    main()
