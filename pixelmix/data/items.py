"""What is read, one at a time, and how."""

from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Options:
    """How sources are found and read."""

    rate: int = 11_025
    """Of the sound, Hz."""
    side: int = 256
    """Short side of the pictures, pixels."""
    frame_rate: float = 2.0
    """Pictures per second taken from videos."""
    list_frame_rate: float = 8.0
    """Pictures per second in the folders that published lists name."""
    val: float = 0.1
    """Share of the videos without a split that become ``val``."""
    jobs: int = 1
    """Sources read at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something to read, and what is known of it before."""

    name: str
    """Unique in a dataset."""
    path: Path
    """Of the video, sound or picture."""
    kind: str
    split: str
    source: str
    licence: str = ""

    @property
    def stamp(self) -> str:
        """Text that changes when the file does; empty where there is none."""
        return _stamp(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Video(Item):
    """A video: sound and its own pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solo(Item):
    """A sound without pictures of its own."""

    seconds: float | None
    """Stated length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo(Item):
    """A picture that belongs to no recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(Item):
    """A sound and a folder of its pictures, taken at a steady rate."""

    frames: Path
    count: int | None
    """Stated number of pictures."""
    frame_rate: float

    @property
    def stamp(self) -> str:
        """Text that changes when the sound does, or when pictures come or go."""
        return f"{_stamp(self.path)} {_stamp(self.frames)}"


def printable(text: str) -> str:
    """Replace what is left of file names that are no UTF-8, which cannot be printed."""
    return text.encode(errors="replace").decode()


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_size}-{found.st_mtime_ns}"
