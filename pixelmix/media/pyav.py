"""PyAV's types as they are: names that its stubs have but its modules lack, and the reverse."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, cast

from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.packet import Packet, PacketSideData, packet_sidedata_type_from_literal
from av.stream import Stream
from av.video.stream import VideoStream

if TYPE_CHECKING:
    from av.container.core import Chapter

    AnyPacket: TypeAlias = Packet[Stream]
    AudioPacket: TypeAlias = Packet[AudioStream]
    VideoPacket: TypeAlias = Packet[VideoStream]
else:
    # At run time a packet is not subscriptable, and a chapter is a plain dictionary.
    AnyPacket = AudioPacket = VideoPacket = Packet
    Chapter = dict

__all__ = [
    "AnyPacket",
    "AudioPacket",
    "Chapter",
    "VideoPacket",
    "audio_codec_of",
    "codec_name",
    "codec_of",
    "skip_samples",
]


def codec_of(stream: Stream) -> CodecContext | None:
    """Return a stream's codec; None where this FFmpeg build has no decoder for it."""
    return stream.codec_context


def audio_codec_of(stream: AudioStream) -> AudioCodecContext | None:
    """Return an audio stream's codec; None where this FFmpeg build has no decoder for it."""
    return stream.codec_context


def codec_name(stream: Stream) -> str | None:
    """Return FFmpeg's name of a stream's codec; None for one that it does not know."""
    codec = codec_of(stream)
    if codec is not None:
        return codec.codec.canonical_name
    # A stream without a decoder has a name all the same, but for a video of an unknown codec.
    return getattr(stream, "name", None)


def skip_samples(data: bytes) -> PacketSideData:
    """Make side data of the kind AV_PKT_DATA_SKIP_SAMPLES (libavcodec/packet.h)."""
    make = cast(Callable[[int, int], PacketSideData], PacketSideData)
    side = make(packet_sidedata_type_from_literal("skip_samples"), len(data))
    side.update(data)
    return side
