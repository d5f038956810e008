"""Writing one output: packets copied as they come, those of a new stream put in as they are due."""

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from math import floor, lcm
from pathlib import Path
from typing import Protocol

import av.error
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.format import Flags as FormatFlags
from av.rational import AVRational
from av.stream import Stream
from av.video.stream import VideoStream

from pixelmix.errors import OutputError
from pixelmix.media.containers import MOV, MOV_TAGS, MUXER_TAGS
from pixelmix.media.editlist import index_first
from pixelmix.media.opening import (
    open_output,
    open_trial,
    reading,
    time_base_of,
    to_end,
    why_unwritable,
)
from pixelmix.media.probe import is_cover
from pixelmix.media.pyav import AnyPacket, Chapter, audio_codec_of
from pixelmix.media.span import Cutter, Span
from pixelmix.media.streams import (
    Plan,
    add_copy,
    add_cover_attachment,
    copy_properties,
    cover_pictures,
    start_code_filter,
)
from pixelmix.types import MediaInfo

_LARGEST_TIMESCALE = 10_000_000

Told = Callable[[float], None]
"""Called with how far the output has come, seconds of its time."""


class Made(Protocol):
    """A stream of the output that is made anew instead of copied."""

    @property
    def clocks(self) -> Sequence[int]:
        """Ticks per second that its times count in."""

    def add(self, output: OutputContainer) -> Stream:
        """Add the stream with its encoder; the header is written after that."""

    def packets(self, until: Fraction | None) -> Iterable[AnyPacket]:
        """Make the packets due up to a time of the output, seconds; None: all that are left."""

    def settle(self, target: Path, number: int) -> None:
        """Do what is left to do on the closed file, where it is the `number`-th of its kind."""


