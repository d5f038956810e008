"""Sound in: one audio track as contiguous float blocks on a sample-exact timeline."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from pixelmix.closing import Closing
from pixelmix.errors import InputError
from pixelmix.media.opening import reading
from pixelmix.media.samples import hush
from pixelmix.media.soundtrack import Piece, SoundTrack
from pixelmix.media.timeline import Timeline
from pixelmix.types import FloatArray, MediaInfo

_BLOCK_SAMPLES = 1 << 14
"""Blocks handed out hold about this many samples."""
_SLACK_SAMPLES = {"vorbis": 2_048}
"""Vorbis mixes long and short blocks, and demuxers guess their times off by half a long one."""
_MOST_MISSING = 3_600.0
"""Seconds of silence that are put in the place of missing sound, where it is most of it."""
_SLACK_SECONDS = 60.0
"""Times further than this past the stated end are nonsense."""


class AudioReader(Closing):
    """The chosen audio track as float32 blocks (channels, samples), contiguous and in order.

    Sample n lies at ``start + n / rate`` on the container's clock. Encoder priming is removed
    and the padding at the end too, gaps are bridged by silence, overlaps trimmed; a packet that
    cannot be decoded loses only itself. Iterate once; memory does not grow with the length.

    Parameters
    ----------
    info
        What `probe` found.
    start
        First moment wanted, seconds on the container's clock; None from the first sample. A start
        before the first sample begins with the first sample.
    duration
        Seconds wanted from `start` (or from the first sample); None to the end.

    Raises
    ------
    InputError
        The track cannot be decoded at all; while it is read also: hours of it are missing.
    """

    def __init__(
        self, info: MediaInfo, start: float | None = None, duration: float | None = None
    ) -> None:
        self._path = info.path
        self._track = SoundTrack(info)
        self.rate = info.audio.rate
        self.channels = info.audio.channels
        self.layout = info.audio.layout
        self.bad_samples = 0
        """Values that are no numbers, or absurd; silence stands in for them."""
        self._from, self._to = self._span(start, duration)
        self.start = float(self._track.anchor + Fraction(self._from, self.rate))
        """Time of the first sample handed out, seconds on the container's clock."""
        self._timeline = Timeline(
            self.channels,
            self.rate,
            float(self._track.tick * self.rate),
            self._limit(info),
            slack=_SLACK_SAMPLES.get(info.audio.codec, 0),
            begin=self._from,
        )

    @property
    def corrupt_packets(self) -> int:
        """Packets that could not be decoded; silence stands in for them."""
        return self._track.corrupt_packets

    @property
    def bridged_samples(self) -> int:
        """Samples of silence put where the file has a hole."""
        return self._timeline.bridged_samples

    @property
    def trimmed_samples(self) -> int:
        """Samples left out because packets overlapped in time."""
        return self._timeline.trimmed_samples

    def close(self) -> None:
        """Close the file."""
        self._track.close()

    def __iter__(self) -> Iterator[FloatArray]:
        with reading(self._path):
            for block in _joined(self._believed(self._cut(self._placed()))):
                self.bad_samples += hush(block)
                yield block

    def _span(self, start: float | None, duration: float | None) -> tuple[int, int | None]:
        """Return the positions at which the part wanted begins and ends."""
        anchor = self._track.anchor
        asked = anchor if start is None else Fraction(start)
        begin = max(0, round((asked - anchor) * self.rate))
        if duration is None:
            return begin, None
        return begin, max(begin, round((asked + Fraction(duration) - anchor) * self.rate))

    def _limit(self, info: MediaInfo) -> int | None:
        if info.duration is None:
            return None
        end = info.start + info.duration + _SLACK_SECONDS - float(self._track.anchor)
        return round(end * self.rate)

    def _placed(self) -> Iterator[tuple[int, FloatArray]]:
        """Yield pieces on the timeline; the last one ends where the file says it does."""
        held: Piece | None = None
        for piece in self._track.pieces(self._from):
            if held is not None:
                yield from self._timeline.place(held.position, held.samples)
            held = piece
        if held is None:
            return
        if held.samples.shape[1] == 0 and held.position is not None:
            yield from self._timeline.fill(held.position)
        else:
            samples = held.samples[:, : self._stated_length(held)]
            yield from self._timeline.place(held.position, samples)

    def _stated_length(self, last: Piece) -> int:
        """Return how many samples of the last piece are sound, as far as the file says."""
        length: int = last.samples.shape[1]
        if last.stated is not None:
            length = min(length, last.stated)
        end = self._track.stated_end
        if end is not None and last.position is not None and 0 < end - last.position < length:
            length = end - last.position
        return length

    def _believed(self, blocks: Iterator[FloatArray]) -> Iterator[FloatArray]:
        """Refuse a file whose times would make a day of silence out of a second of sound."""
        for samples in blocks:
            missing = self.bridged_samples / self.rate
            if missing > _MOST_MISSING and 2 * self.bridged_samples > self._timeline.end:
                raise InputError(
                    f"{self._path}: {missing / 3600:.1f} hours of its sound are missing; its times "
                    "may be damaged: have them written anew (such as by a copy with ffmpeg), or "
                    "take a part with --start and --duration"
                )
            yield samples

    def _cut(self, placed: Iterator[tuple[int, FloatArray]]) -> Iterator[FloatArray]:
        """Keep what lies in the part wanted."""
        for position, samples in placed:
            if self._to is not None and position >= self._to:
                return
            end = None if self._to is None else self._to - position
            kept = samples[:, max(0, self._from - position) : end]
            if kept.shape[1]:
                yield kept


def _joined(pieces: Iterator[FloatArray]) -> Iterator[FloatArray]:
    """Join small pieces into blocks: a codec's frames are too small to be handled one by one."""
    held: list[FloatArray] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += piece.shape[1]
        if size >= _BLOCK_SAMPLES:
            yield np.concatenate(held, axis=1)
            held, size = [], 0
    if held:
        yield np.concatenate(held, axis=1)
