"""What each choice of the recipe brings: short trainings, in each of which one thing is changed.

    python benchmarks/choices.py DATA CLIPS -o FOLDER --vision-weights FILE [--steps 700] [NAME ...]

``DATA`` and ``CLIPS`` are prepared datasets: one to train on, and one of real clips, whose split
``val`` is measured on. The networks are narrow (a U-Net of 16 channels) and begin with random
weights; all but one value is the preset's. Every bundle separates the same mixtures of two classes:
with the pictures, and with the class vectors instead (what the bundle sees in the pictures of
``DATA``, on average), which leaves the picture side out of it. The stem of a picture of something
else competes with both and should be silent. ``plain``, ``plain 2`` and ``plain 3`` differ by the
seed alone and say how much is luck. A choice that has its result in ``FOLDER`` already is not
trained again.

Needs ``pip install -e '.[train]'``.
"""

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pixelmix.data.dataset import Dataset
from pixelmix.evaluation.examples import Example, Pool
from pixelmix.evaluation.methods import BundleMethod, Seen, apply_masks
from pixelmix.evaluation.metrics import si_sdr
from pixelmix.evaluation.places import silent_level
from pixelmix.evaluation.statistics import interval
from pixelmix.model.bundle import load_bundle
from pixelmix.model.session import Networks
from pixelmix.train.warm import class_vector
from pixelmix.types import FloatArray

SAME = ("tuning_steps=0", "sizes.unet_width=16", "sample_steps=100000")
CHOICES: dict[str, tuple[str, ...]] = {
    "plain": (),
    "plain 2": ("seed=1",),
    "plain 3": ("seed=2",),
    "no room": ("room_probability=0",),
    "no tone": ("tone=0",),
    "no speed": ("speed_probability=0",),
    "no band limit": ("band_probability=0",),
    "no drive": ("drive_probability=0",),
    "no noise": ("noise_probability=0",),
    "one level": ("level_spread=0",),
    "none of these": (
        "room_probability=0", "tone=0", "speed_probability=0", "band_probability=0",
        "drive_probability=0", "noise_probability=0", "level_spread=0",
    ),
    "no silent picture": ("silent_picture=0", "silent_weight=0"),
    "no competition": ("compete_weight=0",),
    "no clutter": ("clutter=0", "other_view=0"),
    "two sources": ("sources=1,0,0",),
    "30 % of one class": ("same_kind=0.3",),
    "ratio masks": ("mask=ratio",),
    "no average": ("average_decay=0",),
    "K 8": ("sizes.k=8",),
    "K 32": ("sizes.k=32",),
    "U-Net of 8": ("sizes.unet_width=8",),
    "U-Net of 32": ("sizes.unet_width=32",),
    "AdamW": ("optimiser=adamw",),
    "whole windows": ("full_from=0",),
    "cropped pictures": ("picture_changes=crop",),
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What one training came to, per stem in the order of the mixtures, dB."""

    picture: list[float]
    """Gain in SI-SDR over the mixture."""
    vector: list[float]
    """The same with class vectors; of stems whose classes are in the training data."""
    silent: list[float]
    """Level of the stem of a silent picture against the mixture."""
    seconds: float
    """Of a step, median."""


class Measure:
    """Separates the same mixtures with every bundle."""

    def __init__(self, data: Path, clips: Path, count: int, seed: int) -> None:
        self._data, self._clips = Dataset.open(data), Dataset.open(clips)
        self._count, self._seed = count, seed

    def __call__(self, folder: Path, seconds: float) -> Found:
        """Measure one bundle."""
        bundle = load_bundle(folder)
        found = Found([], [], [], seconds)
        with Networks.open(bundle, "cpu") as networks:
            method = BundleMethod(networks)
            pool = Pool(self._clips, "val", bundle.front_end, bundle.vision)
            random = np.random.default_rng(self._seed)
            kinds = sorted({sound.kind for sound in self._data.split("train")})
            vectors = {kind: class_vector(networks, self._data, kind) for kind in kinds}
            for example in pool.examples(
                sources=2, same_kind=False, count=self._count, seed=self._seed
            ):
                seen = method.see(example)
                found.picture.extend(gains(method, example, seen, seen.looks))
                own = [vectors.get(kind) for kind in example.kinds]
                known = [vector for vector in own if vector is not None]
                if len(known) == len(own):
                    found.vector.extend(gains(method, example, seen, np.stack(known)))
                absent = pool.absent(example, random)
                if absent:
                    found.silent.append(silent_level(method, example, absent))
        return found


def gains(method: BundleMethod, example: Example, seen: Seen, looks: FloatArray) -> list[float]:
    """Return what stems gain in SI-SDR over the mixture, dB."""
    masks = method.masks(looks, seen)
    stems = apply_masks(method.networks.bundle.front_end, masks, example.mixture)
    mixture = np.broadcast_to(example.mixture, example.waves.shape)
    figures: list[float] = (si_sdr(example.waves, stems) - si_sdr(example.waves, mixture)).tolist()
    return figures


def train(name: str, run: Path, options: argparse.Namespace) -> float:
    """Train and export one choice; return the seconds of a step."""
    pixelmix = [sys.executable, "-m", "pixelmix"]
    words = [*pixelmix, "train", str(options.data), "-o", str(run), "--quiet"]
    words += ["--resume"] if (run / "last.pt").is_file() else []
    words += ["--vision-weights", options.vision_weights, "--steps", str(options.steps)]
    words += [word for value in (*SAME, *CHOICES[name]) for word in ("--set", value)]
    words += ["--threads", str(options.threads)] if options.threads else []
    subprocess.run(words, check=True)
    subprocess.run(
        [*pixelmix, "export", str(run), "-o", str(run / "bundle"), "--quiet"], check=True
    )
    log = (run / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return statistics.median(float(json.loads(line)["seconds_per_step"]) for line in log)


def table(results: dict[str, Found]) -> None:
    """Print every choice's figures, and how they differ from the plain one's."""
    plain = results.get("plain")
    print(f"{'':20}{'picture':>9}{'vector':>9}{'silent':>9}{'s a step':>10}  against plain, vector")
    for name, found in results.items():
        line = "".join(
            f"{np.mean(figures):>9.2f}" for figures in (found.picture, found.vector, found.silent)
        )
        if plain is not None and found is not plain:
            change = interval(np.reshape(np.subtract(found.vector, plain.vector), (-1, 2)))
            against = f"{change.mean:+.2f} [{change.low:+.2f}, {change.high:+.2f}]"
        else:
            against = ""
        print(f"{name:20}{line}{found.seconds:>10.2f}  {against}", flush=True)


def main() -> None:
    """Train what has not been trained, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("clips", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CHOICES))
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--vision-weights", required=True)
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--mixtures", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    measure = Measure(options.data, options.clips, options.mixtures, options.seed)
    results: dict[str, Found] = {}
    for name in options.names or CHOICES:
        run = options.output / name.replace(" ", "-").replace("%", "percent")
        result = run / "result.json"
        if not result.is_file():
            found = measure(run / "bundle", train(name, run, options))
            result.write_text(json.dumps(asdict(found)), encoding="utf-8")
        results[name] = Found(**json.loads(result.read_text(encoding="utf-8")))
        print(f"{name}: done", file=sys.stderr)
    table(results)


if __name__ == "__main__":
    main()