class Writer:
    """One output being written: streams copied, some of them perhaps made anew.

    `made` are those that `plans` calls encoded, in the same order; `told` is called at every second
    that the copied packets reach.
    """

    def __init__(
        self,
        info: MediaInfo,
        source: InputContainer,
        target: Path,
        container: str,
        plans: Sequence[Plan],
        made: Sequence[Made],
        span: Span | None,
        told: Told | None = None,
    ) -> None:
        self._info = info
        self._source = source
        self._target = target
        self._container = container
        self._plans = plans
        self._made = made
        self._told = told
        self._next_told = Fraction(0)
        self._copies: dict[int, Stream] = {}
        self._filters: dict[int, BitStreamFilterContext | None] = {}
        self._last_dts: dict[int, int] = {}
        self._cutter = None if span is None else Cutter(source, info, span)
        self.chapters: list[Chapter] = []
        """Chapters of the input that belong into the output."""
        self.repaired_times = 0
        """Packets whose decoding times did not ascend."""

    def write(self) -> None:
        """Write the whole file."""
        try:
            clocks = list(chain.from_iterable(made.clocks for made in self._made))
            options = _options(self._info, self._source, self._container, clocks)
            covers = cover_pictures(self._source, self._info.path)
            self._try(options, covers)
            with open_output(self._target, self._container, options) as output:
                self._set_up(output, covers)
                for packet in self._packets():
                    time = _time(packet)
                    self._tell(time)
                    self._make_until(output, time)
                    self._copy(output, packet)
                self._make_until(output, None)
            for made, number in zip(self._made, self._numbers(), strict=True):
                made.settle(self._target, number)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(why_unwritable(self._target, error)) from error

    def _try(self, options: dict[str, str], covers: dict[int, bytes]) -> None:
        """Write the header by way of memory: PyAV keeps files open that it cannot begin."""
        # Closed memory keeps PyAV from an end, which would look for a file.
        with io.BytesIO() as memory:
            try:
                self._set_up(open_trial(memory, self._container, options), covers)
            except av.error.FFmpegError as error:
                streams = ", ".join(one.label for one in self._plans if one.kept)
                raise OutputError(
                    f"{self._target}: {self._container} refuses to hold these streams together "
                    f"({streams}); {self._another()}"
                ) from error
            # Where the disk is too full for that, it is found out here.
            self._target.write_bytes(memory.getvalue())

    def _another(self) -> str:
        kind = "of another kind" if self._container == "matroska" else "that ends in .mkv"
        return f"give an output {kind} with -o"

    def _set_up(self, output: OutputContainer, covers: dict[int, bytes]) -> None:
        made = iter(self._made)
        for planned in self._plans:
            if planned.how == "encoded":
                stream, added = self._source.streams[planned.index], next(made).add(output)
                copy_properties(stream, added, self._container, planned)
                self._keep_id(added, stream)
            elif planned.how == "copied":
                self._add_copy(output, planned, covers)
        for name, value in self._source.metadata.items():
            if name.lower() not in MUXER_TAGS:
                output.metadata[name] = value
        self.chapters = self._cutter.chapters() if self._cutter else self._source.chapters()
        output.set_chapters(self.chapters)
        output.start_encoding()

    def _add_copy(self, output: OutputContainer, planned: Plan, covers: dict[int, bytes]) -> None:
        stream = self._source.streams[planned.index]
        if isinstance(stream, VideoStream) and is_cover(stream) and self._container == "matroska":
            if stream.index in covers:
                add_cover_attachment(output, stream, covers[stream.index])
            return
        copied = add_copy(output, stream, self._container, planned)
        self._keep_id(copied, stream)
        if stream.type != "attachment":
            self._copies[stream.index] = copied
            self._filters[stream.index] = start_code_filter(stream, copied, self._container)

    def _keep_id(self, added: Stream, stream: Stream) -> None:
        """Keep a stream's number in a transport stream; a second of its kind gets a free one."""
        if self._container == "mpegts":
            taken = {other.id for other in added.container.streams if other is not added}
            added.id = max(taken) + 1 if stream.id in taken else stream.id

    def _numbers(self) -> Iterator[int]:
        """Tell for each stream made anew which of the output's tracks of its kind it is."""
        counts: Counter[str] = Counter()
        for planned in self._plans:
            kind = self._source.streams[planned.index].type
            if planned.how == "encoded":
                yield counts[kind]
            counts[kind] += planned.kept

    def _packets(self) -> Iterator[AnyPacket]:
        """Packets of all copied streams in the order of the file."""
        wanted = sorted(self._copies)
        with reading(self._info.path):
            if self._cutter is not None:
                # The video's packets tell where to begin, copied or not.
                for packet in self._cutter.packets(sorted({*wanted, self._info.video.index})):
                    if packet.stream_index in self._copies:
                        yield packet
                return
            for packet in to_end(self._source.demux(*wanted)):
                if packet.size or packet.pts is not None:
                    yield packet

    def _tell(self, time: Fraction) -> None:
        if self._told is not None and time >= self._next_told:
            self._next_told = Fraction(floor(time) + 1)
            self._told(float(time))

    def _make_until(self, output: OutputContainer, time: Fraction | None) -> None:
        for made in self._made:
            for packet in made.packets(time):
                output.mux_one(packet)

    def _copy(self, output: OutputContainer, packet: AnyPacket) -> None:
        index = packet.stream_index
        change = self._filters[index]
        if change is None:
            self._mux(output, packet, index)
            return
        # The filter takes the packet's content with it, its clock too.
        tick = packet.time_base
        for made in change.filter(packet):
            made.time_base = tick
            self._mux(output, made, index)

    def _mux(self, output: OutputContainer, packet: AnyPacket, index: int) -> None:
        copied = self._copies[index]
        packet.stream = copied
        packet.rescale_ts(AVRational(time_base_of(copied)))
        if packet.dts is not None:
            last = self._last_dts.get(index)
            if last is not None and packet.dts < last + self._least_step(output, copied):
                # Broken files repeat time stamps, and muxers refuse them.
                self.repaired_times += 1
                packet.dts = last + self._least_step(output, copied)
                packet.pts = packet.dts if packet.pts is None else max(packet.pts, packet.dts)
            self._last_dts[index] = packet.dts
        time = _time(packet)
        try:
            output.mux_one(packet)
        except av.error.InvalidDataError as error:
            raise OutputError(
                f"{self._target}: {self._container} does not take a damaged packet of the input, "
                f"near {float(time):.1f} s; {self._another()}"
            ) from error

    def _least_step(self, output: OutputContainer, copied: Stream) -> int:
        """Return how many ticks a packet must come after the one before."""
        lax = FormatFlags.ts_nonstrict in FormatFlags(output.format.flags)
        return 0 if lax or copied.type in ("subtitle", "data") else 1


def _time(packet: AnyPacket) -> Fraction:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return Fraction(-1) if stamp is None else stamp * packet.time_base


def _options(
    info: MediaInfo, source: InputContainer, container: str, clocks: Sequence[int]
) -> dict[str, str]:
    # Only so do muxers write Dolby Vision's configuration, as every phone does.
    strict = {"strict": "unofficial"}
    if container == "mpegts":
        return {**strict, "mpegts_copyts": "1"}
    if container not in MOV:
        return strict
    flags = []
    other_tags = any(name.lower() not in MOV_TAGS | MUXER_TAGS for name in source.metadata)
    if other_tags and not any(map(is_cover, source.streams.video)):
        # The muxer writes either these tags or cover art.
        flags.append("use_metadata_tags")
    if info.format.startswith("mov") and index_first(info.path):
        flags.append("faststart")
    # Late starts are written in the movie's own ticks: they must be able to tell samples apart.
    ticks = [*clocks]
    ticks += [stream.rate for stream in source.streams.audio if audio_codec_of(stream)]
    ticks += [time_base_of(stream).denominator for stream in source.streams.video]
    scale = 1000
    for tick in ticks:
        if tick and lcm(scale, tick) <= _LARGEST_TIMESCALE:
            scale = lcm(scale, tick)
    options = {**strict, "movie_timescale": str(scale)}
    if flags:
        options["movflags"] = "+".join(flags)
    return options
