"""The encoder for new sound: the original's where that can be, a sensible one where not."""

import pytest

from pixelmix.errors import UsageError
from pixelmix.media.capabilities import capabilities
from pixelmix.media.codecs import AudioEncoding, choose_encoding, usable_codecs
from pixelmix.media.encoder import priming
from pixelmix.types import AudioTrack


def track(
    codec: str, *, rate: int = 48_000, layout: str = "stereo", bit_rate: int | None = 128_000
) -> AudioTrack:
    channels = {"mono": 1, "stereo": 2, "5.1": 6, "5.1(side)": 6, "7.1": 8}[layout]
    return AudioTrack(1, codec, rate, channels, layout, bit_rate, 0.0, None, None)


@pytest.mark.parametrize(
    ("container", "codec"),
    [
        ("mp4", "aac"),
        ("mp4", "opus"),
        ("mp4", "alac"),
        ("mp4", "ac3"),
        ("mov", "pcm_s16le"),
        ("mov", "pcm_s24le"),
        ("matroska", "aac"),
        ("matroska", "opus"),
        ("matroska", "flac"),
        ("matroska", "eac3"),
        ("webm", "opus"),
        ("avi", "mp3"),
        ("mpegts", "mp2"),
        ("flv", "aac"),
        ("asf", "wmav2"),
    ],
)
def test_the_codec_of_the_original_is_kept(container: str, codec: str) -> None:
    encoding = choose_encoding(container, track(codec), "fltp")
    assert encoding.codec == codec
    assert encoding.note is None


@pytest.mark.parametrize(
    ("container", "codec", "chosen"),
    [
        ("webm", "vorbis", "opus"),
        ("mp4", "pcm_dvd", "flac"),
        ("matroska", "truehd", "flac"),
        ("matroska", "dts", "ac3"),
        ("webm", "aac", "opus"),
        ("mov", "opus", "aac"),
        ("flv", "vorbis", "opus"),
        ("mpegts", "flac", "aac"),
        ("mpegts", "pcm_s16le", "aac"),
        ("avi", "opus", "mp3"),
        ("mpeg", "aac", "mp2"),
        ("matroska", "wmapro", "aac"),
    ],
)
def test_a_sensible_codec_stands_in_and_it_is_said(container: str, codec: str, chosen: str) -> None:
    encoding = choose_encoding(container, track(codec), "fltp")
    assert encoding.codec == chosen
    assert encoding.note is not None
    assert codec in encoding.note


def test_six_speakers_of_pcm_do_not_end_the_program_in_flv() -> None:
    source = track("pcm_s16le", rate=44_100, layout="5.1")
    encoding = choose_encoding("flv", source, "s16")
    assert not encoding.codec.startswith("pcm_")
    assert encoding.layout == "5.1"


@pytest.mark.parametrize(
    ("source", "container", "expected"),
    [
        (track("aac", bit_rate=256_000), "mp4", 256_000),
        (track("aac", bit_rate=24_000), "mp4", 128_000),
        (track("aac", bit_rate=None), "mp4", 192_000),
        (track("aac", bit_rate=900_000), "mp4", 576_000),
        (track("aac", rate=8_000, layout="mono"), "mp4", 48_000),
        (track("mp3", bit_rate=131_000), "avi", 160_000),
        (track("ac3", bit_rate=448_000, layout="5.1(side)"), "matroska", 448_000),
        (track("opus", bit_rate=96_000), "webm", 96_000),
        (track("flac"), "matroska", None),
    ],
)
def test_the_class_of_bit_rate_is_kept(
    source: AudioTrack, container: str, expected: int | None
) -> None:
    assert choose_encoding(container, source, "fltp").bit_rate == expected


@pytest.mark.parametrize(
    ("codec", "decoded", "wanted"),
    [
        ("flac", "s16", "s16"),
        ("flac", "s32", "s32"),
        ("alac", "s16p", "s16p"),
        ("pcm_f32le", "flt", "flt"),
        ("pcm_s16le", "flt", "s16"),
        ("wavpack", "fltp", "s32p"),
    ],
)
def test_lossless_codecs_keep_the_depth(codec: str, decoded: str, wanted: str) -> None:
    assert choose_encoding("matroska", track(codec), decoded).sample_format == wanted


def test_layouts_known_by_another_name() -> None:
    assert choose_encoding("matroska", track("opus", layout="5.1(side)"), "fltp").layout == "5.1"
    assert choose_encoding("mp4", track("aac", layout="5.1(side)"), "fltp").codec == "aac"


def test_a_layout_too_wide_for_the_codec_changes_the_codec() -> None:
    encoding = choose_encoding("matroska", track("mp3", layout="7.1"), "fltp")
    assert encoding.codec == "aac"
    assert encoding.layout == "7.1"


def test_what_was_asked_for_is_done_or_refused() -> None:
    asked = choose_encoding("matroska", track("aac"), "fltp", codec="libopus", bit_rate=64_000)
    assert (asked.codec, asked.bit_rate, asked.note) == ("opus", 64_000, None)
    with pytest.raises(UsageError, match=r"flac cannot hold .* in webm; .* takes opus"):
        choose_encoding("webm", track("opus"), "fltp", codec="flac")
    with pytest.raises(UsageError, match="at 5000000 bit/s"):
        choose_encoding("webm", track("opus"), "fltp", bit_rate=5_000_000)
    with pytest.raises(UsageError, match="no audio codec 'nonsense'"):
        choose_encoding("mp4", track("aac"), "fltp", codec="nonsense")


def test_usable_codecs() -> None:
    assert usable_codecs("webm") == ("opus",)
    assert {"aac", "opus", "alac", "flac"} <= set(usable_codecs("mp4"))
    assert not {"flac", "pcm_s16le"} & set(usable_codecs("mpegts"))


@pytest.mark.parametrize(
    ("codec", "container", "samples"),
    [("aac", "mp4", 1_024), ("opus", "webm", 312), ("ac3", "mp4", 256), ("flac", "matroska", 0)],
)
def test_priming_is_measured(codec: str, container: str, samples: int) -> None:
    encoding = choose_encoding(container, track(codec), "fltp")
    assert isinstance(encoding, AudioEncoding)
    assert priming(encoding) == samples


def test_capabilities_name_what_is_there() -> None:
    found = capabilities()
    assert found.ffmpeg[0].isdigit()
    assert "libavcodec" in found.libraries
    assert found.decoders["h264"]
    assert found.encoders["aac"]
    assert set(found.encoders.values()) <= {True, False}
