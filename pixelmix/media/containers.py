"""What is known of the containers that are written."""

from pathlib import Path

from pixelmix.errors import UsageError

SUFFIXES = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".qt": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".avi": "avi",
    ".ts": "mpegts",
    ".mts": "mpegts",
    ".m2ts": "mpegts",
    ".flv": "flv",
    ".wmv": "asf",
    ".asf": "asf",
    ".ogv": "ogg",
    ".mpg": "mpeg",
    ".mpeg": "mpeg",
    ".vob": "vob",
    ".3gp": "3gp",
    ".nut": "nut",
}
"""FFmpeg's muxer for each suffix of an output."""

VIDEO_SUFFIXES = frozenset({*SUFFIXES, ".mxf"})
"""What counts as a video when a folder is given; a file that is named may have any suffix."""

MOV = frozenset({"mp4", "mov", "3gp"})
"""Muxers of the MOV family: edit lists, four-letter codec tags."""

MATROSKA = frozenset({"matroska", "webm"})
"""Muxers of the Matroska family: milliseconds, codec delay."""

COVERS = frozenset({"mp4", "matroska"})
"""Muxers that keep cover art: as a picture of its own kind, or as an attachment."""

_TRANSPORT_STREAM_CODECS = frozenset(
    {
        *("h264", "hevc", "vvc", "av1", "mpeg1video", "mpeg2video", "mpeg4", "dirac", "cavs"),
        *("aac", "aac_latm", "ac3", "dts", "eac3", "mp1", "mp2", "mp3", "opus", "s302m", "truehd"),
        *("dvb_subtitle", "dvb_teletext", "hdmv_pgs_subtitle"),
        *("klv", "timed_id3", "scte_35", "smpte_2038"),
    }
)
"""The MPEG-TS muxer takes anything, but all other codecs become data nobody can play."""


_PROGRAM_STREAM_CODECS = frozenset(
    {
        *("mpeg1video", "mpeg2video"),
        *("ac3", "dts", "mp1", "mp2", "mp3", "pcm_dvd", "pcm_s16be", "dvd_subtitle"),
    }
)
"""The MPEG-PS muxers take more, but read it back without times or not at all."""

_CODECS = {
    "mpegts": _TRANSPORT_STREAM_CODECS,
    "mpeg": _PROGRAM_STREAM_CODECS,
    "vob": _PROGRAM_STREAM_CODECS,
}


def holds_codec(container: str, codec: str | None) -> bool:
    """Whether a codec in this container can be played again, where the muxer does not tell."""
    return container not in _CODECS or codec in _CODECS[container]


_FLV_FOURCC = frozenset({"aac", "ac3", "eac3", "flac", "mp3", "opus"})
"""Codecs for which the FLV muxer knows a name for more than its own two layouts."""


def holds_layout(container: str, codec: str | None, layout: str | None) -> bool:
    """Whether the muxer can be asked about a codec with this layout of speakers.

    None stands for speakers without names. MP4's muxer finds out only at the end that PCM must
    have names; FLV's ends the whole program when it looks for the name of a codec that has none.
    """
    if container == "mp4":
        return layout is not None or not (codec or "").startswith("pcm_")
    return container != "flv" or codec in _FLV_FOURCC or layout in ("mono", "stereo")


MUXER_TAGS = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})
"""Container tags (in lower case) that muxers write themselves."""

MOV_TAGS = frozenset(
    (
        "title",
        "artist",
        "album",
        "album_artist",
        "comment",
        "composer",
        "copyright",
        "creation_time",
        "date",
        "description",
        "disc",
        "encoder",
        "episode_id",
        "episode_sort",
        "genre",
        "grouping",
        "hd_video",
        "keywords",
        "location",
        "lyrics",
        "media_type",
        "network",
        "season_number",
        "show",
        "sort_album",
        "sort_album_artist",
        "sort_artist",
        "sort_composer",
        "sort_name",
        "sort_show",
        "synopsis",
        "track",
        "compilation",
        "gapless_playback",
        "podcast",
        "rating",
    )
)
"""Tags MP4 and MOV have a place of their own for; others need their key-value list."""


def container_format(target: Path) -> str:
    """FFmpeg's name of the muxer for a target's suffix.

    Raises
    ------
    UsageError
        The suffix is not that of a video container.
    """
    try:
        return SUFFIXES[target.suffix.lower()]
    except KeyError:
        known = " ".join(SUFFIXES)
        raise UsageError(
            f"{target}: cannot tell the kind of file from its name; end it in one of {known}"
        ) from None
