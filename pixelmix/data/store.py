"""Writing a dataset: one source after another, so that a stopped preparation can go on.

``journal.jsonl`` gets a line for every source: what it brought and how long the data files are
then. Lines are written only after the data they speak of has reached the disk. A later start cuts
the data files back to the last good line and goes on there.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np

from pixelmix.data.dataset import (
    ENDS,
    INDEX,
    PICTURES,
    SOUND,
    Dataset,
    Index,
    Int16Array,
    LeftOut,
    Sound,
    Still,
)
from pixelmix.data.journal import JOURNAL, State, read_journal
from pixelmix.errors import InputError, OutputError

_COMMIT_SECONDS = 2.0
"""Work that a power cut may cost; waiting for the disk after every picture would take longer."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What all sources of a dataset have in common."""

    rate: int = 11_025
    """Hz."""
    side: int = 256
    """Short side of the pictures, pixels."""


class DatasetWriter:
    """Adds sources to a dataset folder; use it in a ``with`` statement.

    Positions (``start``, ``first_picture``, ``picture``) in the rows it is given are ignored: it
    fills them in. A ``stamp`` is any text that changes when the source does. A source that was
    left out may be added later; one that was taken may not.

    Raises
    ------
    InputError
        If the folder holds something else, a dataset with other settings or a damaged one.
    OutputError
        If it cannot be written.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self._state = State()
        self._lines: list[bytes] = []
        self._committed = time.monotonic()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._recover()
            self._sound_file = (folder / SOUND).open("ab")
            self._picture_file = (folder / PICTURES).open("ab")
            self._journal = (folder / JOURNAL).open("ab")
        except OSError as error:
            raise self._unwritable(error) from error

    @property
    def done(self) -> Set[str]:
        """Names of the sources that were looked at, taken or not."""
        return self._state.stamps.keys()

    @property
    def stamps(self) -> Mapping[str, str]:
        """Stamp of every source in `done`."""
        return self._state.stamps

    @property
    def left_out(self) -> Set[str]:
        """Names of the sources that were looked at and not taken."""
        return self._state.left_out.keys()

    def add_sound(
        self, sound: Sound, samples: Int16Array, pictures: Sequence[bytes] = (), stamp: str = ""
    ) -> None:
        """Add a recording: ``samples (n,)`` and its own pictures as JPEG files, in order."""
        placed = replace(
            sound,
            start=self._state.samples,
            samples=len(samples),
            first_picture=len(self._state.ends),
            pictures=len(pictures),
        )
        self._add(placed.name, {"sound": asdict(placed)}, samples, pictures, stamp)

    def add_still(self, still: Still, picture: bytes, stamp: str = "") -> None:
        """Add a picture as a JPEG file."""
        placed = replace(still, picture=len(self._state.ends))
        self._add(placed.name, {"still": asdict(placed)}, np.zeros(0, np.int16), [picture], stamp)

    def leave_out(self, left_out: LeftOut, stamp: str = "") -> None:
        """Note a source that cannot be used."""
        entry = {"left_out": asdict(left_out)}
        self._add(left_out.name, entry, np.zeros(0, np.int16), [], stamp)

    def finish(self) -> Dataset:
        """Write the index, so that the folder becomes a dataset, and return it.

        Raises
        ------
        InputError
            If no sound was added.
        """
        if not self._state.sounds:
            rows = list(self._state.left_out.values())[:3]
            reasons = "; ".join(f"{row.name}: {row.reason}" for row in rows)
            raise InputError(f"none of the sources can be used ({reasons or 'nothing was found'})")
        index = Index(
            self._settings.rate,
            self._settings.side,
            tuple(self._state.sounds),
            tuple(self._state.stills),
            tuple(self._state.left_out.values()),
        )
        try:
            self._commit()
            with _replacing(self._folder / ENDS) as file:
                np.save(file, np.array(self._state.ends, np.int64))
            with _replacing(self._folder / INDEX) as file:
                file.write(json.dumps(index.document()).encode())
        except OSError as error:
            raise self._unwritable(error) from error
        return Dataset.open(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._commit()
        except OSError as failed:
            if kind is None:
                raise self._unwritable(failed) from failed
        finally:
            for file in (self._sound_file, self._picture_file, self._journal):
                with suppress(OSError):
                    file.close()

    def _add(
        self,
        name: str,
        entry: Mapping[str, object],
        samples: Int16Array,
        pictures: Sequence[bytes],
        stamp: str,
    ) -> None:
        if name in self.done and name not in self.left_out:
            raise ValueError(f"{name} is in the dataset already")
        state = self._state
        sizes = np.cumsum([len(picture) for picture in pictures], dtype=np.int64)
        line = {
            **entry,
            "samples": state.samples + len(samples),
            "ends": (state.picture_bytes + sizes).tolist(),
            "stamp": stamp,
        }
        try:
            self._append(self._sound_file, state.sound_bytes, samples.astype("<i2").tobytes())
            self._append(self._picture_file, state.picture_bytes, b"".join(pictures))
            state.apply(line)
            self._lines.append(json.dumps(line).encode() + b"\n")
            if time.monotonic() - self._committed > _COMMIT_SECONDS:
                self._commit()
        except OSError as error:
            raise self._unwritable(error) from error

    def _append(self, file: BinaryIO, size: int, content: bytes) -> None:
        if os.fstat(file.fileno()).st_size != size:
            raise OutputError(
                f"{self._folder}: something else is writing to this dataset; let only one "
                "`pixelmix prepare` run on a folder at a time"
            )
        file.write(content)
        file.flush()

    def _commit(self) -> None:
        """Write the journal's lines once their data has reached the disk."""
        if self._lines:
            for file in (self._sound_file, self._picture_file):
                os.fsync(file.fileno())
            # Noted first: what an interrupt leaves half-written is not written once more.
            lines, size = b"".join(self._lines), self._journal_size
            self._lines.clear()
            self._journal_size += len(lines)
            self._append(self._journal, size, lines)
            os.fsync(self._journal.fileno())
        self._committed = time.monotonic()

    def _recover(self) -> None:
        journal = self._folder / JOURNAL
        header = asdict(self._settings)
        if not journal.exists():
            if any(not file.name.startswith(".") for file in self._folder.iterdir()):
                raise InputError(
                    f"{self._folder}: is neither empty nor a dataset that was begun here; use a "
                    "new folder"
                )
            with _replacing(journal) as opened:
                opened.write(json.dumps(header).encode() + b"\n")
        self._state, self._journal_size = read_journal(self._folder, header)
        sizes = {
            JOURNAL: self._journal_size,
            SOUND: self._state.sound_bytes,
            PICTURES: self._state.picture_bytes,
        }
        for name, size in sizes.items():
            file = self._folder / name
            if not file.exists() or file.stat().st_size != size:
                file.touch()
                os.truncate(file, size)

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(f"{self._folder}: cannot be written ({error.strerror or error})")


@contextmanager
def _replacing(file: Path) -> Iterator[BinaryIO]:
    """Write a file that appears, or replaces the one before, when it is complete."""
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("wb") as opened:
        yield opened
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(file)
