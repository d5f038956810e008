"""Measure training: mixtures per second, against the published recipe in plain PyTorch.

All train on the same generated recordings (noise, and pictures with the detail of photographs),
each in a process of its own, in turn, with one process that loads data:

- published: the published code's recipe, written from its description (docs/paper.md). Its loader
  decodes, resizes and crops three JPEG files per source and takes the STFTs; the networks, those
  of `pixelmix.train.nets`, are trained in single precision. In its favour, sounds are crops of a
  memory-mapped file instead of whole MP3 files, no phases are computed, and the warp's grid is
  made once.
- paper: the preset, as `pixelmix train` runs it; and in bfloat16.
- default: the preset, on maps of a frozen backbone that were made before. Windows are half as long
  for a part of the training; both lengths are measured and count as they do in the preset.

Weights are random, which makes no difference to the speed. The first step of every length is left
out.
"""

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from pixelmix.data.dataset import SCENES, Dataset, Sound, Still
from pixelmix.data.store import DatasetWriter, Settings
from pixelmix.train.backbone import load_backbone
from pixelmix.train.features import prepare_features
from pixelmix.train.loop import Launch, open_fabric
from pixelmix.train.mixtures import Mixer, Source, batches
from pixelmix.train.nets import AudioNetwork, Synthesizer, VisionNetwork
from pixelmix.train.recipe import Recipe, preset
from pixelmix.train.trainer import Trainer
from pixelmix.types import FloatArray

PAPER = preset("paper")
CONTENDERS = {
    "published": None,
    "paper": PAPER,
    "paper, bf16": replace(PAPER, precision="bf16"),
    "default": preset("default"),
}
SECONDS = 24
KINDS = 8
FRAME_RATE = 2.0
WEIGHTS = "backbone.pt"
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Pace:
    """What a mixture costs, seconds."""

    whole: float
    waiting: float
    """Of that, for data."""


# The recordings


def make_data(folder: Path) -> None:
    """Write a dataset, and random weights of the default preset's backbone."""
    rng = np.random.default_rng(0)
    with DatasetWriter(folder / "data", Settings()) as writer:
        for i in range(KINDS):
            sound = Sound(
                name=str(i), kind=str(i), split="train", source="made", licence="", start=0,
                samples=0, frame_rate=FRAME_RATE,
            )  # fmt: skip
            noise = rng.normal(0, 3_000, SECONDS * PAPER.front_end.rate).astype(np.int16)
            writer.add_sound(sound, noise, [photo(rng) for _ in range(round(SECONDS * FRAME_RATE))])
            scene = Still(
                name=f"scene {i}", kind=SCENES, split="train", source="made", licence="", picture=0
            )
            writer.add_still(scene, photo(rng))
        writer.finish()
    torch.save(torchvision.models.mobilenet_v2(weights=None).state_dict(), folder / WEIGHTS)


