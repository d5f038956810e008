"""Where the processor time of whole commands goes, stage by stage, and how far from the floor.

    python benchmarks/stages.py [--minutes 1 10] [--commands remix separate regions heatmap]
                                [--model default]

Every command runs in a process of its own on 1080p30 H.264 with stereo AAC, its networks on one
thread, with a clock of processor time around each stage (what a stage spends inside another
counts for that one). Threads that FFmpeg, x264 or ONNX Runtime start themselves are not in any
stage but in the last line. Then the floor of the networks: the products they cannot do without,
at the rate at which one thread multiplies large matrices.
"""

import argparse
import importlib
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from commands import own, tool

if TYPE_CHECKING:
    from onnx import ModelProto

COMMANDS = ("remix", "separate", "regions", "heatmap")
STAGES = (
    ("decode sound", "pixelmix.media.audio", "AudioReader.__iter__"),
    ("resample", "pixelmix.dsp.resample", "Resampler.push"),
    ("spectrogram", "pixelmix.stems", "spectrogram"),
    ("spectrogram", "pixelmix.heard", "spectrogram"),
    ("decode pictures", "pixelmix.media.frames", "PictureReader.at"),
    ("vision network", "pixelmix.model.session", "Networks.features"),
    ("open networks", "pixelmix.model.session", "Networks.open"),
    ("audio network", "pixelmix.model.session", "Networks.components"),
    ("synthesizer network", "pixelmix.model.session", "Networks.masks"),
    ("choose and describe cells", "pixelmix.survey", "prototypes"),
    ("choose and describe cells", "pixelmix.survey", "describe"),
    ("find regions", "pixelmix.finding", "discover"),
    ("find regions", "pixelmix.pipeline.heatmap", "discover"),
    ("join masks", "pixelmix.mix.blend", "MaskBlender.push"),
    ("refine masks", "pixelmix.stems", "divide"),
    ("join masks", "pixelmix.survey", "compete"),
    ("masks and inverse STFT", "pixelmix.mix.apply", "StemSynthesizer.pull"),
    ("masks and inverse STFT", "pixelmix.mix.apply", "StemSynthesizer.finish"),
    ("levels", "pixelmix.mix.meter", "Meter.add"),
    ("levels", "pixelmix.mix.meter", "Meter.add_masks"),
    ("levels", "pixelmix.mix.course", "Course.add"),
    ("gains and limiter", "pixelmix.pipeline.mixer", "remix"),
    ("gains and limiter", "pixelmix.mix.limiter", "Limiter.push"),
    ("loudness", "pixelmix.media.loudness", "LoudnessMeter.add"),
    ("encode sound", "pixelmix.media.encoder", "AudioEncoder.encode"),
    ("write stems", "pixelmix.media.stemfile", "StemWriter.write"),
    ("demux and mux", "pixelmix.media.writer", "Writer._packets"),
    ("demux and mux", "pixelmix.media.writer", "Writer._mux"),
    ("keep what was heard", "pixelmix.heard", "Record.add"),
    ("keep what was heard", "pixelmix.heard", "Record.__iter__"),
    ("draw the picture", "pixelmix.pipeline.regions", "sight"),
    ("draw the picture", "pixelmix.pipeline.regions", "draw_regions"),
    ("draw the picture", "pixelmix.pipeline.regions", "write_png"),
    ("decode the film", "pixelmix.media.film", "Film.__iter__"),
    ("maps", "pixelmix.media.maps", "Course.at"),
    ("lay maps over it", "pixelmix.media.overlay", "Overlay.push"),
)


