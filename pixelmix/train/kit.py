"""The folder of sounds and pictures that training reads: two lists and the files they name.

``solos.csv`` (path, class, split, seconds) lists solo performances, ``pictures.csv`` (path,
class, split) photographs; paths are relative to the folder. Pictures of the class `SCENES` show
no instrument. The backbone's weights lie in `WEIGHTS`.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from pixelmix.errors import InputError

SCENES = "_background"
"""Class of the pictures in which nothing makes a sound."""

WEIGHTS = Path("vision", "mobilenet_v2_imagenet.safetensors")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the kit; the sound or picture of ``kind`` (its class)."""

    path: str
    kind: str
    split: str
    seconds: float = 0.0
    """Stated length of a sound."""


def solos(kit: Path) -> list[Entry]:
    """Return every solo that ``solos.csv`` lists."""
    return _read(kit / "solos.csv", ("path", "class", "split", "seconds"))


def training_pictures(kit: Path) -> list[Entry]:
    """Return the pictures of the training split that ``pictures.csv`` lists."""
    rows = _read(kit / "pictures.csv", ("path", "class", "split"))
    pictures = [row for row in rows if row.split == "train"]
    if not any(row.kind == SCENES for row in pictures):
        raise InputError(
            f"{kit / 'pictures.csv'}: no training picture of the class {SCENES!r}; add scenes "
            "without instruments"
        )
    return pictures


def _read(file: Path, columns: tuple[str, ...]) -> list[Entry]:
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            reader = csv.DictReader(lines)
            missing = set(columns) - set(reader.fieldnames or ())
            if missing:
                raise InputError(f"{file}: the column {min(missing)!r} is missing")
            rows = [
                Entry(row["path"], row["class"], row["split"], float(row.get("seconds") or 0))
                for row in reader
            ]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read as a list ({error})") from error
    if not rows:
        raise InputError(f"{file}: lists no files")
    return rows
