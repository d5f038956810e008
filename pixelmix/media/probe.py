"""What is in a media file: enough to plan any command."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pixelmix.errors import InputError, UsageError
from pixelmix.media.opening import (
    BAD_PACKET,
    TEXT_DEMUXERS,
    only,
    open_input,
    reading,
    seconds,
    time_base_of,
    to_end,
)
from pixelmix.media.orientation import Orientation, orientation, rotation
from pixelmix.media.pyav import audio_codec_of
from pixelmix.media.samples import layout_name
from pixelmix.types import AudioTrack, MediaInfo, VideoTrack

_PACKETS_LOOKED_AT = 5_000
"""Packets searched for the first that can be decoded."""
_MOST_CHANNELS = 64
"""As many as FFmpeg's own converter takes."""
_PACKETS_MEASURED = 200
"""Audio packets whose sizes give the bit rate where the file does not state it."""


def probe(path: Path, audio_track: int | str | None = None) -> MediaInfo:
    """Look into a file: its picture as a player shows it, and the sound that is to be remixed.

    Cover art is not a video. Without `audio_track` the sound is the track marked as default, or
    else the first; `audio_track` counts the audio tracks from 0, or names their language (of
    several the one marked as default, or else the first).

    Raises
    ------
    InputError
        The file is missing, a folder, empty, damaged, not media, or lacks picture or sound.
    UsageError
        There is no such audio track; the message lists those there are.
    """
    with open_input(path) as container:
        if container.format.name in TEXT_DEMUXERS:
            raise InputError(f"{path}: this is a text file, not a video")
        video = choose_video(container)
        audio = _choose_audio(container, path, audio_track)
        if video is None:
            raise InputError(f"{path}: no video in this file (cover art does not count)")
        if audio is None:
            raise InputError(f"{path}: no sound in this file; there is nothing to remix")
        return MediaInfo(
            path=path,
            format=container.format.name,
            duration=_positive(container.duration, Fraction(1, av.time_base)),
            video=_video_track(path, video),
            audio=_audio_track(path, audio),
            start=float(Fraction(container.start_time or 0, av.time_base)),
        )


def title_of(stream: Stream) -> str | None:
    """Return a stream's title; MP4 and MOV call it a name."""
    return stream.metadata.get("title") or stream.metadata.get("name")


def is_cover(stream: VideoStream) -> bool:
    """Whether a video stream is cover art or a set of thumbnails, not a film."""
    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def choose_video(container: InputContainer) -> VideoStream | None:
    """Choose the video a player shows: the one marked as default, or else the first."""
    films = [stream for stream in container.streams.video if not is_cover(stream)]
    marked = [stream for stream in films if stream.disposition & Disposition.default]
    return next(iter(marked or films), None)


def _choose_audio(
    container: InputContainer, path: Path, audio_track: int | str | None
) -> AudioStream | None:
    tracks = container.streams.audio
    if not tracks:
        return None
    if audio_track is None:
        return _default(tracks)
    if isinstance(audio_track, str) and audio_track.isdecimal():
        audio_track = int(audio_track)
    if isinstance(audio_track, str):
        wanted = [track for track in tracks if _speaks(track, audio_track)]
    else:
        wanted = list(tracks[audio_track : audio_track + 1]) if audio_track >= 0 else []
    if not wanted:
        listed = "; ".join(f"{number}: {_describe(track)}" for number, track in enumerate(tracks))
        raise UsageError(f"{path}: no audio track {audio_track}; there are {listed}")
    return _default(wanted)


def _default(tracks: Sequence[AudioStream]) -> AudioStream:
    marked = [stream for stream in tracks if stream.disposition & Disposition.default]
    return (marked or tracks)[0]


def _speaks(track: AudioStream, language: str) -> bool:
    return (track.language or "und").lower() == language.lower()


def _describe(stream: AudioStream) -> str:
    codec = audio_codec_of(stream)
    words = [
        codec.name if codec else "unknown codec",
        f"{codec.sample_rate} Hz {codec.layout.name}" if codec else None,
        stream.language,
        title_of(stream),
    ]
    return ", ".join(word for word in words if word)


