"""What the networks make of a stretch of sound, and a record of it that is listened to again."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pixelmix.closing import Closing
from pixelmix.dsp.warp import row_widths
from pixelmix.errors import OutputError
from pixelmix.hearing import Stretch
from pixelmix.mix.plan import spectrogram
from pixelmix.model.session import Networks
from pixelmix.types import FloatArray

_LARGE_FILES = "/var/tmp"  # noqa: S108 - files without a name; `tempfile` makes them safely
"""Where systems expect large temporary files: elsewhere they may lie in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A stretch of sound."""

    components: FloatArray
    """(k, rows, frames)"""
    magnitude: FloatArray
    """(rows, frames), scaled so that energies of rows can be summed."""
    level: FloatArray
    """(frames,) mean square of the samples."""


def hear(stretch: Stretch, networks: Networks) -> Heard:
    """Run a stretch through the audio network."""
    fe, frames = networks.bundle.front_end, stretch.frames
    samples = stretch.window.samples
    heard = spectrogram(fe, samples)
    # With the floor, so that silence lies somewhere, too: in ``rest``.
    magnitude = heard.magnitude[:, frames] + np.float32(fe.log_floor)
    return Heard(
        networks.components(heard.log_magnitude)[0, :, :, frames],
        magnitude * np.sqrt(row_widths(fe))[:, None],
        _level(samples.mean(axis=0), fe.hop)[frames],
    )


def masks_at(networks: Networks, vectors: FloatArray, components: FloatArray) -> FloatArray:
    """Return the masks ``(n, ...)`` of vectors ``(n, k)`` where components are ``(k, ...)``.

    The synthesizer does not care where in the spectrogram a point lies, so they fill windows.
    """
    fe, k = networks.bundle.front_end, networks.bundle.k
    points = components.reshape(k, -1)
    room = fe.rows * fe.frames
    parts = []
    for first in range(0, points.shape[1], room):
        part = points[:, first : first + room]
        window = np.pad(part, ((0, 0), (0, room - part.shape[1])))
        masks = networks.masks(vectors, window.reshape(1, k, fe.rows, fe.frames))[0]
        parts.append(networks.bundle.cut(masks).reshape(len(vectors), room)[:, : part.shape[1]])
    return np.concatenate(parts, axis=1).reshape(len(vectors), *components.shape[1:])


class Record(Closing):
    """Everything that was heard, kept on disk; nothing of its file is left once it is closed.

    A minute takes some 24 MB, for components are kept in half precision: their masks differ from
    the networks' by 1e-3 at most, and listening again costs neither network nor decoder.

    Raises
    ------
    OutputError
        There is no room for it (also of `add`).
    """

    def __init__(self) -> None:
        self._folder = _folder()
        with self._room():
            # Without a name where the system knows such files: it goes with the process.
            self._file: BinaryIO = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        self._stretches = 0

    def close(self) -> None:
        """Give the disk back."""
        with suppress(OSError):  # of what still waits to be written when there is no room
            self._file.close()

    def add(self, heard: Heard) -> None:
        """Take the next stretch."""
        with self._room():
            np.save(self._file, heard.components.astype(np.float16))
            np.save(self._file, heard.magnitude)
            np.save(self._file, heard.level)
            self._file.flush()
        self._stretches += 1

    def __iter__(self) -> Iterator[Heard]:
        """Yield all stretches that were taken, in order."""
        self._file.seek(0)
        for _ in range(self._stretches):
            components, magnitude, level = (
                np.load(self._file, allow_pickle=False) for _ in range(3)
            )
            yield Heard(components.astype(np.float32), magnitude, level)

    @contextmanager
    def _room(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"{self._folder}: no room to note what is heard, some 24 MB a minute "
                f"({error.strerror}); set TMPDIR to a folder with more"
            ) from error


def _folder() -> str:
    wanted = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    return _LARGE_FILES if not wanted and Path(_LARGE_FILES).is_dir() else tempfile.gettempdir()


def _level(samples: FloatArray, hop: int) -> FloatArray:
    """Return the mean square around each frame of a window."""
    padded = np.pad(np.square(samples), (hop // 2, hop))
    frames = len(samples) // hop + 1
    level: FloatArray = padded[: frames * hop].reshape(frames, hop).mean(axis=1)
    return level
