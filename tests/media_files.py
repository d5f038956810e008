"""Real media files for tests, made on the spot with PyAV.

`make_video` is the one builder: a film whose pictures tell their number by their grey level, with
any sound, tracks, tags and oddities a test needs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from pixelmix.media.pyav import AnyPacket
from pixelmix.media.pyav import Chapter as AvChapter

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]
Draw = Callable[[int], ByteArray | av.VideoFrame]
Packets = list[AnyPacket]
Feed = Iterator[tuple[float, Packets]]
"""Packets of one stream with the time from which they are due, seconds."""

_VIDEO_CODECS = {".webm": "libvpx-vp9", ".avi": "mpeg4", ".ogv": "libvpx"}
_AUDIO_CODECS = {
    ".ogv": "libopus",
    ".webm": "libopus",
    ".avi": "pcm_s16le",
    ".mkv": "libopus",
    ".mov": "pcm_s16le",
}
_FAST: dict[str, dict[str, str]] = {
    "libx264": {"preset": "ultrafast", "qp": "4"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:qp=10"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "10"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "10"},
    "mpeg4": {"qmin": "2", "qmax": "2"},
}
_GREY_STEP = 4


@dataclass(frozen=True)
class Track:
    """One audio track: samples (channels, samples) and how they are kept."""

    samples: FloatArray
    rate: int = 48_000
    codec: str | None = None
    layout: str | None = None
    bit_rate: int | None = None
    start: Fraction = Fraction(0)
    language: str | None = None
    title: str | None = None
    default: bool = False
    holes: Sequence[tuple[float, float]] = ()
    """Spans (from, to) of seconds whose packets are left out."""


@dataclass(frozen=True)
class Subtitle:
    """One line of text, seconds."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Chapter:
    """One chapter, seconds."""

    start: float
    end: float
    title: str


@dataclass(frozen=True)
class Extras:
    """Everything that is neither picture nor sound."""

    chapters: Sequence[Chapter] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    subtitles: Sequence[Subtitle] = ()
    subtitle_language: str = "fra"
    cover: ByteArray | None = None
    attachment: tuple[str, str, bytes] | None = None
    """File name, MIME type, content (Matroska)."""
    timecode: str | None = None
    """Start time code (MOV, MP4)."""


def clicks(
    seconds: float, at: Sequence[int], *, rate: int = 48_000, channels: int = 2
) -> FloatArray:
    """Silence with a click of one sample at each of the sample numbers `at`."""
    samples = np.zeros((channels, round(seconds * rate)), np.float32)
    samples[:, list(at)] = 0.9
    return samples


def tone(
    seconds: float, *, rate: int = 48_000, channels: int = 2, frequency: float = 440.0
) -> FloatArray:
    """Sines of half amplitude, each channel a fifth above the one before."""
    time = np.arange(round(seconds * rate)) / rate
    pitches = frequency * 1.5 ** np.arange(channels)[:, None]
    return (0.5 * np.sin(2 * np.pi * pitches * time)).astype(np.float32)


def grey(index: int, size: tuple[int, int] = (64, 48)) -> ByteArray:
    """The default picture number `index`: one grey level, different from its neighbours."""
    width, height = size
    return np.full((height, width, 3), grey_level(index), np.uint8)


def grey_level(index: int) -> int:
    """Grey level (0..255) of the default picture number `index`; repeats after 60 pictures."""
    return 8 + _GREY_STEP * (index % 60)


