"""Where decoded samples lie in time: gaps become silence, overlaps are trimmed."""

from collections.abc import Iterator

import numpy as np

from pixelmix.types import FloatArray

_JITTER_SECONDS = 0.02
"""Deviations below this (and below half a frame) are a jittery clock, not a hole."""
_JUMP_BACK_SECONDS = 10.0
"""A clock that jumps back further was set anew: the sound goes on without a break."""
_BRIDGE_SAMPLES = 1 << 16
"""Silence is handed on in pieces of this many samples."""


class Timeline:
    """Puts pieces of sound one after another at the sample where their timestamps want them.

    Positions are samples since the track's first sample. A deviation of less than two clock ticks
    or half a piece is taken for rounding (Matroska counts in milliseconds) and ignored, and one of
    up to `slack` samples too. Sound that begins after `begin` follows silence from there.
    Positions beyond `limit` are nonsense and not believed.
    """

    def __init__(
        self,
        channels: int,
        rate: int,
        tick_samples: float,
        limit: int | None,
        *,
        slack: int = 0,
        begin: int | None = None,
    ) -> None:
        self.bridged_samples = 0
        self.trimmed_samples = 0
        self._channels = channels
        self._rate = rate
        self._ticks = 2.0 * tick_samples
        self._coarse = tick_samples > 1
        self._limit = limit
        self._slack = slack
        self._begin = begin
        self._shift = 0
        self._next: int | None = None

    @property
    def end(self) -> int:
        """Position after the last sample placed."""
        return self._next or 0

    def place(self, position: int | None, samples: FloatArray) -> Iterator[tuple[int, FloatArray]]:
        """Yield (position, samples (channels, n)) without holes after what came before.

        `position` is None where the file gives no timestamp: the piece then follows directly.
        """
        if self._next is None:
            first = position or 0
            self._next = first if self._begin is None else min(first, self._begin)
        length = samples.shape[1]
        late = 0 if position is None else self._deviation(position, length)
        if late > 0:
            yield from self._silence(late)
        elif late < 0:
            cut = min(length, -late)
            self.trimmed_samples += cut
            samples = samples[:, cut:]
        if samples.shape[1]:
            yield self._next, samples
            self._next += samples.shape[1]

    def fill(self, position: int) -> Iterator[tuple[int, FloatArray]]:
        """Yield silence up to `position`, where the sound itself could not be decoded."""
        if self._next is not None and position + self._shift > self._next:
            missing = position + self._shift - self._next
            if self._limit is None or position <= self._limit:
                yield from self._silence(missing)

    def _deviation(self, position: int, length: int) -> int:
        expected = self._next or 0
        late = position + self._shift - expected
        jitter = max(self._ticks, self._slack, min(length / 2, _JITTER_SECONDS * self._rate))
        if abs(late) <= jitter:
            return 0
        beyond = self._limit is not None and position + self._shift > self._limit
        if beyond or late < -_JUMP_BACK_SECONDS * self._rate:
            self._shift -= late
            return 0
        packets = round(late / length) * length if length else late
        # What is missing is whole packets, and their length is finer than a coarse clock.
        return packets if self._coarse and abs(late - packets) <= self._ticks else late

    def _silence(self, missing: int) -> Iterator[tuple[int, FloatArray]]:
        self.bridged_samples += missing
        while missing > 0:
            count = min(missing, _BRIDGE_SAMPLES)
            position = self._next or 0
            yield position, np.zeros((self._channels, count), np.float32)
            self._next = position + count
            missing -= count
