"""Trust, but verify: a written file is opened again and compared with what it was made from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av.error
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.stream import AttachmentStream, Stream

from pixelmix.media.audio import AudioReader
from pixelmix.media.codecs import is_lossless
from pixelmix.media.containers import MATROSKA, MOV, SUFFIXES, container_format
from pixelmix.media.opening import open_input, reading, time_base_of
from pixelmix.media.probe import probe
from pixelmix.media.pyav import AnyPacket, codec_name, codec_of
from pixelmix.media.remux import RemuxReport
from pixelmix.media.span import Cutter, Span
from pixelmix.media.streams import Plan, pair_up
from pixelmix.media.tally import Tally, tally, times
from pixelmix.types import MediaInfo

_UNWRAPPED = {
    "h264": "h264_mp4toannexb,filter_units=remove_types=7-9",
    "hevc": "hevc_mp4toannexb,filter_units=remove_types=32-35",
    "aac": "aac_adtstoasc",
}
"""What takes off a container's own wrapping: lengths or start codes, repeated headers."""
_LAYERS = {"mp1", "mp2", "mp3"}
"""Layers of MPEG audio, that MP4 has one name for."""
_STATES_THE_END = MOV | MATROSKA | {"ogg"}
"""Muxers of containers that can say that the last packet of sound is not full."""
_LAST_PACKET = 4096
"""Samples by which sound in packets of a fixed size may be longer."""
_DURATION = 0.1
"""Seconds: what containers state as their duration is rounded to packets."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was compared."""

    subject: str
    """A stream's label, or ``file``."""
    finding: str
    passed: bool


def verify(
    info: MediaInfo, target: Path, report: RemuxReport, span: Span | None
) -> tuple[Check, ...]:
    """Compare a remix with its input.

    Packets of copied streams must be the same bytes at the same times (one tick of the coarser
    clock, one shift for all streams), new sound must begin and end on the same sample, the
    chapters and the duration must be there. What the container has no place for fails only where
    the input is of the same kind and so had a place for it.

    Raises
    ------
    InputError
        The file cannot be read back.
    """
    comparison = _Comparison(info, target, report, span)
    return tuple(comparison.checks())


