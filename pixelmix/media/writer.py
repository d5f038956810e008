"""Writing one output: packets copied as they come, those of a new stream put in as they are due."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from math import lcm
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
from pixelmix.media.opening import open_output, reading, time_base_of, to_end, why_unwritable
from pixelmix.media.probe import is_cover
from pixelmix.media.pyav import AnyPacket, audio_codec_of
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


class Made(Protocol):
    """A stream of the output that is made anew instead of copied."""

    @property
    def index(self) -> int:
        """The input's stream that it stands for."""

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
    """One output being written: streams copied, one of them perhaps made anew."""

    def __init__(
        self,
        info: MediaInfo,
        source: InputContainer,
        target: Path,
        container: str,
        plans: list[Plan],
        made: Made | None,
        span: Span | None,
    ) -> None:
        self._info = info
        self._source = source
        self._target = target
        self._container = container
        self._plans = plans
        self._made = made
        self._copies: dict[int, Stream] = {}
        self._filters: dict[int, BitStreamFilterContext | None] = {}
        self._last_dts: dict[int, int] = {}
        self._cutter = None if span is None else Cutter(source, info, span)
        self.repaired_times = 0
        """Packets whose decoding times did not ascend."""

    def write(self) -> None:
        """Write the whole file."""
        try:
            clocks = () if self._made is None else self._made.clocks
            options = _options(self._info, self._source, self._container, clocks)
            with open_output(self._target, self._container, options) as output:
                self._set_up(output)
                for packet in self._packets():
                    self._make_until(output, _time(packet))
                    self._copy(output, packet)
                self._make_until(output, None)
            if self._made is not None:
                self._made.settle(self._target, self._number(self._made.index))
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(why_unwritable(self._target, error)) from error

    def _set_up(self, output: OutputContainer) -> None:
        covers = cover_pictures(self._info.path)
        for planned in self._plans:
            if planned.kept:
                self._add(output, planned, covers)
        for name, value in self._source.metadata.items():
            if name.lower() not in MUXER_TAGS:
                output.metadata[name] = value
        chapters = self._cutter.chapters() if self._cutter else self._source.chapters()
        output.set_chapters(chapters)
        output.start_encoding()

    def _add(self, output: OutputContainer, planned: Plan, covers: dict[int, bytes]) -> None:
        stream = self._source.streams[planned.index]
        if self._made is not None and stream.index == self._made.index:
            added = self._made.add(output)
            copy_properties(stream, added, self._container, reencoded=True)
            if self._container == "mpegts":
                added.id = stream.id
        elif isinstance(stream, VideoStream) and is_cover(stream) and self._container == "matroska":
            if stream.index in covers:
                add_cover_attachment(output, stream, covers[stream.index])
        else:
            copied = add_copy(output, stream, self._container, keep_tag=planned.keep_tag)
            if stream.type != "attachment":
                self._copies[stream.index] = copied
                self._filters[stream.index] = start_code_filter(stream, copied, self._container)

    def _number(self, index: int) -> int:
        """Which of the output's tracks of its kind a stream is."""
        streams = self._source.streams
        kept = [planned.index for planned in self._plans if planned.kept]
        return [i for i in kept if streams[i].type == streams[index].type].index(index)

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

    def _make_until(self, output: OutputContainer, time: Fraction | None) -> None:
        if self._made is not None:
            for packet in self._made.packets(time):
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
        output.mux_one(packet)

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
    if container == "mpegts":
        return {"mpegts_copyts": "1"}
    if container not in MOV:
        return {}
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
    options = {"movie_timescale": str(scale)}
    if flags:
        options["movflags"] = "+".join(flags)
    return options
