"""Score a model on solo clips that it never saw: pairs side by side, one box for each.

    python benchmarks/score.py CLIPS [--model default] [--pairs 40] [--seed 1]

``CLIPS`` holds a folder per clip, ``<class>-<number>/``, with ``audio.flac`` (mono, 11,025 Hz) and
``frame0.jpg ... frame2.jpg``, three seconds apart. Two clips of different classes are shown side by
side in one video and their sounds, at equal power, are added; the whole tool then separates the two
halves. Printed are NSDR, SIR and SAR (BSS Eval v3 as in mir_eval, no permutation) with 95 %
bootstrap intervals, the same with the boxes swapped, and the mixture itself.

Needs ``pip install -e '.[train,bench]'``.
"""

import argparse
import json
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from pixelmix.hearing import Source
from pixelmix.media.probe import probe
from pixelmix.model.bundle import find_bundle, load_bundle
from pixelmix.model.session import Networks
from pixelmix.regions.parse import parse_region, resolve
from pixelmix.stems import StemStream

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mir_eval.separation import bss_eval_sources

Array = npt.NDArray[np.float64]
RATE = 11_025
SIDE = 256
SECONDS_PER_FRAME = 3
BOXES = ("left=0%,0%,50%,100%", "right=50%,0%,50%,100%")


@dataclass(frozen=True)
class Score:
    """One stem of one pair, dB."""

    pair: tuple[str, str]
    stem: str
    nsdr: float
    sir: float
    sar: float


def read_sound(path: Path) -> Array:
    """Return mono samples, RMS 0.05."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", RATE)
        frames = [f for frame in container.decode(audio=0) for f in resampler.resample(frame)]
        frames += resampler.resample(None)
    x = np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float64)
    return x * (0.05 / np.sqrt(np.mean(x * x)))


def read_picture(path: Path) -> npt.NDArray[np.uint8]:
    """Return the picture, padded with black to a square so that none of it is lost."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    scale = SIDE / max(frame.width, frame.height)
    width, height = (max(2, round(side * scale)) for side in (frame.width, frame.height))
    rgb = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    square = np.zeros((SIDE, SIDE, 3), np.uint8)
    y, x = (SIDE - height) // 2, (SIDE - width) // 2
    square[y : y + height, x : x + width] = rgb
    return square


def side_by_side(
    left: Path, right: Path, target: Path, heard: tuple[float, float] = (1.0, 1.0)
) -> tuple[Array, Array]:
    """Write the pair as a video with lossless sound; return the two sounds, times ``heard``."""
    clips = zip((left, right), heard, strict=True)
    sounds = [read_sound(clip / "audio.flac") * factor for clip, factor in clips]
    length = min(len(x) for x in sounds)
    first, second = (x[:length] for x in sounds)
    mix = (first + second).astype(np.float32)
    with av.open(str(target), "w") as output:
        video = output.add_stream("libx264", rate=1, options={"crf": "12", "g": "1"})
        video.width, video.height, video.pix_fmt = 2 * SIDE, SIDE, "yuv420p"
        audio = output.add_stream("pcm_f32le", rate=RATE, layout="mono")
        for second_shown in range(length // RATE + 1):
            index = min(second_shown // SECONDS_PER_FRAME, 2)
            halves = [read_picture(clip / f"frame{index}.jpg") for clip in (left, right)]
            output.mux(video.encode(av.VideoFrame.from_ndarray(np.hstack(halves), "rgb24")))
        frame = av.AudioFrame.from_ndarray(mix[None], "flt", "mono")
        frame.rate = RATE
        frame.pts = 0
        output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
        output.mux(video.encode(None))
    return first, second


def separate(video: Path, networks: Networks, boxes: Sequence[str]) -> Array:
    """Return the stems of the boxes, (regions, samples)."""
    info = probe(video)
    specs = [parse_region(box) for box in boxes]
    regions = resolve(specs, info.video.width, info.video.height)
    with StemStream(Source(video), info, regions, networks) as stream:
        return np.concatenate([b.stems[:, 0] for b in stream], axis=1).astype(np.float64)


def score_pair(pair: tuple[Path, Path], networks: Networks, folder: Path) -> Iterator[Score]:
    """Separate one pair with the right boxes and with the boxes swapped."""
    video = folder / "pair.mkv"
    truth = np.stack(side_by_side(*pair, video))
    mix = truth.sum(axis=0)
    names = (pair[0].name, pair[1].name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base, *_ = bss_eval_sources(truth, np.stack([mix, mix]), compute_permutation=False)
        stems = separate(video, networks, BOXES)[:, : truth.shape[1]]
        # Silence has no direction in signal space; a whisper of the mixture stands in for it.
        stems = stems + 1e-6 * mix
        for name, estimate in (("right box", stems), ("swapped", stems[::-1])):
            sdr, sir, sar, _ = bss_eval_sources(truth, estimate, compute_permutation=False)
            for i in range(2):
                yield Score(names, name, sdr[i] - base[i], sir[i], sar[i])


def choose_pairs(clips: Path, count: int, seed: int) -> list[tuple[Path, Path]]:
    """Draw pairs of different classes, the same for the same seed."""
    folders = sorted(f for f in clips.iterdir() if (f / "audio.flac").is_file())
    random = np.random.default_rng(seed)
    pairs: list[tuple[Path, Path]] = []
    while len(pairs) < count:
        i, j = random.choice(len(folders), 2, replace=False)
        a, b = folders[i], folders[j]
        if a.name.rsplit("-", 1)[0] != b.name.rsplit("-", 1)[0]:
            pairs.append((a, b))
    return pairs


def interval(values: Sequence[float], draws: int = 2000) -> tuple[float, float, float]:
    """Return the mean and its 95 % bootstrap interval."""
    x = np.asarray(values)
    random = np.random.default_rng(0)
    means = x[random.integers(0, len(x), (draws, len(x)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(x.mean()), float(low), float(high)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write every score to this file")
    options = parser.parse_args()
    pairs = choose_pairs(options.clips, options.pairs, options.seed)
    scores: list[Score] = []
    with (
        Networks.open(load_bundle(find_bundle(options.model))) as networks,
        tempfile.TemporaryDirectory() as folder,
    ):
        for pair in pairs:
            scores += score_pair(pair, networks, Path(folder))
    print(f"{options.model}: {len(pairs)} pairs, seed {options.seed}; mean [95 % interval], dB")
    for stem in ("right box", "swapped"):
        chosen = [score for score in scores if score.stem == stem]
        row = []
        for measure in ("nsdr", "sir", "sar"):
            mean, low, high = interval([getattr(score, measure) for score in chosen])
            row.append(f"{measure.upper()} {mean:6.2f} [{low:6.2f}, {high:6.2f}]")
        print(f"{stem:<10}", "  ".join(row))
    better = np.mean([score.nsdr > 0 for score in scores if score.stem == "right box"])
    print(f"better than the mixture: {100 * better:.0f} % of the stems")
    if options.json:
        rows = [
            {"pair": s.pair, "stem": s.stem, "nsdr": s.nsdr, "sir": s.sir, "sar": s.sar}
            for s in scores
        ]
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
