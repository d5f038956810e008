"""What players show of a file besides its content is kept, or else named."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pixelmix.media.audio import AudioReader
from pixelmix.media.probe import probe
from pixelmix.media.properties import look
from pixelmix.media.remux import RemuxReport, remux
from pixelmix.media.verify import verify
from tests.media_files import (
    Chapter,
    Extras,
    Track,
    add_sample_entry_box,
    clicks,
    make_video,
    packets_of,
    tone,
)

# Dolby Vision's configuration: version 1.0, profile 8, level 1, RPU and base layer, like HDR10.
DOLBY_VISION = bytes([1, 0, 8 << 1, 1 << 3 | 0b101, 1 << 4]) + bytes(19)
# Mastering display (SMPTE ST 2086) and content light level, as MP4 keeps them.
MASTERING = struct.pack(
    ">8H2I", 13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10_000_000, 50
)
LIGHT = struct.pack(">2H", 1000, 400)


def rewritten(source: Path, target: Path) -> RemuxReport:
    info = probe(source)
    with AudioReader(info) as reader:
        blocks = (0.5 * block for block in reader)
        report = remux(info, target, blocks, audio_start=reader.start)
    assert [check for check in verify(info, target, report, None) if not check.passed] == []
    return report


@pytest.mark.parametrize(
    ("target", "lost"), [(".mp4", False), (".mov", False), (".mkv", False), (".ts", True)]
)
def test_a_rotation_is_kept_or_named(tmp_path: Path, target: str, lost: bool) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=0.4, rotation=90)
    report = rewritten(source, tmp_path / f"out{target}")
    assert probe(tmp_path / f"out{target}").video.rotation == (0 if lost else 90)
    assert any("rotation of stream 0" in note for note in report.notes) == lost


@pytest.mark.parametrize(("target", "lost"), [(".mkv", False), (".ts", True), (".avi", True)])
def test_chapters_are_kept_or_named(tmp_path: Path, target: str, lost: bool) -> None:
    extras = Extras(chapters=[Chapter(0, 0.2, "One"), Chapter(0.2, 0.4, "Two")])
    source = make_video(tmp_path / "in.mp4", seconds=0.4, extras=extras)
    report = rewritten(source, tmp_path / f"out{target}")
    assert any("chapters (2)" in note for note in report.notes) == lost


def test_a_time_code_is_kept_or_named(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mov", seconds=0.4, extras=Extras(timecode="01:00:00:05"))
    for target in (".mp4", ".mov", ".mkv"):
        report = rewritten(source, tmp_path / f"out{target}")
        assert report.dropped == ()
        with av.open(str(tmp_path / f"out{target}")) as container:
            tags = container.streams.video[0].metadata
        assert "01:00:00:05" in tags.values()
    for target in (".ts", ".avi"):
        (dropped,) = rewritten(source, tmp_path / f"out{target}").dropped
        assert dropped.startswith("stream 2 (data")


@pytest.mark.parametrize("target", [".mp4", ".mov", ".mkv"])
def test_hdr_metadata_of_the_container_is_kept(tmp_path: Path, target: str) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=0.4, video_codec="libx265", video_tag="hvc1")
    for kind, content in ((b"dvvC", DOLBY_VISION), (b"mdcv", MASTERING), (b"clli", LIGHT)):
        add_sample_entry_box(source, b"hvc1", kind, content)
    report = rewritten(source, tmp_path / f"out{target}")
    levels = [look(path, 0)["HDR light levels"] for path in (source, tmp_path / f"out{target}")]
    assert levels[0] == levels[1]
    assert isinstance(levels[0], tuple)
    assert levels[0][-4:] == (0.005, 1000.0, 1000, 400)
    # FFmpeg's muxer for MOV does not write this one.
    kept = DOLBY_VISION in (tmp_path / f"out{target}").read_bytes()
    assert kept == (target != ".mov")
    assert any("Dolby Vision" in note for note in report.notes) == (not kept)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_variable_frame_rate_is_kept(tmp_path: Path, suffix: str) -> None:
    times = [0.0, 0.04, 0.3, 0.31, 0.8, 1.0]
    source = make_video(tmp_path / f"in{suffix}", video_times=times, seconds=1.1)
    rewritten(source, tmp_path / f"out{suffix}")
    assert packets_of(tmp_path / f"out{suffix}", 0) == packets_of(source, 0)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_gap_stays_as_long_as_it_was(tmp_path: Path, suffix: str) -> None:
    sound = Track(clicks(1, [1_000, 40_000]), codec="flac" if suffix != ".mov" else "aac")
    gap = Track(sound.samples, codec=sound.codec, holes=[(0.3, 0.6)], default=True)
    source = make_video(tmp_path / f"in{suffix}", seconds=1.0, audio_track=gap)
    rewritten(source, tmp_path / f"out{suffix}")
    with AudioReader(probe(tmp_path / f"out{suffix}")) as reader:
        samples = np.concatenate([*reader], axis=1)
    found = [int(index) for index in np.nonzero(np.abs(samples[0]) > 0.2)[0]]
    assert found == [1_000, 40_000]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_late_picture_stays_late(tmp_path: Path, suffix: str) -> None:
    source = make_video(tmp_path / f"in{suffix}", seconds=0.4, video_start=Fraction(1, 4))
    rewritten(source, tmp_path / f"out{suffix}")
    assert probe(tmp_path / f"out{suffix}").video.start == pytest.approx(0.25, abs=1e-6)


def test_sound_of_an_unknown_codec_is_left_out_by_name(tmp_path: Path) -> None:
    other = Track(tone(0.4), codec="alac", title="Spatial")
    source = make_video(tmp_path / "in.mp4", seconds=0.4, extra_audio=[other])
    data = source.read_bytes()
    at = data.index(b"alac", data.rindex(b"moov"))
    source.write_bytes(data[:at] + b"zzzz" + data[at + 4 :])
    (dropped,) = rewritten(source, tmp_path / "out.mkv").dropped
    assert dropped.startswith("stream 2 (audio)")