def make_video(
    path: Path,
    *,
    seconds: float = 2.0,
    size: tuple[int, int] = (64, 48),
    fps: int = 25,
    video_codec: str | None = None,
    gop: int = 25,
    b_frames: int = 0,
    rotation: int | None = None,
    hflip: bool = False,
    sar: Fraction | None = None,
    draw: Draw | None = None,
    video_times: Sequence[float] | None = None,
    video_start: Fraction = Fraction(0),
    video_tags: Mapping[str, str] | None = None,
    video_options: Mapping[str, str] | None = None,
    video_tag: str | None = None,
    pixel_format: str = "yuv420p",
    colorspace: str | None = None,
    audio: FloatArray | None = None,
    rate: int = 48_000,
    audio_codec: str | None = None,
    audio_start: Fraction = Fraction(0),
    audio_track: Track | None = None,
    extra_audio: Sequence[Track] = (),
    extras: Extras | None = None,
    with_video: bool = True,
    with_audio: bool = True,
    container_options: Mapping[str, str] | None = None,
) -> Path:
    """Write a video file and return its path; the suffix chooses container and codecs.

    `audio` (channels, samples) is a plain first track; `audio_track` says more about it. Without
    either a tone as long as the film is taken. `video_times` (seconds, ascending) makes the frame
    rate variable; `colorspace` (PyAV's name) is the matrix of the pictures; `video_start` and
    `audio_start` (seconds) make a stream begin late.
    """
    extras = extras or Extras()
    first = audio_track or Track(
        samples=tone(seconds, rate=rate) if audio is None else audio,
        rate=rate,
        codec=audio_codec,
        start=audio_start,
        default=True,
    )
    tracks = [*([first] if with_audio else []), *extra_audio]
    with av.open(str(path), "w", container_options=dict(container_options or {})) as output:
        output.metadata.update(extras.metadata)
        feeds: list[Feed] = []
        if with_video:
            video = _video_stream(output, path, size, fps, video_codec, gop, b_frames, pixel_format)
            video.options.update(video_options or {})
            if video_tag is not None:
                video.codec_context.codec_tag = video_tag
            if rotation is not None or hflip:
                video.set_display_rotation(rotation or 0, hflip=hflip)
            if sar is not None:
                video.codec_context.sample_aspect_ratio = sar
            video.metadata.update(video_tags or {})
            if extras.timecode:
                video.metadata["timecode"] = extras.timecode
            times = video_times or [index / fps for index in range(round(seconds * fps))]
            paint = draw or (lambda index: grey(index, size))
            if colorspace is not None:
                paint = _in_colorspace(paint, colorspace, pixel_format)
            feeds.append(_film(video, [float(video_start) + time for time in times], paint))
        feeds += [_sound(_audio_stream(output, path, track), track) for track in tracks]
        feeds += _others(output, path, extras)
        output.set_chapters(_chapters(extras.chapters))
        output.start_encoding()
        _interleave(output, feeds)
    return path


def packets_of(path: Path, index: int) -> list[tuple[bytes, int | None, int | None, bool]]:
    """Return the packets of a stream: data, pts, dts, key."""
    with av.open(str(path)) as container:
        stream = container.streams[index]
        return [
            (bytes(packet), packet.pts, packet.dts, packet.is_keyframe)
            for packet in container.demux(stream)
            if packet.size
        ]


def corrupt_packets(path: Path, index: int, numbers: Sequence[int]) -> None:
    """Overwrite the data of some packets of a stream where they lie in the file."""
    with av.open(str(path)) as container:
        stream = container.streams[index]
        found = [(packet.pos, packet.size) for packet in container.demux(stream) if packet.size]
    data = bytearray(path.read_bytes())
    for number in numbers:
        position, size = found[number]
        assert position is not None
        data[position : position + size] = b"\xff" * size
    path.write_bytes(data)


def add_sample_entry_box(path: Path, entry: bytes, kind: bytes, content: bytes) -> None:
    """Put a box at the end of a sample entry of an MP4 file whose index lies behind the media."""
    data = bytearray(path.read_bytes())
    moov = data.rindex(b"moov") - 4
    at = data.index(entry, moov) - 4
    at += int.from_bytes(data[at : at + 4], "big")
    box = (8 + len(content)).to_bytes(4, "big") + kind + content
    data[at:at] = box
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", entry):
        head = data.index(name, moov) - 4
        size = int.from_bytes(data[head : head + 4], "big") + len(box)
        data[head : head + 4] = size.to_bytes(4, "big")
    path.write_bytes(data)


def _video_stream(
    output: OutputContainer,
    path: Path,
    size: tuple[int, int],
    fps: int,
    codec: str | None,
    gop: int,
    b_frames: int,
    pixel_format: str,
) -> VideoStream:
    name = codec or _VIDEO_CODECS.get(path.suffix, "libx264")
    video = output.add_stream(name, rate=fps, options=dict(_FAST.get(name, {})))
    assert isinstance(video, VideoStream)
    video.width, video.height = size
    video.pix_fmt = pixel_format
    video.gop_size = gop
    video.max_b_frames = b_frames
    # Fine ticks let every container see the exact times; MPEG-4 counts in frames.
    fine = name not in ("mpeg4", "mpeg2video", "libvpx")
    video.codec_context.time_base = Fraction(1, 90_000) if fine else Fraction(1, fps)
    return video


def _film(video: VideoStream, times: Sequence[float], paint: Draw) -> Feed:
    tick = video.codec_context.time_base
    for index, time in enumerate(times):
        painted = paint(index)
        if isinstance(painted, av.VideoFrame):
            frame = painted
        else:
            frame = av.VideoFrame.from_ndarray(painted, format="rgb24")
        frame.pts = round(time / tick)
        frame.time_base = tick
        yield time, video.encode(frame)
    yield times[-1], video.encode(None)


def _in_colorspace(paint: Draw, colorspace: str, pixel_format: str) -> Draw:
    """Convert with the matrix of a colour space, but leave the film without a tag that says so."""

    def converted(index: int) -> av.VideoFrame:
        painted = paint(index)
        assert isinstance(painted, np.ndarray)
        frame = av.VideoFrame.from_ndarray(painted, format="rgb24")
        return frame.reformat(format=pixel_format, dst_colorspace=colorspace)

    return converted


