"""Streams of an input set up again in an output, and what the output cannot hold."""

import io
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import av.error
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.stream import AttachmentStream, Disposition, Stream
from av.video.stream import VideoStream

from pixelmix.media.containers import COVERS, MATROSKA, MOV, holds_codec, holds_layout
from pixelmix.media.opening import open_input, open_trial, reading, to_end
from pixelmix.media.probe import is_cover, title_of
from pixelmix.media.pyav import audio_codec_of, codec_name, codec_of
from pixelmix.media.samples import layout_name

_MUXER_TAGS = frozenset({"handler_name", "vendor_id", "name", "encoder"})
"""Stream tags that belong to MP4 and MOV, not to what is in them."""
_STATISTICS = ("BPS", "DURATION", "NUMBER_OF_", "_STATISTICS_")
"""Matroska tags that describe packets which are no longer there."""
_COVER_NAMES = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of one input stream."""

    index: int
    kind: str
    """``video``, ``audio``, ``subtitle``, ``data``, ``attachment`` or ``cover``."""
    label: str
    """How the stream is called in notes."""
    how: Literal["copied", "encoded", "remade", "left out"]
    """`remade`: not as a stream but by other means (chapters, time codes)."""
    detail: str = ""
    """Why it is left out, how it lives on, or as what it is encoded."""
    keep_tag: bool = False
    """Whether the copy keeps the original's four-letter codec tag (hvc1 is not hev1 to players)."""
    title: str | None = None
    """Its name in the output; None for the input's."""
    default: bool | None = None
    """Whether players shall choose it by themselves; None for what the input says."""

    @property
    def kept(self) -> bool:
        """Whether it is a stream of the output."""
        return self.how in ("copied", "encoded")

    @property
    def words(self) -> str:
        """Say it all in a line."""
        return f"{self.label}: {self.detail}" if self.detail else self.label


def describe(stream: Stream) -> str:
    """Name a stream for a note: number, type, codec, language."""
    language = None if stream.language == "und" else stream.language
    words = [stream.type, codec_name(stream), language]
    return f"stream {stream.index} ({', '.join(word for word in words if word)})"


def kind_of(stream: Stream) -> str:
    """Tell what a stream is; a cover is no film."""
    return "cover" if isinstance(stream, VideoStream) and is_cover(stream) else stream.type


def plan(
    source: InputContainer, container: str, replaced: int | None, needed: Collection[int]
) -> list[Plan]:
    """Decide for every stream of the input.

    `replaced` is the one that is encoded anew; `needed` are not left out for the sake of others.
    """
    plans = [_plan_one(source, stream, container, replaced) for stream in source.streams]
    kept = [one for one in plans if one.kept]
    if holds_together(source, container, kept):
        return plans
    held: list[Plan] = []
    for one in sorted(kept, key=lambda one: one.index not in needed):
        more = sorted([*held, one], key=lambda one: one.index)
        if one.index in needed or holds_together(source, container, more):
            held = more
    why = f"{container} cannot hold it beside the other streams"
    return [
        replace(one, how="left out", detail=why) if one.kept and one not in held else one
        for one in plans
    ]


def holds_together(source: InputContainer, container: str, plans: Sequence[Plan]) -> bool:
    """Ask the muxer itself, into memory, whether it takes all streams that are kept.

    For one that is encoded anew the original stands in, where the container could hold that.
    """
    wanted = []
    for one in plans:
        stream = source.streams[one.index]
        attached = container == "matroska" and one.kind == "cover"
        if not attached and (one.how == "copied" or _takes(stream, container, one)):
            wanted.append((stream, one))
    return _holds(container, wanted)


def pair_up(written: InputContainer, plans: Sequence[Plan]) -> list[tuple[Plan, int | None]]:
    """Find each kept stream in the output: the order within a kind is kept, the rest may not be."""
    found: defaultdict[str, list[Stream]] = defaultdict(list)
    streams = list(written.streams)
    if written.format.name == "mpeg":
        # There streams are listed as they first appear.
        streams.sort(key=lambda stream: stream.id)
    for stream in streams:
        found[kind_of(stream)].append(stream)
    pairs: list[tuple[Plan, int | None]] = []
    for planned in plans:
        if planned.kept:
            left = found[planned.kind]
            pairs.append((planned, left.pop(0).index if left else None))
    return pairs


def _plan_one(source: InputContainer, stream: Stream, container: str, replaced: int | None) -> Plan:
    copied = Plan(stream.index, kind_of(stream), describe(stream), "copied")
    remade = _remade(source, stream, container)
    if remade is not None:
        return replace(copied, how="remade", detail=remade)
    if stream.index == replaced:
        return replace(copied, how="encoded")
    if isinstance(stream, VideoStream) and is_cover(stream):
        if container not in COVERS:
            return replace(copied, how="left out", detail=f"{container} cannot hold cover art")
        if container == "matroska":
            return copied
    tagged = replace(copied, keep_tag=True)
    from_mov = container in MOV and source.format.name.startswith("mov")
    if from_mov and _takes(stream, container, tagged):
        return tagged
    if _takes(stream, container, copied):
        return copied
    return replace(copied, how="left out", detail=f"{container} cannot hold it")


