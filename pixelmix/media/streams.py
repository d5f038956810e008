"""Streams of an input set up again in an output, and what the output cannot hold."""

import io
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer, OutputContainer
from av.stream import AttachmentStream, Disposition, Stream
from av.video.stream import VideoStream

from pixelmix.media.containers import COVERS, MOV, holds_codec
from pixelmix.media.opening import open_input, reading, to_end
from pixelmix.media.probe import is_cover
from pixelmix.media.pyav import codec_name, codec_of

_MUXER_TAGS = frozenset({"handler_name", "vendor_id", "name", "encoder"})
"""Stream tags that belong to MP4 and MOV, not to what is in them."""
_STATISTICS = ("BPS", "DURATION", "NUMBER_OF_", "_STATISTICS_")
"""Matroska tags that describe packets which are no longer there."""
_COVER_NAMES = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of one input stream."""

    index: int
    label: str
    """How the stream is called in notes."""
    kept: bool
    reason: str = ""
    """Why it is left out, or how it lives on."""
    keep_tag: bool = False
    """Whether the copy keeps the original's four-letter codec tag (hvc1 is not hev1 to players)."""
    rebuilt: bool = False
    """Whether it is made anew by other means (chapters, time codes) and not lost."""


def describe(stream: Stream) -> str:
    """Name a stream for a note: number, type, codec, language."""
    words = [stream.type, codec_name(stream), stream.language]
    return f"stream {stream.index} ({', '.join(word for word in words if word)})"


def plan(source: InputContainer, container: str, replaced: int | None) -> list[Plan]:
    """Decide for every stream of the input; `replaced` is the one that is encoded anew."""
    return [_plan_one(source, stream, container, replaced) for stream in source.streams]


def _plan_one(source: InputContainer, stream: Stream, container: str, replaced: int | None) -> Plan:
    index, label = stream.index, describe(stream)
    rebuilt = _rebuilt(source, stream, container)
    if rebuilt is not None:
        return Plan(index, label, kept=False, reason=rebuilt, rebuilt=True)
    if index == replaced:
        return Plan(index, label, kept=True)
    if isinstance(stream, VideoStream) and is_cover(stream):
        if container not in COVERS:
            return Plan(index, label, kept=False, reason=f"{container} cannot hold cover art")
        if container == "matroska":
            return Plan(index, label, kept=True)
    tagged = container in MOV and source.format.name.startswith("mov")
    if tagged and _takes(stream, container, keep_tag=True):
        return Plan(index, label, kept=True, keep_tag=True)
    if _takes(stream, container, keep_tag=False):
        return Plan(index, label, kept=True)
    return Plan(index, label, kept=False, reason=f"{container} cannot hold it")


def _rebuilt(source: InputContainer, stream: Stream, container: str) -> str | None:
    """Say how a track of MOV or MP4 lives on that is not copied but made anew."""
    if stream.type != "data" or not source.format.name.startswith("mov"):
        return None
    if "timecode" in stream.metadata:
        # The muxer makes the track from the video's tag of the same name.
        return "the time code is written anew" if container in MOV else "kept as a tag of the video"
    if stream.name == "bin_data" and source.chapters():
        return "chapters are written anew"
    return None


def _takes(stream: Stream, container: str, *, keep_tag: bool) -> bool:
    """Ask the muxer itself, into memory, whether it takes a stream."""
    if not holds_codec(container, codec_name(stream)):
        return False
    try:
        with av.open(io.BytesIO(), "w", format=container) as trial:
            add_copy(trial, stream, container, keep_tag=keep_tag)
            trial.start_encoding()
    except (av.error.FFmpegError, ValueError, OSError):
        return False
    return True


def add_copy(
    output: OutputContainer, stream: Stream, container: str, *, keep_tag: bool = False
) -> Stream:
    """Add a stream that takes the packets of `stream` as they are, with all its properties."""
    copied: Stream
    if isinstance(stream, AttachmentStream):
        name = stream.name or f"attachment{stream.index}"
        mime = stream.mimetype or "application/octet-stream"
        copied = output.add_attachment(name, mime, stream.data)
    else:
        # opaque: the decoder names the codec, so no encoder needs to exist.
        copied = output.add_stream_from_template(stream, opaque=True)
    copy_properties(stream, copied, container)
    if container == "mpegts":
        copied.id = stream.id
    old, new = codec_of(stream), codec_of(copied)
    if keep_tag and old and new:
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


def title_of(stream: Stream) -> str | None:
    """Return a stream's title; MP4 and MOV call it a name."""
    return stream.metadata.get("title") or stream.metadata.get("name")


def copy_properties(
    stream: Stream, copied: Stream, container: str, *, reencoded: bool = False
) -> None:
    """Copy disposition and tags; tags mean the same under the other container's names."""
    copied.disposition = Disposition(stream.disposition)
    tags = dict(stream.metadata)
    title = title_of(stream)
    if container not in MOV:
        for name in _MUXER_TAGS:
            tags.pop(name, None)
    if title:
        tags["title"] = title
    if reencoded:
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


def cover_pictures(path: Path) -> dict[int, bytes]:
    """Read the packets of cover art: demuxers hand them out first."""
    with open_input(path) as container, reading(path):
        wanted = {stream.index for stream in container.streams.video if is_cover(stream)}
        found: dict[int, bytes] = {}
        if not wanted:
            return found
        for packet in to_end(container.demux()):
            if packet.stream_index in wanted and packet.size:
                found.setdefault(packet.stream_index, bytes(packet))
            if len(found) == len(wanted) or not packet.size:
                break
        return found
