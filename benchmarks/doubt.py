"""How often the warnings about a separation are right, on solo clips that the model never saw.

    python benchmarks/doubt.py CLIPS [--model default] [--scenes 40] [--seed 5]

``CLIPS`` is as for `score.py`. Each scene shows two clips side by side, or one beside a plain grey
wall, with a box on each half, and one of these sounds: both clips; only the left one; another two
clips, or another one, of instruments that are not seen; both of two clips of one instrument. For
every kind of scene it prints how often the left half, the right one and either is warned about,
how often there is any warning, that no half has a sound, that the two are alike, and that much is
left to ``rest``. The first kind should have no warnings, all others should.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from score import Array, read_picture, read_sound

from pixelmix.mix.blend import with_rest
from pixelmix.mix.divide import divide
from pixelmix.mix.doubt import doubts
from pixelmix.mix.meter import Meter
from pixelmix.mix.plan import spectrogram
from pixelmix.model.bundle import find_bundle, load_bundle
from pixelmix.model.images import network_input
from pixelmix.model.session import Networks
from pixelmix.regions.cells import pool, region_cells
from pixelmix.types import Box, FloatArray

PANEL, FRAMES, NAMES = 224, 3, ("left", "right")


@dataclass(frozen=True)
class Judged:
    """What was said about one scene."""

    left: bool
    right: bool
    alike: bool
    nowhere: bool
    rest: bool


class Judge:
    """Separates one window of a scene, as the commands do, and collects what is said."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    def look(self, panels: Sequence[Path | None]) -> FloatArray:
        """Return what the boxes on both halves are made of, ``(2, k)``."""
        vision, features = self._networks.bundle.vision, []
        for i in range(FRAMES):
            halves = [_panel(clip, i) for clip in panels]
            features.append(self._networks.features(network_input(np.hstack(halves), vision)))
        seen = np.concatenate(features)
        size = (2 * PANEL, PANEL, *seen.shape[2:])
        boxes = (Box(0, 0, PANEL, PANEL), Box(PANEL, 0, PANEL, PANEL))
        return np.stack([pool(seen, region_cells(box, *size)) for box in boxes])

    def judge(self, vectors: FloatArray, sound: Array) -> Judged:
        """Return what is said about two regions of a sound of one window."""
        bundle = self._networks.bundle
        fe = bundle.front_end
        samples = np.pad(sound, (0, fe.window_samples))[: fe.window_samples].astype(np.float32)
        heard = spectrogram(fe, samples[None])
        components = self._networks.components(heard.log_magnitude)
        masks = bundle.cut(self._networks.masks(vectors, components)[0])
        meter = Meter(len(masks))
        meter.add_masks(masks, heard.magnitude)
        parts = divide(masks, heard, fe)
        energy = np.square(with_rest(parts) * heard.magnitude).sum(axis=(1, 2))
        measured = meter.levels(NAMES)
        levels = {
            name: replace(measured[name], share=float(share))
            for name, share in zip(measured, energy / energy.sum(), strict=True)
        }
        said = doubts(levels, meter.likeness())
        nowhere = any(line.startswith("no region") for line in said)
        left, right = (nowhere or any(line.startswith(f"{n}:") for line in said) for n in NAMES)
        much = any("belongs to no region" in line for line in said)
        return Judged(left, right, any("alike" in line for line in said), nowhere, much)


def _panel(clip: Path | None, index: int) -> np.ndarray:
    if clip is None:
        return np.full((PANEL, PANEL, 3), 110, np.uint8)
    picture = Image.fromarray(read_picture(clip / f"frame{index}.jpg"))
    return np.asarray(picture.resize((PANEL, PANEL), Image.Resampling.BILINEAR))


def kind_of(clip: Path) -> str:
    """Return the instrument of a clip."""
    return clip.name.rsplit("-", 1)[0]


def draw(
    clips: Sequence[Path], count: int, random: np.random.Generator, fits: Callable[[int], bool]
) -> list[Path]:
    """Draw clips whose number of different instruments fits."""
    while True:
        drawn = [clips[i] for i in random.choice(len(clips), count, replace=False)]
        if fits(len({kind_of(clip) for clip in drawn})):
            return drawn


def scenes(
    judge: Judge, clips: Sequence[Path], random: np.random.Generator, found: dict[str, list[Judged]]
) -> None:
    """Judge one scene of each kind."""
    a, b, c, d = draw(clips, 4, random, lambda kinds: kinds == 4)
    sounds = [read_sound(clip / "audio.flac") for clip in (a, b, c, d)]
    length = min(map(len, sounds))
    left, right, other, another = (sound[:length] for sound in sounds)
    both, wall = judge.look((a, b)), judge.look((a, None))
    for kind, vectors, sound in (
        ("both heard", both, left + right),
        ("right one silent", both, left),
        ("a wall beside the player", wall, left),
        ("a wall, and an unseen player", wall, left + right),
        ("two others heard", both, other + another),
        ("another one heard", both, other),
    ):
        found[kind].append(judge.judge(vectors, sound))
    a, b = draw(clips, 2, random, lambda kinds: kinds == 1)
    one, two = (read_sound(clip / "audio.flac") for clip in (a, b))
    length = min(len(one), len(two))
    found["two of one instrument"].append(
        judge.judge(judge.look((a, b)), one[:length] + two[:length])
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--threads", type=int)
    asked = parser.parse_args()
    clips = sorted(f for f in asked.clips.iterdir() if (f / "audio.flac").is_file())
    random, found = np.random.default_rng(asked.seed), defaultdict[str, list[Judged]](list)
    bundle = load_bundle(find_bundle(asked.model))
    with Networks.open(bundle, "auto", asked.threads) as networks:
        for _ in range(asked.scenes):
            scenes(Judge(networks), clips, random, found)
    print(f"{asked.model}: {asked.scenes} scenes of each kind, seed {asked.seed}; % of them")
    print(f"{'':30} left  right  half  any  nowhere  alike  rest")
    for kind, judged in found.items():
        columns = (
            np.mean([one.left for one in judged]),
            np.mean([one.right for one in judged]),
            np.mean([one.left or one.right for one in judged]),
            np.mean([one.left or one.right or one.alike or one.rest for one in judged]),
            np.mean([one.nowhere for one in judged]),
            np.mean([one.alike for one in judged]),
            np.mean([one.rest for one in judged]),
        )
        print(f"{kind:30} " + "  ".join(f"{100 * value:4.0f}" for value in columns))


if __name__ == "__main__":
    main()
