"""What this build of FFmpeg can do, for ``pixelmix doctor``."""

from dataclasses import dataclass

import av
from av.codec.codec import UnknownCodecError

from pixelmix.media.codecs import has_encoder

_DECODERS = {
    "video": ("h264", "hevc", "vp8", "vp9", "libdav1d", "mpeg4", "mpeg2video", "prores", "mjpeg"),
    "audio": ("aac", "opus", "vorbis", "mp3", "flac", "ac3", "eac3", "alac", "dca", "truehd"),
}
_ENCODERS = {
    "video": ("libx264", "libx265", "libvpx-vp9", "libsvtav1"),
    "audio": ("aac", "libopus", "libvorbis", "libmp3lame", "flac", "alac", "ac3", "eac3"),
}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Versions, and for each codec of interest whether it is there."""

    ffmpeg: str
    pyav: str
    libraries: dict[str, str]
    decoders: dict[str, bool]
    encoders: dict[str, bool]


def capabilities() -> Capabilities:
    """Look at the FFmpeg libraries that PyAV brings."""
    return Capabilities(
        ffmpeg=av.ffmpeg_version_info,
        pyav=av.__version__,
        libraries={
            name: ".".join(map(str, version)) for name, version in av.library_versions.items()
        },
        decoders={name: _has_decoder(name) for names in _DECODERS.values() for name in names},
        encoders={name: has_encoder(name) for names in _ENCODERS.values() for name in names},
    )


def _has_decoder(name: str) -> bool:
    try:
        av.Codec(name, "r")
    except UnknownCodecError:
        return False
    return True
