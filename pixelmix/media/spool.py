"""Sound kept on disk until what follows from its end is known."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pixelmix.closing import Closing
from pixelmix.types import FloatArray

_BLOCK_SAMPLES = 1 << 14


class Spool(Closing):
    """Takes blocks and gives them out again; nothing of its file is left once it is closed.

    Parameters
    ----------
    folder
        Where the disk has room for it: 4 bytes for every sample.
    channels
        Of the blocks.

    Raises
    ------
    OSError
        The disk fills up (also of `add`); `atomic.partial_path` says so to the user.
    """

    def __init__(self, folder: Path, channels: int) -> None:
        self._channels = channels
        # Without a name where the system knows such files: it goes with the process.
        self._file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - see close

    def close(self) -> None:
        """Give the disk back."""
        self._file.close()

    def add(self, block: FloatArray) -> None:
        """Take the next ``(channels, samples)``."""
        self._file.write(np.ascontiguousarray(block.T, dtype=np.float32).data)

    def __iter__(self) -> Iterator[FloatArray]:
        """Yield all sound that was taken, once, bit for bit."""
        self._file.seek(0)
        while data := self._file.read(_BLOCK_SAMPLES * self._channels * 4):
            yield np.frombuffer(data, np.float32).reshape(-1, self._channels).T
