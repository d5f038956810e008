"""A file's sound, window by window: the loop that every command drinks from."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pixelmix.ahead import Ahead
from pixelmix.closing import Closing
from pixelmix.dsp.resample import Resampler
from pixelmix.media.audio import AudioReader
from pixelmix.mix.plan import Window, WindowBuffer
from pixelmix.types import FloatArray, FrontEnd, MediaInfo

BLOCKS_AHEAD = 12
"""Blocks of sound that are worked on before they are needed: more than lie between two windows."""

Progress = Callable[[float, float | None], None]
"""Called with the seconds of sound done and, where known, their total."""


@dataclass(frozen=True, slots=True)
class Source:
    """What to read: a file, which of its audio tracks, and which part."""

    path: Path
    audio_track: int | str | None = None
    """Its number among the audio tracks, from 0, or its language; None for the default one."""
    start: float | None = None
    """Seconds from the start of the file; None from its first sample on."""
    duration: float | None = None
    """Seconds; None to the end."""

    @property
    def whole(self) -> bool:
        """Whether all of the file is wanted."""
        return self.start is None and self.duration is None


@dataclass(frozen=True, slots=True)
class Damage:
    """What was wrong with the sound that was read."""

    corrupt_packets: int
    bridged_seconds: float
    bad_samples: int = 0
    """Values that were no numbers; silence stands in for them."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A window and the part of it that no other window covers better: the half in its middle.

    The first stretch begins with its window, and the last ends with the sound.
    """

    window: Window
    frames: slice
    """STFT frames of the window."""
    start: float
    """Seconds from the start of the file."""


class Hearing(Closing):
    """Reads the sound once and cuts it into the model's windows; memory stays flat.

    Windows have all its channels, or with ``downmix`` one, their mean.
    """

    def __init__(
        self,
        source: Source,
        info: MediaInfo,
        fe: FrontEnd,
        progress: Progress | None = None,
        *,
        downmix: bool = False,
    ) -> None:
        self._fe = fe
        self._downmix = downmix
        self._progress = progress
        start = None if source.whole else info.start + (source.start or 0.0)
        self.audio = AudioReader(info, start, source.duration)
        self.start = self.audio.start - info.start
        """Seconds from the start of the file to the first sample."""
        self.first_sample = round(self.start * self.audio.rate)
        """The same in samples."""
        known = info.audio.duration or info.duration or math.inf
        wanted = math.inf if source.duration is None else source.duration
        total = min(wanted, known - self.first_sample / self.audio.rate)
        self._total = total if total < math.inf else None
        self._blocks = Ahead(self._read(), BLOCKS_AHEAD)
        self._heard = 0
        self.windows = 0
        """Windows of the model so far."""

    def close(self) -> None:
        """Close the file; what was measured stays."""
        self._blocks.close()
        self.audio.close()

    @property
    def damage(self) -> Damage:
        """What was wrong with the sound so far."""
        audio = self.audio
        bridged = audio.bridged_samples / audio.rate
        return Damage(audio.corrupt_packets, bridged, audio.bad_samples)

    @property
    def seconds(self) -> float:
        """Length of the sound so far."""
        return self._heard / self._fe.rate

    def __iter__(self) -> Iterator[tuple[FloatArray, Sequence[Window]]]:
        """Yield ``(channels, samples)`` at the sound's own rate and the windows they complete.

        With the last windows come no samples.
        """
        for samples, windows in self._blocks:
            yield samples, windows
            self._tell(windows)

    def _read(self) -> Iterator[tuple[FloatArray, Sequence[Window]]]:
        fe, audio = self._fe, self.audio
        channels = 1 if self._downmix else audio.channels
        resamplers = [Resampler(audio.rate, fe.rate) for _ in range(channels)]
        buffer = WindowBuffer(fe, channels)
        for samples in audio:
            wanted = samples.mean(axis=0, keepdims=True) if self._downmix else samples
            heard = np.stack([r.push(one) for r, one in zip(resamplers, wanted, strict=True)])
            self._heard += heard.shape[1]
            windows = buffer.push(heard)
            self.windows += len(windows)
            yield samples, windows
        tail = np.stack([resampler.finish() for resampler in resamplers])
        self._heard += tail.shape[1]
        windows = buffer.push(tail) + buffer.finish()
        self.windows += len(windows)
        yield np.zeros((audio.channels, 0), np.float32), windows

    def stretches(self) -> Iterator[Stretch]:
        """Yield the sound once from its first to its last frame."""
        fe = self._fe
        middle = fe.hop_frames // 2
        held: Window | None = None
        for _, windows in self:
            for window in windows:
                if held is not None:
                    yield self._stretch(held, middle + fe.hop_frames)
                held = window
        if held is not None:
            yield self._stretch(held, (self._heard - held.start_sample) // fe.hop + 1)

    def _stretch(self, window: Window, stop: int) -> Stretch:
        fe = self._fe
        stop = min(stop, fe.frames)
        first = min(fe.hop_frames // 2 if window.index else 0, stop - 1)
        start = self.start + (window.start_sample + first * fe.hop) / fe.rate
        return Stretch(window, slice(first, stop), start)

    def _tell(self, windows: Sequence[Window]) -> None:
        if windows and self._progress:
            done = windows[-1].start_sample + self._fe.window_samples
            self._progress(done / self._fe.rate, self._total)