def photo(rng: np.random.Generator) -> bytes:
    """Return a JPEG file of 454 x 256 pixels, blurred noise at several scales."""
    size = (454, 256)
    total = np.zeros((256, 454, 3))
    for cells in (4, 16, 64):
        coarse = rng.integers(0, 256, (cells, 2 * cells, 3), dtype=np.uint8)
        total += np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)) / 3
    buffer = io.BytesIO()
    Image.fromarray(total.astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


# The published recipe


class Mixtures(TorchDataset[tuple[Tensor, Tensor]]):
    """Magnitudes ``(1 + sources, bins, frames)`` and pictures ``(sources, 3, frames, h, w)``."""

    def __init__(self, folder: Path, count: int) -> None:
        self._dataset = Dataset.open(folder)
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng(index)
        sounds = self._dataset.sounds
        chosen = [sounds[index % len(sounds)], sounds[int(rng.integers(len(sounds)))]]
        heard, seen = zip(*(self._source(sound, rng) for sound in chosen), strict=True)
        sources = np.stack(heard) / len(heard)
        magnitudes = [magnitude(wave) for wave in (sources.sum(0), *sources)]
        return torch.from_numpy(np.stack(magnitudes)), torch.stack(seen)

    def _source(self, sound: Sound, rng: np.random.Generator) -> tuple[FloatArray, Tensor]:
        fe = PAPER.front_end
        margin = 8
        centre = rng.uniform(margin, SECONDS - margin)
        first = int(centre * fe.rate) - fe.window_samples // 2
        wave = self._dataset.samples(sound, first, fe.window_samples)
        wave = np.clip(wave * np.float32(rng.uniform(*PAPER.volume)), -1, 1)
        times = [centre + step * PAPER.frame_spacing for step in (-1, 0, 1)]
        return wave, self._pictures([self._dataset.picture_at(sound, time) for time in times], rng)

    def _pictures(self, pictures: list[int], rng: np.random.Generator) -> Tensor:
        side = PAPER.short_side
        mean, std = (np.array(x, np.float32) for x in (PAPER.image_mean, PAPER.image_std))
        across, down, mirror = rng.random(3)
        views = []
        for index in pictures:
            picture = Image.fromarray(self._dataset.picture(index))
            scale = int(side * 1.1) / min(picture.size)
            width, height = (round(length * scale) for length in picture.size)
            picture = picture.resize((width, height), Image.Resampling.BICUBIC)
            x, y = int(across * (width - side)), int(down * (height - side))
            pixels = np.asarray(picture.crop((x, y, x + side, y + side)), np.float32)
            pixels = pixels[:, ::-1] if mirror < 0.5 else pixels
            views.append(((pixels / 255 - mean) / std).transpose(2, 0, 1))
        return torch.from_numpy(np.stack(views, 1))


def magnitude(wave: FloatArray) -> FloatArray:
    """Return the magnitude of the STFT ``(bins, frames)``."""
    fe = PAPER.front_end
    half = fe.n_fft // 2
    framed = np.lib.stride_tricks.sliding_window_view(np.pad(wave, half, "reflect"), fe.n_fft)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(fe.n_fft) / fe.n_fft)
    spectra = np.fft.rfft(framed[:: fe.hop] * hann.astype(np.float32))
    return np.ascontiguousarray(np.abs(spectra).T, np.float32)


class Published(nn.Module):
    """The published networks and their loss."""

    grid: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.vision = VisionNetwork(PAPER.sizes)
        self.audio = AudioNetwork(PAPER.sizes)
        self.synthesizer = Synthesizer(PAPER.sizes.k)
        fe = PAPER.front_end
        x, y = np.meshgrid(np.linspace(-1, 1, fe.frames), np.linspace(-1, 1, fe.rows))
        warped = (21 ** ((y + 1) / 2) - 11) / 10
        self.register_buffer("grid", torch.from_numpy(np.stack([x, warped], -1)[None]).float())

    def forward(self, magnitudes: Tensor, pictures: Tensor) -> Tensor:
        """Return the loss of mixtures as `Mixtures` loads them."""
        magnitudes = torch.cat([magnitudes[:, :1] + 1e-10, magnitudes[:, 1:]], 1)
        grid = self.grid.expand(len(magnitudes), -1, -1, -1)
        warped = F.grid_sample(magnitudes, grid, align_corners=True)
        mixture = warped[:, :1]
        weights = mixture.log1p().clamp(1e-3, 10)
        components = self.audio(mixture.log())
        costs = []
        for source in range(pictures.shape[1]):
            looks = self.look(pictures[:, source])
            logits = self.synthesizer.paired(looks[:, None], components)
            target = (warped[:, 1 + source, None] > 0.5 * mixture).float()
            costs.append(F.binary_cross_entropy(logits.sigmoid(), target, weights))
        return torch.stack(costs).mean()

    def look(self, pictures: Tensor) -> Tensor:
        """Return ``(b, k)`` features of ``(b, 3, frames, height, width)``."""
        maps = self.vision(pictures.transpose(1, 2).flatten(0, 1))
        features: Tensor = maps.unflatten(0, (len(pictures), -1)).amax((1, 3, 4)).sigmoid()
        return features


def run_published(folder: Path, batch: int, steps: int) -> Pace:
    """Train by the published recipe."""
    model = Published()
    groups: list[dict[str, float | Iterator[nn.Parameter]]] = [
        {"params": model.audio.parameters()},
        {"params": model.synthesizer.parameters()},
        {"params": model.vision.features.parameters(), "lr": PAPER.backbone_rate},
        {"params": model.vision.fc.parameters()},
    ]
    optimiser = torch.optim.SGD(
        groups,
        PAPER.learning_rate,
        momentum=PAPER.betas[0],
        weight_decay=PAPER.weight_decay,
    )
    loaded = DataLoader(
        Mixtures(folder / "data", batch * (steps + 1)),
        batch,
        num_workers=PAPER.workers,
        drop_last=True,
    )

    def step(mixtures: list[Tensor]) -> None:
        optimiser.zero_grad()
        model(*mixtures).backward()
        optimiser.step()

    return paced(clocked(iter(loaded), step, steps + 1), batch)