class Clock:
    """Processor time of each stage; every thread has a pile of the stages it is in."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._piles = threading.local()

    def around(self, name: str, inner: Callable[..., object]) -> Callable[..., object]:
        """Return a function that does the same and is counted."""

        def call(*args: object, **kwargs: object) -> object:
            result = self._counted(name, lambda: inner(*args, **kwargs))
            return self._items(name, result) if isinstance(result, Iterator) else result

        return call

    def _items(self, name: str, source: Iterator[object]) -> Iterator[object]:
        nothing = object()
        while (item := self._counted(name, lambda: next(source, nothing))) is not nothing:
            yield item

    def _counted(self, name: str, work: Callable[[], object]) -> object:
        pile = self._piles.__dict__.setdefault("pile", [])
        pile.append(0.0)
        began = time.thread_time()
        try:
            return work()
        finally:
            took = time.thread_time() - began
            self.spent[name] += took - pile.pop()
            if pile:
                pile[-1] += took


def run(words: list[str]) -> None:
    """Run one command in this process with the clock, and print the seconds."""
    from pixelmix.cli import main as command_line

    clock = Clock()
    for name, module, path in STAGES:
        owner: object = importlib.import_module(module)
        *parents, last = path.split(".")
        for parent in parents:
            owner = getattr(owner, parent)
        setattr(owner, last, clock.around(name, getattr(owner, last)))
    sys.argv = ["pixelmix", *words]
    began, loaded = time.perf_counter(), time.process_time()
    try:
        command_line()
    except SystemExit as end:
        if end.code:
            raise
    wall, cpu = time.perf_counter() - began, time.process_time()
    stages = {"load Python and libraries": loaded, **clock.spent}
    for name, seconds in stages.items():
        print(f"    {name:<28}{seconds:8.2f} s")
    print(f"    {'anything else':<28}{cpu - sum(stages.values()):8.2f} s")
    print(f"    {'all':<28}{cpu:8.2f} s CPU, {wall + loaded:.2f} s wall")


def profile(minutes: float, commands: list[str], model: str) -> None:
    """Print the stages of each command on a video of that length."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video = folder / "in.mp4"
        subprocess.run(own("--make", video, "--minutes", minutes), check=True)
        for command in commands:
            print(f"{command} of {minutes:g} min", flush=True)
            words = tool(command, video, folder, model)[3:]
            # As the command line sets itself up when it is started.
            subprocess.run(
                [sys.executable, __file__, "--run", *words, "--threads", "1"],
                check=True,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )


def floor(model: str) -> None:
    """Print the least seconds a minute that the networks' products take on one thread."""
    import onnx

    from pixelmix.media.frames import picture_size
    from pixelmix.model.bundle import find_bundle, load_bundle

    bundle = load_bundle(find_bundle(model))
    fe, vision = bundle.front_end, bundle.vision
    width = picture_size(1920, 1080, vision.short_side, 16)[0]
    shapes = {
        "vision.onnx": (1, 3, vision.short_side, width),
        "audio.onnx": (1, 1, fe.rows, fe.frames),
    }
    size = 2048
    one = np.random.default_rng(0).random((size, size), np.float32)
    rate = 0.0
    for _ in range(5):
        began = time.thread_time()
        one @ one
        rate = max(rate, 2 * size**3 / (time.thread_time() - began))
    print(f"floor: one thread multiplies matrices at {rate / 1e9:.0f} GFLOP/s")
    hop_seconds = fe.hop_frames * fe.hop / fe.rate
    for file, shape in shapes.items():
        graph = onnx.load(bundle.path / file)
        work = products(graph, shape)
        seconds = work / rate * 60 / hop_seconds
        print(f"  {file}: {work / 1e9:.2f} GFLOP each, {seconds:.2f} s for a minute's windows")


def products(model: "ModelProto", shape: tuple[int, ...]) -> float:
    """Return the multiplications and additions of a network's convolutions."""
    import onnx

    for dim, size in zip(model.graph.input[0].type.tensor_type.shape.dim, shape, strict=True):
        dim.dim_value = size
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    sizes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.output)
    }
    sizes |= {weights.name: list(weights.dims) for weights in graph.initializer}
    convolutions = (node for node in graph.node if node.op_type == "Conv")
    return sum(
        2.0 * math.prod(sizes[node.output[0]]) * math.prod(sizes[node.input[1]][1:])
        for node in convolutions
    )


def main() -> None:
    """Profile what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0])
    parser.add_argument("--commands", nargs="+", choices=COMMANDS, default=COMMANDS)
    parser.add_argument("--model", default="default")
    parser.add_argument("--run", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run(options.run)
        return
    for minutes in options.minutes:
        profile(minutes, options.commands, options.model)
    floor(options.model)


if __name__ == "__main__":
    main()
