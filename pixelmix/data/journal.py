"""The journal of a dataset: a line for every source, from which the writer's state is rebuilt."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pixelmix.data.dataset import (
    INDEX,
    PICTURES,
    SOUND,
    LeftOut,
    Sound,
    Still,
    read_index,
    read_rows,
)
from pixelmix.errors import InputError

JOURNAL = "journal.jsonl"


@dataclass(slots=True)
class State:
    """What has been added so far."""

    sounds: list[Sound] = field(default_factory=list)
    stills: list[Still] = field(default_factory=list)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    ends: list[int] = field(default_factory=list)
    """Where each picture ends, bytes."""
    samples: int = 0
    stamps: dict[str, str] = field(default_factory=dict)
    """Stamp of every source by its name."""

    @property
    def sound_bytes(self) -> int:
        """Length of the sound file."""
        return 2 * self.samples

    @property
    def picture_bytes(self) -> int:
        """Length of the file of pictures."""
        return self.ends[-1] if self.ends else 0

    def apply(self, line: Mapping[str, object]) -> None:
        """Take a line of the journal; ValueError, KeyError or TypeError (nothing taken) if bad."""
        samples, ends, stamp = line["samples"], line["ends"], line.get("stamp", "")
        if not (isinstance(samples, int) and isinstance(ends, list) and isinstance(stamp, str)):
            raise TypeError("an entry is of the wrong kind")
        edges = [self.picture_bytes, *ends]
        if samples < self.samples or edges != sorted(edges):
            raise ValueError("the data files cannot shrink")
        row: Sound | Still | LeftOut
        if "sound" in line:
            (row,) = read_rows(Sound, [line["sound"]])
            self.sounds.append(row)
        elif "still" in line:
            (row,) = read_rows(Still, [line["still"]])
            self.stills.append(row)
        else:
            (row,) = read_rows(LeftOut, [line["left_out"]])
        # A source that was left out once may have been taken since, or for another reason now.
        self.left_out.pop(row.name, None)
        if isinstance(row, LeftOut):
            self.left_out[row.name] = row
        self.samples = samples
        self.ends += ends
        self.stamps[row.name] = stamp


def read_journal(folder: Path, header: Mapping[str, object]) -> tuple[State, int]:
    """Return the state after the last good line, and how long the journal is up to there, bytes.

    A line is good if it can be read and the data files hold what it speaks of. What comes after
    a bad one is given up, unless the dataset is finished: nothing of that is ever cut away.

    Raises
    ------
    InputError
        If the dataset was begun with another header, or is finished and the journal damaged.
    """
    content = (folder / JOURNAL).read_bytes()
    first, *lines = content.split(b"\n")
    found = _object(first)
    if found is None:
        raise InputError(f"{folder / JOURNAL}: is damaged; use a new folder")
    if found != header:
        raise InputError(f"{folder}: was made with {_words(found)}, not {_words(header)}; choose "
                         "the same or use a new folder")  # fmt: skip
    state = State()
    good = len(first) + 1
    sizes = _size(folder / SOUND), _size(folder / PICTURES)
    # The last piece is empty, or a line that was cut off.
    for line in lines[:-1]:
        if not _applied(line, state, sizes):
            break
        good += len(line) + 1
    if len(state.sounds) + len(state.stills) < _finished_rows(folder):
        raise InputError(f"{folder / JOURNAL}: is damaged, or the data files are cut off; the "
                         "dataset cannot be added to, use a new folder")  # fmt: skip
    return state, good


def _applied(line: bytes, state: State, sizes: tuple[int, int]) -> bool:
    entry = _object(line)
    if entry is None:
        return False
    samples, ends = entry.get("samples"), entry.get("ends")
    if not isinstance(samples, int) or 2 * samples > sizes[0]:
        return False
    if not isinstance(ends, list) or not all(isinstance(end, int) for end in ends):
        return False
    if ends and ends[-1] > sizes[1]:
        return False
    try:
        state.apply(entry)
    except (ValueError, KeyError, TypeError):
        return False
    return True


def _object(line: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _words(header: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in header.items())


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _finished_rows(folder: Path) -> int:
    try:
        index = read_index(json.loads((folder / INDEX).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return len(index.sounds) + len(index.stills)
