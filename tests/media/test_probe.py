"""Probing: what a player would show and play, and clear words for files that are no video."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pixelmix.errors import InputError, UsageError
from pixelmix.media.probe import probe
from tests.media_files import Extras, Track, make_video, tone


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi", ".ts", ".flv"])
def test_every_container_tells_picture_and_sound(tmp_path: Path, suffix: str) -> None:
    info = probe(make_video(tmp_path / f"a{suffix}"))
    assert (info.video.width, info.video.height) == (64, 48)
    assert info.audio.rate == 48_000
    assert (info.audio.channels, info.audio.layout) == (2, "stereo")
    assert info.duration == pytest.approx(2.0, abs=0.15)
    assert info.video.fps == pytest.approx(25.0, abs=1e-3)
    assert info.audio.bit_rate is not None
    assert info.audio.bit_rate > 10_000


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation_and_pixel_shape_make_the_displayed_size(tmp_path: Path, rotation: int) -> None:
    path = make_video(tmp_path / "a.mp4", rotation=rotation, sar=Fraction(4, 3), seconds=0.4)
    video = probe(path).video
    wide, high = 85, 48
    assert (video.width, video.height) == ((high, wide) if rotation % 180 else (wide, high))
    assert video.rotation == rotation
    assert video.sample_aspect == Fraction(4, 3)


def test_cover_art_is_not_the_video(tmp_path: Path) -> None:
    cover = np.zeros((32, 32, 3), np.uint8)
    path = make_video(tmp_path / "a.mp4", with_video=False, extras=Extras(cover=cover))
    with pytest.raises(InputError, match=r"no video .*cover art"):
        probe(path)
    with_film = make_video(tmp_path / "b.mp4", extras=Extras(cover=cover), seconds=0.4)
    assert probe(with_film).video.codec == "h264"


def test_the_default_track_is_chosen_and_others_by_number(tmp_path: Path) -> None:
    tracks = [
        Track(tone(1), language="eng", title="Film"),
        Track(tone(1, channels=1), language="fra", title="Parole", default=True),
    ]
    path = make_video(tmp_path / "a.mkv", seconds=1, with_audio=False, extra_audio=tracks)
    assert probe(path).audio.language == "fra"
    assert probe(path, 0).audio.language == "eng"
    assert probe(path, 1).audio.channels == 1
    with pytest.raises(UsageError, match=r"no audio track 2; there are 0: .*eng, Film; 1: .*fra"):
        probe(path, 2)
    with pytest.raises(UsageError, match="no audio track -1"):
        probe(path, -1)


def test_a_file_may_begin_late(tmp_path: Path) -> None:
    path = make_video(
        tmp_path / "a.mkv", video_start=Fraction(3, 2), audio_start=Fraction(2), seconds=1
    )
    info = probe(path)
    assert info.start == pytest.approx(1.5, abs=0.002)
    assert info.video.start == pytest.approx(1.5, abs=0.002)
    assert info.audio.start == pytest.approx(2.0, abs=0.002)


def test_missing_picture_or_sound_is_said(tmp_path: Path) -> None:
    silent = make_video(tmp_path / "silent.mp4", with_audio=False, seconds=0.4)
    with pytest.raises(InputError, match="no sound"):
        probe(silent)
    with pytest.raises(InputError, match="no video"):
        probe(make_video(tmp_path / "blind.mp4", with_video=False, seconds=0.4))


def test_files_that_are_no_videos_are_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.mp4: no such file"):
        probe(tmp_path / "gone.mp4")
    with pytest.raises(InputError, match="folder"):
        probe(tmp_path)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(InputError, match="empty"):
        probe(tmp_path / "empty.mp4")
    for name in ("notes.txt", "notes.mp4", "notes.srt"):
        (tmp_path / name).write_text("1\n00:00:01,000 --> 00:00:02,000\nThis is not a video.\n" * 9)
        with pytest.raises(InputError, match=r"not a video|text file"):
            probe(tmp_path / name)


def test_a_recording_cut_off_before_its_index_is_recognised(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"no index \(moov\) .* probably cut off"):
        probe(path)


@pytest.mark.parametrize("movflags", ["faststart", "write_colr"])
def test_a_broken_index_is_not_called_a_cut(tmp_path: Path, movflags: str) -> None:
    path = make_video(tmp_path / "a.mp4", container_options={"movflags": movflags})
    path.write_bytes(path.read_bytes().replace(b"stsd", b"stsd\xff\xff\xff\xff\xff\xff\xff\xff"))
    with pytest.raises(InputError, match=r"index \(moov\) is there, but .* damaged") as caught:
        probe(path)
    assert "cut off" not in str(caught.value)


def test_more_channels_than_can_be_converted_are_refused(tmp_path: Path) -> None:
    sound = np.zeros((64, 8_000), np.float32)
    track = Track(sound, rate=8_000, codec="pcm_s16le", layout="64 channels")
    path = make_video(tmp_path / "a.mkv", seconds=1, audio_track=track)
    assert probe(path).audio.channels == 64
    data, stated = path.read_bytes(), b"\x9f\x81%c"  # Matroska's Channels, one byte long
    assert data.count(stated % 64) == 1
    path.write_bytes(data.replace(stated % 64, stated % 65))
    with pytest.raises(InputError, match="65 channels; up to 64 can be handled"):
        probe(path)


def test_a_playlist_does_not_reach_other_files(tmp_path: Path) -> None:
    make_video(tmp_path / "a.mp4", seconds=0.4)
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile a.mp4\n")
    with pytest.raises(InputError):
        probe(tmp_path / "list.mp4")


def test_names_with_colons_and_percents_are_files(tmp_path: Path) -> None:
    path = make_video(tmp_path / "plain.mp4", seconds=0.4)
    odd = path.rename(tmp_path / "take:1 %03d.mp4")
    assert probe(odd).video.width == 64


def test_tags_that_are_not_utf8_do_no_harm(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.avi", seconds=0.4, extras=Extras(metadata={"title": "Grobe"}))
    path.write_bytes(path.read_bytes().replace(b"Grobe", b"Gr\xf6\xdfe"))
    assert probe(path).audio.channels == 2
