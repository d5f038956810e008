"""A dataset in miniature: steady tones and plain colours, one of each per class."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from pixelmix.data.dataset import SCENES, Dataset, Sound, Still
from pixelmix.data.store import DatasetWriter, Settings

KINDS = ("bell", "drum", "horn", "reed")
RATE = 11_025


def tone(hertz: float, seconds: float, seed: int = 0) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """A tone with three partials and a little noise, 16 bits."""
    t = np.arange(round(seconds * RATE)) / RATE
    x = sum(np.sin(2 * np.pi * hertz * n * t) / n for n in (1, 2, 3))
    x = 0.2 * x + 0.002 * np.random.default_rng(seed).normal(size=len(t))
    return (32767 * x).astype(np.int16)


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (72, 64)) -> bytes:
    """A JPEG file of one colour, with a brighter spot."""
    picture = Image.new("RGB", size, colour)
    picture.paste((255, 255, 255), (8, 8, 16, 16))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def make_dataset(folder: Path, *, videos: bool = False, seconds: float = 8.0) -> Dataset:
    """Four classes, train and val; stills of every class and scenes, or (``videos``) own frames."""
    with DatasetWriter(folder, Settings(RATE, 64)) as writer:
        for split in ("train", "val"):
            for i, kind in enumerate(KINDS):
                colour = tuple(50 + 50 * ((i >> bit) & 1) + 40 * i for bit in (2, 1, 0))
                picture = jpeg(colour)  # type: ignore[arg-type]
                for take in range(2):
                    name = f"{kind}/{split}-{take}"
                    sound = Sound(
                        name=f"{name}.wav", kind=kind, split=split, source="made", licence="CC0",
                        start=0, samples=0, frame_rate=1.0 if videos else 0.0,
                    )  # fmt: skip
                    frames = [picture] * round(seconds) if videos else []
                    hertz = 150.0 * 2**i * (1 + 0.06 * take)
                    writer.add_sound(sound, tone(hertz, seconds, take), frames)
                    if not videos:
                        writer.add_still(_still(f"{name}.jpg", kind, split), picture)
            if not videos:
                for take in range(2):
                    writer.add_still(
                        _still(f"scene/{split}-{take}.jpg", SCENES, split), jpeg((20, 20, 20))
                    )
        return writer.finish()


def _still(name: str, kind: str, split: str) -> Still:
    return Still(name=name, kind=kind, split=split, source="made", licence="CC0", picture=0)