def _audio_stream(output: OutputContainer, path: Path, track: Track) -> AudioStream:
    name = track.codec or _AUDIO_CODECS.get(path.suffix, "aac")
    audio = output.add_stream(name, rate=track.rate)
    assert isinstance(audio, AudioStream)
    audio.codec_context.layout = _layout(track)
    audio.codec_context.time_base = Fraction(1, track.rate)
    if name in ("vorbis", "opus", "dca"):
        audio.options["strict"] = "experimental"
    if track.bit_rate is not None:
        audio.codec_context.bit_rate = track.bit_rate
    if track.language is not None:
        audio.metadata["language"] = track.language
    if track.title is not None:
        audio.metadata["title"] = track.title
    audio.disposition = Disposition.default if track.default else Disposition(0)
    return audio


def _layout(track: Track) -> str:
    names = {1: "mono", 2: "stereo", 3: "2.1", 4: "quad", 5: "5.0", 6: "5.1", 8: "7.1"}
    return track.layout or names[track.samples.shape[0]]


def _sound(audio: AudioStream, track: Track) -> Feed:
    size = audio.codec_context.frame_size or 1024
    first = round(track.start * track.rate)
    for begin in range(0, track.samples.shape[1], size):
        # Interleaved: PyAV miscounts the planes of eight channels.
        part = np.ascontiguousarray(track.samples[:, begin : begin + size].T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(part, format="flt", layout=_layout(track))
        frame.sample_rate = track.rate
        frame.time_base = Fraction(1, track.rate)
        frame.pts = first + begin
        packets = _without_holes(audio.encode(frame), track.holes)
        yield (first + begin) / track.rate, packets
    yield (first + track.samples.shape[1]) / track.rate, audio.encode(None)


def _without_holes(packets: Packets, holes: Sequence[tuple[float, float]]) -> Packets:
    return [
        packet
        for packet in packets
        if packet.pts is None
        or not any(begin <= packet.pts * packet.time_base < end for begin, end in holes)
    ]


def _others(output: OutputContainer, path: Path, extras: Extras) -> list[Feed]:
    feeds: list[Feed] = []
    if extras.subtitles:
        text = output.add_mux_stream("mov_text" if path.suffix in (".mp4", ".mov") else "subrip")
        text.metadata["language"] = extras.subtitle_language
        feeds.append(_text(text, extras.subtitles, path.suffix in (".mp4", ".mov")))
    if extras.cover is not None and path.suffix == ".mkv":
        output.add_attachment("cover.png", "image/png", b"".join(map(bytes, _png(extras.cover))))
    elif extras.cover is not None:
        picture = output.add_mux_stream(
            "png", width=extras.cover.shape[1], height=extras.cover.shape[0]
        )
        picture.disposition = Disposition.attached_pic
        feeds.append(_cover(picture, extras.cover))
    if extras.attachment is not None:
        output.add_attachment(*extras.attachment)
    return feeds


def _text(stream: Stream, lines: Sequence[Subtitle], with_length: bool) -> Feed:
    for line in lines:
        data = line.text.encode()
        packet = Packet(len(data).to_bytes(2, "big") + data if with_length else data)
        packet.stream = stream
        packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = round(line.start * 1000)
        packet.duration = round((line.end - line.start) * 1000)
        packet.is_keyframe = True
        yield line.start, [packet]


def _cover(stream: Stream, picture: ByteArray) -> Feed:
    packets = _png(picture)
    for packet in packets:
        packet.stream = stream
        packet.is_keyframe = True
    yield 0.0, packets


def _png(picture: ByteArray) -> Packets:
    codec = av.CodecContext.create("png", "w")
    assert isinstance(codec, av.VideoCodecContext)
    codec.width, codec.height = picture.shape[1], picture.shape[0]
    codec.pix_fmt = "rgb24"
    codec.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    frame.pts = 0
    return codec.encode(frame) + codec.encode(None)


def _chapters(chapters: Sequence[Chapter]) -> list[AvChapter]:
    return [
        {
            "id": number,
            "start": round(chapter.start * 1000),
            "end": round(chapter.end * 1000),
            "time_base": Fraction(1, 1000),
            "metadata": {"title": chapter.title},
        }
        for number, chapter in enumerate(chapters, start=1)
    ]


def _interleave(output: OutputContainer, feeds: list[Feed]) -> None:
    """Mux the feeds in the order of their times."""
    waiting = [(next(feed, None), feed) for feed in feeds]
    while any(head is not None for head, _ in waiting):
        number, head, feed = min(
            ((number, head, feed) for number, (head, feed) in enumerate(waiting) if head),
            key=lambda entry: entry[1][0],
        )
        output.mux(head[1])
        waiting[number] = (next(feed, None), feed)
