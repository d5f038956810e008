"""A first-in first-out store of samples that never copies more than it must."""

import numpy as np

from pixelmix.types import FloatArray


class SampleQueue:
    """Holds ``(*lead, samples)`` between two absolute indices, `start` and `stop`.

    Appending costs amortised constant time per sample, and memory stays within a small multiple
    of what is held at once.

    Parameters
    ----------
    lead
        Sizes of the axes before ``samples``, for example ``(channels,)``.
    start
        Absolute index of the first sample that will be appended.
    """

    def __init__(self, *lead: int, start: int = 0) -> None:
        self._lead = lead
        self._store: FloatArray = np.zeros((*lead, 1024), dtype=np.float32)
        self._head = 0
        self._tail = 0
        self._start = start

    @property
    def start(self) -> int:
        """Absolute index of the first sample held."""
        return self._start

    @property
    def stop(self) -> int:
        """Absolute index one past the last sample held."""
        return self._start + self._tail - self._head

    def append(self, block: FloatArray) -> None:
        """Add ``(*lead, samples)`` at the end."""
        count = block.shape[-1]
        if block.shape[:-1] != self._lead:
            raise ValueError(f"a block is {block.shape}, expected {(*self._lead, 'samples')}")
        self._make_room(count)
        self._store[..., self._tail : self._tail + count] = block
        self._tail += count

    def append_zeros(self, count: int) -> None:
        """Add `count` zero samples at the end."""
        self._make_room(count)
        self._store[..., self._tail : self._tail + count] = 0.0
        self._tail += count

    def read(self, start: int, stop: int) -> FloatArray:
        """Return ``(*lead, stop - start)``, a view that holds until the next append."""
        if not self.start <= start <= stop <= self.stop:
            raise IndexError(f"{start}:{stop} is not within {self.start}:{self.stop}")
        offset = self._head - self._start
        return self._store[..., start + offset : stop + offset]

    def drop_before(self, index: int) -> None:
        """Forget samples before the absolute `index`."""
        count = min(max(index - self._start, 0), self._tail - self._head)
        self._head += count
        self._start += count

    def _make_room(self, count: int) -> None:
        if self._tail + count <= self._store.shape[-1]:
            return
        held = self._tail - self._head
        kept = self._store[..., self._head : self._tail]
        # Moving within the same store is only worth it when it frees at least half of it.
        if 2 * (held + count) > self._store.shape[-1]:
            self._store = np.empty((*self._lead, 2 * (held + count)), dtype=np.float32)
        self._store[..., :held] = kept
        self._head, self._tail = 0, held
