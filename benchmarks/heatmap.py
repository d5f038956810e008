"""What drawing a heat map costs, next to a plain transcode of the same video, in one run.

    python benchmarks/heatmap.py [--seconds 10] [--repeat 3] [--preset medium] [--crf 20]
                                 [--threads 0] [--memory]

Pairs of processes in turn: `media.heatmap.render` with twenty-five maps a second, and FFmpeg's
libraries (through PyAV) that decode and encode the same 1080p30 H.264 with the same libx264
settings and the same number of threads, picture only. Printed are medians of wall and CPU time,
their ratio (the budget is 1.25) and the peak of resident memory; ``--memory`` adds the peak for
three times the length.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.filter import Graph
from av.video.frame import PictureType
from remix import Cost, measure

FPS = 30
RATE = 48_000
SIZE = (1920, 1080)
MAPS_PER_SECOND = 25
CELLS = (14, 25)
SOURCE = "size={}x{}:rate={}:duration={}"


def make_video(path: Path, seconds: float) -> None:
    """Write a textured, panning, slightly noisy 1080p30 picture from FFmpeg's own sources."""
    graph = Graph()
    source = graph.add("testsrc2", SOURCE.format(*SIZE, FPS, seconds))
    pixels = graph.add("format", "yuv420p")
    texture = graph.add("noise", "alls=30:all_seed=1")
    softer = graph.add("gblur", "sigma=1")
    pan = graph.add("scroll", "horizontal=0.002:vertical=0.001")
    grain = graph.add("noise", "alls=3:allf=t:all_seed=2")
    sink = graph.add("buffersink")
    graph.link_nodes(source, pixels, texture, softer, pan, grain, sink).configure()
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        video.options = {"preset": "veryfast", "crf": "18"}
        audio = output.add_stream("aac", rate=RATE, layout="stereo")
        sound = np.random.default_rng(0).normal(0, 0.05, (2, round(seconds * RATE)))
        frame = av.AudioFrame.from_ndarray(sound.astype(np.float32), "fltp", "stereo")
        frame.rate, frame.pts = RATE, 0
        output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
        while True:
            try:
                picture = sink.pull()
            except av.error.EOFError:
                break
            output.mux(video.encode(picture))
        output.mux(video.encode(None))


def transcode(source: Path, target: Path, preset: str, crf: int, threads: int) -> None:
    """Decode and encode the picture, and nothing else."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = old.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "AUTO", threads
        video = new.add_stream("libx264", rate=stream.average_rate)
        video.width, video.height, video.pix_fmt = stream.width, stream.height, "yuv420p"
        video.codec_context.time_base = stream.time_base
        video.codec_context.thread_count = threads
        video.options = {"preset": preset, "crf": str(crf)}
        for frame in old.decode(stream):
            frame.pict_type = PictureType.NONE
            new.mux(video.encode(frame))
        new.mux(video.encode(None))


def maps() -> Iterator[np.ndarray]:
    """Two coloured clouds that wander and change in strength, for ever."""
    rows, cols = np.mgrid[: CELLS[0], : CELLS[1]].astype(np.float32)
    number = 0
    while True:
        phase = number / MAPS_PER_SECOND
        picture = np.zeros((*CELLS, 4), np.uint8)
        for colour, side in (((255, 120, 0), 0.3), ((0, 160, 255), 0.7)):
            x = CELLS[1] * (side + 0.1 * np.sin(phase + side))
            cloud = np.exp(-((rows - CELLS[0] / 2) ** 2 + (cols - x) ** 2) / 12)
            stronger = cloud * 180 * (0.6 + 0.4 * np.sin(3 * phase + side)) > picture[..., 3]
            picture[stronger] = (*colour, 0)
            picture[..., 3] = np.where(stronger, cloud * 180, picture[..., 3])
        yield picture
        number += 1


def draw(source: Path, target: Path, preset: str, crf: int, threads: int) -> None:
    """Render the heat map."""
    from pixelmix.media.heatmap import Encoding, Maps, render
    from pixelmix.media.probe import probe

    info = probe(source)
    shown = Maps(info.start, Fraction(1, MAPS_PER_SECOND), maps())
    render(info, target, shown, Encoding("libx264", crf, preset), threads=threads)


WORK = {"make": make_video, "transcode": transcode, "draw": draw}


def compare(options: argparse.Namespace) -> None:
    """Measure pairs and print them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def run(what: str, *words: object) -> Cost:
            return measure([sys.executable, __file__, "--run", what, *map(str, words)])

        settings = (options.preset, options.crf, options.threads)
        video, target = folder / "in.mp4", folder / "out.mp4"
        run("make", video, options.seconds)
        drawn, plain = [], []
        for _ in range(options.repeat):
            drawn.append(run("draw", video, target, *settings))
            plain.append(run("transcode", video, target, *settings))
        print(
            f"{options.seconds:g} s of 1080p30, libx264 {options.preset}, crf {options.crf}, "
            f"medians of {options.repeat}"
        )
        for label, costs in (("heat map", drawn), ("transcode", plain)):
            wall = statistics.median(cost.wall for cost in costs)
            cpu = statistics.median(cost.cpu for cost in costs)
            peak = max(cost.peak_mb for cost in costs)
            print(f"  {label:<12}{wall:8.2f} s wall {cpu:8.2f} s CPU  peak {peak:6.0f} MB")
        pairs = list(zip(drawn, plain, strict=True))
        wall = statistics.median(one.wall / other.wall for one, other in pairs)
        cpu = statistics.median(one.cpu / other.cpu for one, other in pairs)
        print(f"  ratio       {wall:8.2f}   wall {cpu:8.2f}   CPU")
        if options.memory:
            run("make", video, 3 * options.seconds)
            cost = run("draw", video, target, *settings)
            print(f"  three times the length: peak {cost.peak_mb:6.0f} MB")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--crf", type=int, default=20)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--memory", action="store_true", help="also three times the length")
    parser.add_argument("--run", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.run:
        compare(options)
        return
    what, *words = options.run
    if what == "make":
        make_video(Path(words[0]), float(words[1]))
    else:
        source, target, preset, crf, threads = words
        WORK[what](Path(source), Path(target), preset, int(crf), int(threads))


if __name__ == "__main__":
    main()