class _Comparison:
    def __init__(
        self, info: MediaInfo, target: Path, report: RemuxReport, span: Span | None
    ) -> None:
        self._info = info
        self._target = target
        self._report = report
        self._span = span
        self._container = container_format(target)
        self._counts = "avi" in (self._container, info.format)
        """Whether one of the containers counts packets instead of keeping their times."""
        self._same_kind = SUFFIXES.get(info.path.suffix.lower()) == self._container
        self._shift = 0.0
        """Seconds by which the whole output lies later."""

    def checks(self) -> Iterator[Check]:
        source, target = self._info.path, self._target
        with open_input(source) as old, open_input(target) as new, reading(target):
            pairs = pair_up(new, self._report.streams)
            yield from self._streams(old, new, pairs)
            if self._same_kind and not self._report.dropped:
                yield self._duration(old, new)
            yield self._chapters(old, new)
        for planned, number in _encoded(self._report.streams):
            yield self._sound(planned, number)
        for what in self._report.lost:
            yield Check("file", f"not kept: {what}", passed=not self._same_kind)

    def _streams(
        self, old: InputContainer, new: InputContainer, pairs: list[tuple[Plan, int | None]]
    ) -> Iterator[Check]:
        indexes = [one.index for one, _ in pairs if one.how == "copied"]
        wanted = sorted({*indexes, self._info.video.index})
        before = tally(self._old_packets(old, wanted), {})
        after = tally(new.demux(), {})
        if self._info.video.index in before:
            self._shift = self._common_shift(before, after, pairs)
        for planned, found in pairs:
            if found is None:
                yield Check(planned.label, "is missing", passed=False)
                continue
            stream, copied = old.streams[planned.index], new.streams[found]
            if planned.how == "copied":
                counts = before.get(planned.index), after.get(found)
                yield self._copied(planned, stream, copied, counts)

    def _old_packets(self, old: InputContainer, wanted: Sequence[int]) -> Iterator[AnyPacket]:
        """Packets of the input as they belong into the output."""
        if self._span is None:
            yield from old.demux(*wanted)
        else:
            yield from Cutter(old, self._info, self._span).packets(list(wanted))

    def _common_shift(
        self,
        before: dict[int, Tally],
        after: dict[int, Tally],
        pairs: list[tuple[Plan, int | None]],
    ) -> float:
        for planned, found in pairs:
            if planned.index == self._info.video.index and found in after:
                old, new, shown = times(before[planned.index], after[found], decoded=False)
                if shown and not self._counts and old.size and new.size:
                    return float(new.min() - old.min())
        return 0.0

    def _copied(
        self,
        planned: Plan,
        stream: Stream,
        copied: Stream,
        counts: tuple[Tally | None, Tally | None],
    ) -> Check:
        label = planned.label
        old_name, new_name = codec_name(stream), codec_name(copied)
        if old_name != new_name and not {old_name, new_name} <= _LAYERS:
            return Check(label, f"became {codec_name(copied)}", passed=False)
        if isinstance(stream, AttachmentStream) and isinstance(copied, AttachmentStream):
            same = stream.data == copied.data
            return Check(label, "identical" if same else "differs", passed=same)
        old, new = counts
        if old is None or new is None:
            empty = old is new
            return Check(label, "no packets" if empty else "its packets are gone", passed=empty)
        content = self._content(planned.index, copied.index, old, new)
        if content is None:
            return Check(label, _difference(old, new), passed=False)
        moved = 0 if planned.kind == "cover" else self._moved(old, new)
        if moved > self._report.repaired_times:
            return Check(label, f"{content}, but {moved} have other times", passed=False)
        return Check(label, content if not moved else f"{content}, {moved} moved", passed=True)

    def _content(self, index: int, found: int, old: Tally, new: Tally) -> str | None:
        """Say how the content is the same; None if it is not."""
        count = len(new.content)
        if old.content == new.content:
            return f"{count} packets identical"
        if old.same_bytes == new.same_bytes:
            return f"the same bytes in {count} packets"
        bare_old = self._unwrapped(self._info.path, index, self._span)
        bare_new = self._unwrapped(self._target, found, None)
        if bare_old is None or bare_new is None or bare_old.content != bare_new.content:
            return None
        return f"{count} packets identical but for the container's wrapping"

    def _unwrapped(self, path: Path, index: int, span: Span | None) -> Tally | None:
        with open_input(path) as container, reading(path):
            stream = container.streams[index]
            codec = codec_of(stream)
            name = _UNWRAPPED.get(codec.name if codec else "")
            if name is None:
                return None
            filters = {index: BitStreamFilterContext(name, stream)}
            packets: Iterator[AnyPacket] = container.demux(index)
            if span is not None:
                wanted = sorted({index, self._info.video.index})
                packets = Cutter(container, self._info, span).packets(wanted)
            chosen = (packet for packet in packets if packet.stream_index == index)
            try:
                return tally(chosen, filters).get(index)
            except av.error.InvalidDataError:
                # Damaged beyond what its codec knows.
                return None

    def _moved(self, old: Tally, new: Tally) -> int:
        """How many packets have not the time they should have."""
        before, after, shown = times(old, new, decoded=self._counts)
        if before.size != after.size:
            # The same bytes in other packets: only the beginning can be compared.
            before, after = before[:1], after[:1]
        shift = self._shift if shown and not self._counts else float(np.median(after - before))
        slack = float(max(old.tick, new.tick)) + 1e-6
        return int(np.count_nonzero(np.abs(after - before - shift) > slack))

    def _duration(self, old: InputContainer, new: InputContainer) -> Check:
        if old.duration is None or new.duration is None:
            return Check("file", "no duration stated", passed=True)
        stated, found = old.duration / 1e6, new.duration / 1e6
        if self._span is not None:
            begin = self._span.start - self._info.start
            end = stated if self._span.end is None else self._span.end - self._info.start
            stated = max(0.0, min(end, stated) - begin)
        slack = _DURATION + abs(self._shift) + _LAST_PACKET / self._info.audio.rate
        passed = abs(found - stated) <= slack
        return Check("file", f"{found:.3f} s long, the input {stated:.3f} s", passed=passed)

    def _chapters(self, old: InputContainer, new: InputContainer) -> Check:
        wanted = old.chapters() if self._span is None else []
        if self._span is not None:
            wanted = Cutter(old, self._info, self._span).chapters()
        found = new.chapters()
        if not found:
            # Where the container has no place for them, that is among what is lost.
            return Check("file", "no chapters", passed=True)
        starts = [
            [(chapter["start"] * (chapter["time_base"] or 0)) for chapter in chapters]
            for chapters in (wanted, found)
        ]
        titles = [[c["metadata"].get("title", "") for c in cs] for cs in (wanted, found)]
        near = all(abs(a - b) <= Fraction(1, 1000) for a, b in zip(*starts, strict=False))
        passed = near and titles[0] == titles[1]
        text = f"{len(found)} chapters" + ("" if passed else " differ from the input's")
        return Check("file", text, passed=passed)

    def _sound(self, planned: Plan, number: int) -> Check:
        """Decode the sound of both files to the end."""
        span, info = self._span, self._info
        length = None if span is None or span.end is None else span.end - span.start
        begin = None if span is None else span.start
        with AudioReader(info, begin, length) as reader:
            old_start = reader.start - (0.0 if span is None else span.start)
            wanted = Fraction(sum(block.shape[1] for block in reader))
        new = probe(self._target, number)
        with AudioReader(new) as reader:
            late = reader.start - old_start - self._shift
            found = sum(block.shape[1] for block in reader)
        with open_input(self._target) as container:
            tick = float(time_base_of(container.streams[new.audio.index]))
        exact = round(wanted * new.audio.rate / info.audio.rate)
        extra = found - exact
        text = f"begins {1000 * late:+.3f} ms, {found} samples of {exact}"
        exact_end = is_lossless(new.audio.codec) and self._container in _STATES_THE_END
        most = 1 if exact_end else _LAST_PACKET
        passed = abs(late) <= max(1 / new.audio.rate, tick) + 1e-6 and -1 <= extra <= most
        return Check(planned.label, text, passed=passed)


def _encoded(plans: Sequence[Plan]) -> Iterator[tuple[Plan, int]]:
    """Give new sound its number among the output's audio tracks."""
    number = 0
    for planned in plans:
        if planned.how == "encoded":
            yield planned, number
        number += planned.kept and planned.kind == "audio"


def _difference(old: Tally, new: Tally) -> str:
    if len(old.content) != len(new.content):
        return f"{len(new.content)} packets instead of {len(old.content)}"
    pairs = zip(old.content, new.content, strict=True)
    return f"{sum(a != b for a, b in pairs)} of {len(old.content)} packets differ"
