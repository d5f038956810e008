"""The dataset that `pixelmix prepare` writes and training and evaluation read.

A folder of four files: ``sound.i16`` (all sounds end to end, mono, 16-bit little-endian),
``pictures.bin`` (JPEG files end to end), ``pictures.npy`` (where each ends) and ``dataset.json``
(everything else). Sounds and pictures are read from disk when they are asked for.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from pixelmix.errors import InputError
from pixelmix.types import ByteArray, FloatArray

FORMAT = 1
SCENES = "_background"
"""Class of the pictures in which nothing makes a sound."""
QUIETEST = 10 ** (-50 / 20)
"""A crop below this RMS holds nothing to learn, and nothing to separate."""
INDEX, SOUND, PICTURES, ENDS = "dataset.json", "sound.i16", "pictures.bin", "pictures.npy"

Int16Array = npt.NDArray[np.int16]
_Row = TypeVar("_Row", "Sound", "Still", "LeftOut")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One recording: a range of the sound file and, if it was a video, its own pictures."""

    name: str
    """Where it came from, relative to its source; unique in a dataset."""
    kind: str
    """Class of what sounds, or empty."""
    split: str
    """``train``, ``val`` or ``test``."""
    source: str
    licence: str
    start: int
    samples: int
    first_picture: int = 0
    pictures: int = 0
    """Own pictures; picture ``i`` shows the time ``(i + 0.5) / frame_rate`` of the sound."""
    frame_rate: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A picture that belongs to no recording: to a class, or (`SCENES`) to nothing that sounds."""

    name: str
    kind: str
    split: str
    source: str
    licence: str
    picture: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A source that was not taken, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Index:
    """What ``dataset.json`` holds."""

    rate: int
    """Hz."""
    side: int
    """Short side of the pictures, pixels."""
    sounds: tuple[Sound, ...]
    stills: tuple[Still, ...]
    left_out: tuple[LeftOut, ...]

    def document(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {
            "format": FORMAT,
            "rate": self.rate,
            "side": self.side,
            "sounds": [asdict(row) for row in self.sounds],
            "stills": [asdict(row) for row in self.stills],
            "left_out": [asdict(row) for row in self.left_out],
        }


class Dataset:
    """A prepared dataset, opened for reading; cheap to open and to hand to another process."""

    def __init__(self, folder: Path, index: Index, ends: npt.NDArray[np.int64]) -> None:
        self.folder = folder
        self.rate = index.rate
        self.side = index.side
        self.sounds = index.sounds
        self.stills = index.stills
        self.left_out = index.left_out
        self._ends = ends
        self._sound: Int16Array = np.memmap(folder / SOUND, "<i2", "r")
        self._pictures: ByteArray = (
            np.memmap(folder / PICTURES, np.uint8, "r") if len(ends) else np.zeros(0, np.uint8)
        )

    @classmethod
    def open(cls, folder: Path) -> "Dataset":
        """Open a dataset folder.

        Raises
        ------
        InputError
            If it is no finished dataset, or its files do not fit each other.
        """
        try:
            index = read_index(json.loads((folder / INDEX).read_text(encoding="utf-8")))
            ends = np.load(folder / ENDS, allow_pickle=False)
            dataset = cls(folder, index, ends)
        except FileNotFoundError as error:
            raise InputError(
                f"{folder}: is no finished dataset ({Path(error.filename).name} is missing); make "
                "one with `pixelmix prepare`"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{folder}: the dataset is damaged ({error}); prepare it again") from (
                error
            )
        dataset._check()
        return dataset

    def _check(self) -> None:
        pictures = len(self._ends)
        sound_end = max((row.start + row.samples for row in self.sounds), default=0)
        picture_end = max((row.first_picture + row.pictures for row in self.sounds), default=0)
        picture_end = max([picture_end, *(row.picture + 1 for row in self.stills)])
        if (
            sound_end > len(self._sound)
            or picture_end > pictures
            or (pictures and int(self._ends[-1]) > len(self._pictures))
        ):
            raise InputError(f"{self.folder}: the dataset is cut off; prepare it again")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Classes of the sounds, sorted; without the empty one."""
        return tuple(sorted({row.kind for row in self.sounds if row.kind}))

    def split(self, name: str) -> tuple[Sound, ...]:
        """Return the sounds of a split."""
        return tuple(row for row in self.sounds if row.split == name)

    def samples(self, sound: Sound, first: int, count: int) -> FloatArray:
        """Return ``(count,)`` samples from ``first`` on, full scale 1; zeros after the end."""
        return self.raw_samples(sound, first, count).astype(np.float32) / np.float32(32768)

    def raw_samples(self, sound: Sound, first: int, count: int) -> Int16Array:
        """Return the same as they are stored, 16 bits."""
        if first < 0:
            raise ValueError("a sound has no samples before its first")
        start = sound.start + min(first, sound.samples)
        stop = min(start + count, sound.start + sound.samples)
        taken = np.zeros(count, np.int16)
        taken[: stop - start] = self._sound[start:stop]
        return taken

    def picture(self, index: int) -> ByteArray:
        """Return picture ``index``, ``(height, width, 3)`` RGB, its short side `side` pixels.

        Raises
        ------
        InputError
            If it is damaged.
        """
        start = int(self._ends[index - 1]) if index else 0
        content = self._pictures[start : int(self._ends[index])].tobytes()
        try:
            with Image.open(io.BytesIO(content)) as picture:
                return np.asarray(picture.convert("RGB"))
        except OSError as error:
            raise InputError(
                f"{self.folder / PICTURES}: picture {index} is damaged ({error})"
            ) from error

    def picture_at(self, sound: Sound, seconds: float) -> int:
        """Return the index of the sound's own picture nearest to a time (kept inside).

        Raises
        ------
        ValueError
            If the sound has no pictures of its own.
        """
        if not sound.pictures:
            raise ValueError(f"{sound.name} has no pictures of its own")
        place = int(np.floor(seconds * sound.frame_rate))
        return sound.first_picture + min(max(place, 0), sound.pictures - 1)


def read_index(document: Mapping[str, object]) -> Index:
    """Read what `Index.document` returned; ValueError, KeyError or TypeError if it does not fit."""
    if document["format"] != FORMAT:
        raise ValueError(f"format {document['format']!r}, this version reads {FORMAT}")
    rate, side = document["rate"], document["side"]
    if not (isinstance(rate, int) and isinstance(side, int) and rate > 0 and side > 0):
        raise ValueError("rate and side must be whole numbers above zero")
    return Index(
        rate,
        side,
        read_rows(Sound, document["sounds"]),
        read_rows(Still, document["stills"]),
        read_rows(LeftOut, document["left_out"]),
    )


def read_rows(row: type[_Row], values: object) -> tuple[_Row, ...]:
    """Read a list of JSON objects as dataclasses whose fields are strings and numbers."""
    if not isinstance(values, list):
        raise TypeError("a list is missing")
    return tuple(_read_row(row, value) for value in values)


def _read_row(row: type[_Row], value: object) -> _Row:
    if not isinstance(value, dict):
        raise TypeError("an entry is no object")
    wanted = {field.name: field.type for field in fields(row)}
    for name, kind in wanted.items():
        found = value[name]
        right = isinstance(found, int | float) if kind is float else isinstance(found, kind)  # type: ignore[arg-type]
        if not right or isinstance(found, bool) or (kind is not str and found < 0):
            raise ValueError(f"{name} of {value.get('name')!r} is {found!r}")
    return row(**{name: value[name] for name in wanted})