def _video_track(path: Path, stream: VideoStream) -> VideoTrack:
    codec = stream.codec_context
    if codec is None:
        raise InputError(f"{path}: this build of FFmpeg cannot decode the video's codec")
    first = first_picture(path, stream.index)
    turn = orientation(first)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    width, height = displayed_size(first, aspect, turn)
    return VideoTrack(
        index=stream.index,
        codec=codec.codec.canonical_name,
        width=width,
        height=height,
        rotation=rotation(turn),
        sample_aspect=aspect,
        start=seconds(stream.start_time, stream) or 0.0,
        duration=_positive(stream.duration, time_base_of(stream)),
        fps=float(stream.average_rate) if stream.average_rate else None,
    )


def displayed_size(frame: VideoFrame, aspect: Fraction, turn: Orientation) -> tuple[int, int]:
    """Width and height of a coded picture as a player shows it, pixels."""
    width = max(1, round(frame.width * aspect))
    return (frame.height, width) if turn.transpose else (width, frame.height)


def first_picture(path: Path, index: int) -> VideoFrame:
    """Decode a video stream's first picture: only it tells the rotation for certain.

    Raises
    ------
    InputError
        None can be decoded.
    """
    with open_input(path) as container, reading(path):
        stream = container.streams[index]
        if isinstance(stream, VideoStream):
            only(container, stream)
            for packet in islice(to_end(container.demux(stream)), _PACKETS_LOOKED_AT):
                try:
                    frames = packet.decode()
                except BAD_PACKET:
                    continue
                if frames:
                    return frames[0]
    raise InputError(f"{path}: no picture of the video could be decoded")


def _audio_track(path: Path, stream: AudioStream) -> AudioTrack:
    codec = audio_codec_of(stream)
    if codec is None:
        raise InputError(f"{path}: this build of FFmpeg cannot decode the sound's codec")
    # Only a decoded frame tells the rate for certain: AAC may double it (SBR) without saying so.
    first = _first_sound(path, stream.index)
    if first.layout.nb_channels > _MOST_CHANNELS:
        raise InputError(
            f"{path}: its sound has {first.layout.nb_channels} channels; up to {_MOST_CHANNELS} "
            "can be handled, and a damaged file may state more than there are"
        )
    return AudioTrack(
        index=stream.index,
        codec=codec.codec.canonical_name,
        rate=first.sample_rate,
        channels=first.layout.nb_channels,
        layout=layout_name(first.layout),
        bit_rate=stream.bit_rate or _measured_bit_rate(path, stream.index),
        start=seconds(stream.start_time, stream) or 0.0,
        duration=_positive(stream.duration, time_base_of(stream)),
        language=stream.language,
        title=title_of(stream),
    )


def _first_sound(path: Path, index: int) -> AudioFrame:
    """Decode the first frame of a sound track."""
    with open_input(path) as container, reading(path):
        stream = container.streams[index]
        if isinstance(stream, AudioStream):
            only(container, stream)
            for packet in islice(to_end(container.demux(stream)), _PACKETS_LOOKED_AT):
                try:
                    frames = packet.decode()
                except BAD_PACKET:
                    continue
                if frames:
                    return frames[0]
    raise InputError(f"{path}: the sound track is empty or damaged; nothing of it can be decoded")


def _measured_bit_rate(path: Path, index: int) -> int | None:
    """Mean bit rate of the first packets: Matroska and others do not state one."""
    with open_input(path) as container, reading(path):
        stream = container.streams[index]
        only(container, stream)
        packets = list(islice(to_end(container.demux(stream)), _PACKETS_MEASURED))
        times = [packet.pts for packet in packets if packet.pts is not None]
        if len(times) < 2 or times[-1] <= times[0]:
            return None
        # The last packet's own length is not in the span: n packets cover n - 1 intervals.
        span = (times[-1] - times[0]) * time_base_of(stream) * Fraction(len(times), len(times) - 1)
        return round(sum(packet.size for packet in packets) * 8 / span)


def _positive(ticks: int | None, tick: Fraction) -> float | None:
    return float(ticks * tick) if ticks is not None and ticks > 0 else None