def _remade(source: InputContainer, stream: Stream, container: str) -> str | None:
    """Say how a track of MOV or MP4 lives on that is not copied but made anew."""
    if stream.type != "data" or not source.format.name.startswith("mov"):
        return None
    if "timecode" in stream.metadata:
        # The muxer makes the track from the video's tag of the same name.
        if container in MOV:
            return "the time code is written anew"
        return "kept as a tag of the video" if container in MATROSKA else None
    if stream.name == "bin_data" and source.chapters():
        return "chapters are written anew"
    return None


def _takes(stream: Stream, container: str, planned: Plan) -> bool:
    """Whether a container can hold a stream, were it the only one."""
    name = codec_name(stream)
    # AVI takes data and does not give it back.
    if not holds_codec(container, name) or (stream.type == "data" and container == "avi"):
        return False
    codec = audio_codec_of(stream) if isinstance(stream, AudioStream) else None
    if codec:
        named = layout_name(codec.layout) == codec.layout.name
        if not holds_layout(container, name, codec.layout.name if named else None):
            return False
    return _holds(container, [(stream, planned)])


def _holds(container: str, wanted: Sequence[tuple[Stream, Plan]]) -> bool:
    try:
        with open_trial(io.BytesIO(), container) as trial:
            for stream, planned in wanted:
                add_copy(trial, stream, container, planned)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError, OSError):
        return False
    return True


def add_copy(output: OutputContainer, stream: Stream, container: str, planned: Plan) -> Stream:
    """Add a stream that takes the packets of `stream` as they are, with all its properties."""
    copied: Stream
    if isinstance(stream, AttachmentStream):
        name = stream.name or f"attachment{stream.index}"
        mime = stream.mimetype or "application/octet-stream"
        copied = output.add_attachment(name, mime, stream.data)
    else:
        # opaque: the decoder names the codec, so no encoder needs to exist.
        copied = output.add_stream_from_template(stream, opaque=True)
    copy_properties(stream, copied, container, planned)
    old, new = codec_of(stream), codec_of(copied)
    if planned.keep_tag and old and new:
        new.codec_tag = old.codec_tag
    if isinstance(stream, VideoStream) and isinstance(copied, VideoStream):
        if stream.sample_aspect_ratio:
            copied.codec_context.sample_aspect_ratio = stream.sample_aspect_ratio
        rate = stream.average_rate
        if rate and rate == stream.base_rate:
            copied.codec_context.framerate = rate
    return copied


def start_code_filter(
    stream: Stream, copied: Stream, container: str
) -> BitStreamFilterContext | None:
    """Return the filter that AVI needs for H.264 and HEVC from MP4 or Matroska: start codes."""
    codec = codec_of(stream)
    # An avcC or hvcC record begins with its version; start codes begin with zeros.
    if container != "avi" or codec is None or (codec.extradata or b"")[:1] != b"\x01":
        return None
    name = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}.get(codec.name)
    return BitStreamFilterContext(name, stream, copied) if name else None


def copy_properties(stream: Stream, copied: Stream, container: str, planned: Plan) -> None:
    """Copy disposition and tags; tags mean the same under the other container's names."""
    marks = Disposition(stream.disposition)
    if planned.default is not None:
        marks = marks | Disposition.default if planned.default else marks & ~Disposition.default
    copied.disposition = marks
    tags = dict(stream.metadata)
    title = planned.title or title_of(stream)
    if container not in MOV:
        for name in _MUXER_TAGS:
            tags.pop(name, None)
    if title:
        tags["title"] = title
    if planned.how == "encoded":
        tags = {
            name: value
            for name, value in tags.items()
            if not name.startswith(_STATISTICS) and name.lower() != "encoder"
        }
    copied.metadata.update(tags)


def add_cover_attachment(output: OutputContainer, stream: VideoStream, picture: bytes) -> Stream:
    """Add cover art as Matroska keeps it: an attachment."""
    name, mime = _COVER_NAMES.get(stream.codec_context.name, ("cover", "application/octet-stream"))
    return output.add_attachment(
        stream.metadata.get("filename", name), stream.metadata.get("mimetype", mime), picture
    )


def cover_pictures(source: InputContainer, path: Path) -> dict[int, bytes]:
    """Read the packets of cover art: demuxers hand them out first.

    `source` is the same file, open, and stays where it is.
    """
    wanted = {stream.index for stream in source.streams.video if is_cover(stream)}
    found: dict[int, bytes] = {}
    if not wanted:
        return found
    with open_input(path) as container, reading(path):
        for packet in to_end(container.demux()):
            if packet.stream_index in wanted and packet.size:
                found.setdefault(packet.stream_index, bytes(packet))
            if len(found) == len(wanted) or not packet.size:
                break
        return found
