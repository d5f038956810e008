"""Edit lists are finished in place, and nothing else in the file is touched."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import pytest

from pixelmix.media.editlist import hide_priming, index_first, index_of
from tests.media_files import Track, clicks, make_video, tone


def first_packet(path: Path, track: int = 0) -> tuple[int | None, bool]:
    with av.open(str(path)) as container:
        packet = next(container.demux(container.streams.audio[track]))
        return packet.pts, packet.has_sidedata("skip_samples")


def test_priming_before_a_late_start_is_hidden(tmp_path: Path) -> None:
    path = make_video(
        tmp_path / "a.mp4",
        audio=clicks(1, [9_600]),
        audio_start=Fraction(1, 4),
        container_options={"movie_timescale": "48000"},
    )
    before = path.read_bytes()
    assert first_packet(path) == (12_000 - 1_024, False)
    hide_priming(path, 0, 1_024)
    after = path.read_bytes()
    assert len(after) == len(before)
    assert sum(old != new for old, new in zip(before, after, strict=True)) < 16
    assert first_packet(path) == (12_000 - 1_024 - 1_024, True)


def test_sound_that_begins_at_zero_is_left_alone(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=1)
    before = path.read_bytes()
    hide_priming(path, 0, 1_024)
    assert path.read_bytes() == before


def test_only_the_track_asked_for_is_changed(tmp_path: Path) -> None:
    late = [Track(tone(1), start=Fraction(1, 4)) for _ in range(2)]
    path = make_video(tmp_path / "a.mov", with_audio=False, extra_audio=late, seconds=1)
    first = first_packet(path, 0)
    hide_priming(path, 1, 100)
    assert first_packet(path, 0) == first
    assert first_packet(path, 1)[1] == (first[1] or True)


@pytest.mark.parametrize(("flags", "expected"), [("faststart", True), ("write_colr", False)])
def test_index_first(tmp_path: Path, flags: str, expected: bool) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=0.4, container_options={"movflags": flags})
    assert index_first(path) is expected


@pytest.mark.parametrize("stated", [1 << 40, (1 << 63) - 1, (1 << 64) - 1])
def test_an_index_that_claims_to_be_huge_is_what_is_there(tmp_path: Path, stated: int) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=0.4)
    data, whole = path.read_bytes(), index_of(path)
    at = data.rindex(b"moov") - 4
    assert data.endswith(whole)
    path.write_bytes(data[:at] + struct.pack(">I4sQ", 1, b"moov", stated) + whole)
    assert index_of(path) == whole


def test_a_file_that_ends_within_the_head_of_a_box_has_no_index(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(struct.pack(">I4s", 1, b"moov"))
    assert index_of(path) == b""
    assert not index_first(path)