# The presets


def run_preset(folder: Path, recipe: Recipe, batch: int, steps: int, threads: int | None) -> Pace:
    """Train by a recipe, as `pixelmix train` does."""
    short = recipe.full_from
    length = steps + 1
    recipe = replace(
        recipe,
        batch=batch,
        steps=2 * length if short else length,
        epochs=0,
        full_from=0.5 if short else 0.0,
    )
    backbone = load_backbone(folder / WEIGHTS, recipe.sizes) if recipe.vision == "frozen" else None
    dataset = Dataset.open(folder / "data")
    maps = prepare_features(dataset, recipe, backbone, lambda _: None) if backbone else None
    source = Source(folder / "data", maps, recipe, recipe.steps)
    fabric = open_fabric(Launch("cpu", threads=threads))
    trainer = Trainer(fabric, recipe, len(Mixer(source).kinds), source.steps, backbone)
    drawn = batches(source, 0, 0, batch)
    if not short:
        return paced(clocked(drawn, trainer.step, length), batch)
    half, whole = (paced(clocked(drawn, trainer.step, length), batch) for _ in range(2))
    return Pace(
        short * half.whole + (1 - short) * whole.whole,
        short * half.waiting + (1 - short) * whole.waiting,
    )


# Measuring


def clocked(
    items: Iterator[_Item], step: Callable[[_Item], object], count: int
) -> list[tuple[float, float]]:
    """Take steps; return the seconds waited for each one's data, and taken by it."""
    found = []
    for _ in range(count):
        began = time.perf_counter()
        item = next(items)
        loaded = time.perf_counter()
        step(item)
        found.append((loaded - began, time.perf_counter() - loaded))
    return found


def paced(clock: list[tuple[float, float]], batch: int) -> Pace:
    """Return what a mixture costs, without the first step."""
    mixtures = batch * (len(clock) - 1)
    waited = sum(wait for wait, _ in clock[1:])
    return Pace((waited + sum(took for _, took in clock[1:])) / mixtures, waited / mixtures)


def run(name: str, folder: Path, options: argparse.Namespace) -> Pace:
    """Measure one contender here."""
    recipe = CONTENDERS[name]
    if options.threads:
        torch.set_num_threads(options.threads)
    if recipe is None:
        return run_published(folder, options.batch, options.steps)
    return run_preset(folder, recipe, options.batch, options.steps, options.threads)


def elsewhere(name: str, folder: Path, options: argparse.Namespace) -> Pace:
    """Measure one contender in a process of its own."""
    words = [sys.executable, __file__, "--one", name, str(folder)]
    words += ["--batch", str(options.batch), "--steps", str(options.steps)]
    words += ["--threads", str(options.threads)] if options.threads else []
    output = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Pace(**json.loads(output.splitlines()[-1]))


def main() -> None:
    """Measure all contenders in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=4, help="mixtures of a step")
    parser.add_argument("--steps", type=int, default=4, help="measured, of every window length")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of PyTorch")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        name, folder = options.one
        print(json.dumps(asdict(run(name, Path(folder), options))))
        return
    paces: dict[str, list[Pace]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder:
        make_data(Path(folder))
        for _ in range(options.repeat):
            for name, found in paces.items():
                found.append(elsewhere(name, Path(folder), options))
    print(f"batches of {options.batch}, {options.steps} steps, medians of {options.repeat}")
    print(f"{'':<14}{'mixtures/s':>12}{'ratio':>8}{'waiting for data':>19}")
    least = statistics.median(pace.whole for pace in paces["published"])
    for name, found in paces.items():
        whole = statistics.median(pace.whole for pace in found)
        waiting = statistics.median(pace.waiting / pace.whole for pace in found)
        print(f"{name:<14}{1 / whole:>12.3f}{least / whole:>8.2f}{waiting:>18.1%}")


if __name__ == "__main__":
    main()
