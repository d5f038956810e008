"""Lists of recordings: those of the published PixelPlayer code, and kits.

A published list is a ``.csv`` file without a header: sound, folder of pictures, their number. A
kit is a folder with ``solos.csv`` (path, class, split, and where known seconds, sources, licence)
and ``pictures.csv`` (path, class, split, and where known source, licence): sounds without pictures
of their own, and pictures of the same classes and of scenes in which nothing sounds.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from pixelmix.data.dataset import LeftOut
from pixelmix.data.items import SPLITS, Item, Pair, Photo, Solo
from pixelmix.errors import InputError

SOLOS, PICTURES = "solos.csv", "pictures.csv"
_Row = dict[str, str]


def read_list(file: Path, frame_rate: float) -> Iterator[Item | LeftOut]:
    """Yield the recordings of a published list, whose pictures were taken at `frame_rate`.

    Paths are relative to the list's folder, or else to the current one. The class is the name of
    the sound's folder, the split what the list's own name says.

    Raises
    ------
    InputError
        If the list cannot be read or is empty.
    """
    found = re.search(r"(?<![a-z])(val|test)", file.stem.lower())
    split = found[1] if found else "train"
    rows = _lines(file)
    if not rows:
        raise InputError(f"{file}: lists nothing")
    for number, row in enumerate(rows, start=1):
        if len(row) < 2 or not row[0] or not row[1]:
            reason = "this row does not name a sound and a folder of pictures"
            yield LeftOut(name=f"{file.parent.name}/{file.name}, row {number}", reason=reason)
            continue
        count = row[2] if len(row) > 2 else ""
        name = _listed_name(file.parent, row[0])
        if count and not count.isdecimal():
            yield LeftOut(name=name, reason=f"the list gives {count!r} as the number of pictures")
            continue
        sound = _located(row[0], file.parent)
        yield Pair(
            name=name,
            path=sound,
            kind=sound.parent.name,
            split=split,
            source=row[0],
            frames=_located(row[1], file.parent),
            count=int(count) if count else None,
            frame_rate=frame_rate,
        )


def read_kit(folder: Path) -> Iterator[Item | LeftOut]:
    """Yield the sounds and pictures of a kit, in the order of its lists.

    Raises
    ------
    InputError
        If a list cannot be read, lacks a column or is empty.
    """
    if (folder / SOLOS).exists():
        for row in read_table(folder / SOLOS, ("path", "class", "split")):
            yield _doubt(folder, row) or _solo(folder, row)
    if (folder / PICTURES).exists():
        for row in read_table(folder / PICTURES, ("path", "class", "split")):
            yield _doubt(folder, row) or Photo(
                name=_listed_name(folder, row["path"]),
                path=folder / row["path"],
                kind=row["class"],
                split=row["split"],
                source=row.get("source") or row["path"],
                licence=row.get("licence") or "",
            )


def read_table(file: Path, columns: Sequence[str]) -> list[_Row]:
    """Return the rows of a ``.csv`` file with a header that names at least these columns.

    Raises
    ------
    InputError
        If it cannot be read, lacks a column or has no rows.
    """
    header, *rows = _lines(file) or [[]]
    missing = [column for column in columns if column not in header]
    if missing:
        raise InputError(f"{file}: the column {missing[0]!r} is missing")
    if not rows:
        raise InputError(f"{file}: lists nothing")
    blank = [""] * len(header)
    return [dict(zip(header, [*row, *blank], strict=False)) for row in rows]


def _lines(file: Path) -> list[list[str]]:
    try:
        # Spreadsheets put a byte order mark in front.
        with file.open(newline="", encoding="utf-8-sig") as lines:
            return [[cell.strip() for cell in row] for row in csv.reader(lines) if row]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{file}: cannot be read as a list ({error})") from error


def _doubt(folder: Path, row: _Row) -> LeftOut | None:
    """Return what is wrong with a row of a kit."""
    name = _listed_name(folder, row["path"])
    if not row["class"]:
        return LeftOut(name=name, reason="its row names no class")
    if row["split"] not in SPLITS:
        reason = f"its split {row['split']!r} is none of {', '.join(SPLITS)}"
        return LeftOut(name=name, reason=reason)
    return None


def _solo(folder: Path, row: _Row) -> Item | LeftOut:
    name, stated = _listed_name(folder, row["path"]), row.get("seconds")
    try:
        seconds = float(stated) if stated else None
    except ValueError:
        return LeftOut(name=name, reason=f"its row gives {stated!r} as its length in seconds")
    return Solo(
        name=name,
        path=folder / row["path"],
        kind=row["class"],
        split=row["split"],
        source=row.get("sources") or row.get("source") or row["path"],
        licence=row.get("licence") or "",
        seconds=seconds,
    )


def _located(path: str, folder: Path) -> Path:
    beside = folder / path
    return beside if beside.exists() or not Path(path).exists() else Path(path).absolute()


def _listed_name(folder: Path, path: str) -> str:
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", ".", "..")]
    return "/".join((folder.name, *parts))
