"""A kit of a few generated sounds and pictures, and a recipe that trains on it in seconds."""

import csv
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from pixelmix.media.wav import WavWriter
from pixelmix.train.kit import SCENES, WEIGHTS
from pixelmix.train.nets import NetworkSizes, dilated_features
from pixelmix.train.recipe import Recipe
from pixelmix.types import FloatArray, FrontEnd

NAMES = ("bell", "drum", "flute", "horn")
RATE = 8_000
SECONDS = 1.0

TINY = Recipe(
    front_end=FrontEnd(
        rate=4_000,
        window_samples=64 * 16 - 1,
        n_fft=62,
        hop=16,
        rows=32,
        warp_base=21.0,
        log_floor=1e-10,
    ),
    sizes=NetworkSizes(
        backbone="mobilenet_v2",
        k=3,
        unet_width=2,
        unet_levels=5,
        head_kernel=1,
        head_width=6,
        same_padding=True,
    ),
    views=2,
    picture_batch=4,
    projection_size=5,
    batch=2,
    workers=0,
    log_steps=1,
    save_seconds=2.0,
    warmup_steps=1,
)


def make_kit(folder: Path) -> Path:
    """Write a kit with one solo and two pictures of every class, two scenes, random weights."""
    rng = np.random.default_rng(0)
    solos, pictures = [], []
    for index, name in enumerate((*NAMES, SCENES)):
        for number in range(2):
            path = f"{name}-{number}.jpg"
            size = (40 + 10 * number, 56, 3)
            colour = rng.integers(0, 256, 3) * np.ones(size)
            pixels = np.clip(colour + rng.normal(0, 30, size), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / path)
            pictures.append((path, name, "train"))
        if name != SCENES:
            write_sound(folder / f"{name}.wav", tone(150.0 * (index + 1)))
            solos.append((f"{name}.wav", name, "train", SECONDS))
    _write_list(folder / "solos.csv", ("path", "class", "split", "seconds"), solos)
    _write_list(folder / "pictures.csv", ("path", "class", "split"), pictures)
    (folder / WEIGHTS).parent.mkdir()
    torch.manual_seed(0)
    layers = dilated_features("mobilenet_v2").state_dict()
    save_file(
        {f"features.{key}": _like_trained(value) for key, value in layers.items()}, folder / WEIGHTS
    )
    return folder


def tone(frequency: float) -> FloatArray:
    time = np.arange(round(SECONDS * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * frequency * part * time) / part for part in (1, 2, 3))
    return (0.2 * wave).astype(np.float32)


def write_sound(file: Path, samples: FloatArray) -> None:
    with WavWriter(file, RATE, 1) as writer:
        writer.write(samples[None])


def _write_list(file: Path, columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with file.open("w", newline="") as lines:
        csv.writer(lines).writerows((columns, *rows))


def _like_trained(value: torch.Tensor) -> torch.Tensor:
    # Some spread in the normalisation, so that mistakes in folding it would show.
    if value.ndim == 1 and value.is_floating_point():
        return value + 0.1 * torch.rand(value.shape)
    return value.contiguous()
