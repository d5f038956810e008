"""Sparse pictures: the right one, upright, in the right colours, and not more work than needed."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from pixelmix.errors import InputError
from pixelmix.media.frames import PictureReader, picture_size
from pixelmix.media.keyframes import Key, Scout, Track, key_time, picture_time
from pixelmix.media.probe import probe
from pixelmix.media.pyav import VideoPacket
from pixelmix.types import Picture
from tests.media_files import corrupt_packets, grey_level, make_video, packets_of

ByteArray = npt.NDArray[np.uint8]
TIMES = [-1.0, 0.0, 0.31, 0.99, 1.0, 1.5, 2.2, 2.99, 3.4, 4.1, 4.97, 30.0]


def pictures(
    path: Path, times: list[float], *, tolerance: float = 0.0, short_side: int = 32
) -> list[Picture]:
    with PictureReader(probe(path), short_side, tolerance=tolerance) as reader:
        return [reader.at(time) for time in times]


def shown_at(time: float, fps: int = 25, count: int = 125) -> int:
    """Number of the picture that a player shows."""
    return min(max(int(np.floor(time * fps + 1e-6)), 0), count - 1)


def assert_shows(picture: Picture, index: int, fps: int = 25, start: float = 0.0) -> None:
    assert picture.time == pytest.approx(start + index / fps, abs=0.0011)
    assert float(picture.rgb.mean()) == pytest.approx(grey_level(index), abs=1.6)


@pytest.mark.parametrize("tolerance", [0.0, 1.5])
def test_the_same_picture_comes_again_in_another_size(tmp_path: Path, tolerance: float) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=3, gop=25, rotation=90)
    info = probe(path)
    with (
        PictureReader(info, 32, tolerance=tolerance) as reader,
        PictureReader(info, 48, tolerance=tolerance) as other,
    ):
        with pytest.raises(ValueError, match="no picture"):
            reader.again(48)
        for time in (0.3, 1.1, 1.2, 2.9, 9.0, 1.2):
            small, large = reader.at(time), other.at(time)
            assert small.time == large.time
            np.testing.assert_array_equal(reader.again(48), large.rgb)
            np.testing.assert_array_equal(reader.again(32), small.rgb)


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".mp4", {}),
        (".mp4", {"b_frames": 3, "gop": 50}),
        (".mp4", {"video_codec": "libx265", "b_frames": 3, "gop": 30}),
        (".mov", {"b_frames": 2, "gop": 200}),
        (".mkv", {"b_frames": 3, "gop": 40}),
        (".webm", {"gop": 30}),
        (".avi", {"gop": 12}),
        (".ts", {"b_frames": 2, "gop": 50}),
        (".flv", {"b_frames": 2}),
        (".mp4", {"b_frames": 3, "gop": 25, "video_options": {"x264-params": "open-gop=1"}}),
    ],
)
def test_without_tolerance_the_very_picture_is_given(
    tmp_path: Path, suffix: str, options: dict[str, object]
) -> None:
    path = make_video(tmp_path / f"a{suffix}", seconds=5, **options)  # type: ignore[arg-type]
    start = probe(path).video.start
    shown = pictures(path, [start + time + 0.005 for time in TIMES])
    for time, picture in zip(TIMES, shown, strict=True):
        assert_shows(picture, shown_at(time), start=start)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_within_tolerance_the_key_frame_before_is_given(tmp_path: Path, suffix: str) -> None:
    path = make_video(tmp_path / f"a{suffix}", seconds=5, gop=25, b_frames=2)
    start = probe(path).video.start
    times = [start + time + 0.005 for time in TIMES[:-1]]
    for time, picture in zip(times, pictures(path, times, tolerance=1.5), strict=True):
        assert_shows(picture, shown_at(np.floor(max(0, time - start))), start=start)


def test_beyond_the_tolerance_the_picture_is_decoded(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=5, gop=100, b_frames=2)
    times = [0.3, 1.0, 1.6, 3.0, 4.2, 4.9]
    shown = pictures(path, times, tolerance=1.0)
    for picture, index in zip(shown, [0, 0, 40, 75, 100, 100], strict=True):
        # Two pictures of three are referred to by none, and not decoded.
        before = round(index - picture.time * 25)
        assert 0 <= before <= 2
        assert_shows(picture, index - before)


def test_each_group_of_pictures_is_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=8, gop=100)
    info = probe(path)
    decoded = _count_decoded(monkeypatch)
    with PictureReader(info, 32, tolerance=0.5, threads=1) as reader:
        for time in np.arange(0, 8, 0.25):
            reader.at(float(time))
    # Both groups once, and their key frames once more by themselves.
    assert len(decoded) <= 200 + 4


def test_key_frames_suffice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=8, gop=25)
    info = probe(path)
    decoded = _count_decoded(monkeypatch)
    with PictureReader(info, 32, tolerance=1.5) as reader:
        for time in np.arange(0, 8, 0.25):
            reader.at(float(time))
    assert len(decoded) == 8


def _count_decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count packets sent to decoders (methods of PyAV itself cannot be replaced)."""
    counted: list[int] = []
    original_alone = Scout.decode_alone
    original_packets = Track.packets

    def alone(self: Scout, key: Key) -> av.VideoFrame | None:
        counted.append(1)
        return original_alone(self, key)

    def packets(self: Track) -> Iterator[VideoPacket]:
        for packet in original_packets(self):
            if not isinstance(self, Scout) and packet.size:
                counted.append(1)
            yield packet

    monkeypatch.setattr(Scout, "decode_alone", alone)
    monkeypatch.setattr(Track, "packets", packets)
    return counted


def test_descending_times_still_give_the_right_pictures(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=5, gop=50, b_frames=2)
    times = [4.5, 0.2, 3.3, 3.1, 1.0]
    for time, picture in zip(times, pictures(path, times), strict=True):
        assert_shows(picture, shown_at(time))


def test_variable_frame_rate(tmp_path: Path) -> None:
    stamps = [0.0, 0.04, 0.5, 0.52, 2.0, 2.04, 3.5]
    path = make_video(tmp_path / "a.mkv", video_times=stamps, gop=100, seconds=4)
    times = [0.03, 0.3, 0.51, 1.9, 2.01, 3.0, 3.6]
    expected = [0, 1, 2, 3, 4, 5, 6]
    for picture, index in zip(pictures(path, times), expected, strict=True):
        assert picture.time == pytest.approx(stamps[index], abs=0.001)
        assert float(picture.rgb.mean()) == pytest.approx(grey_level(index), abs=1.6)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_single_picture_lasts_for_ever(tmp_path: Path, suffix: str) -> None:
    path = make_video(tmp_path / f"a{suffix}", video_times=[0.0], seconds=3)
    for picture in pictures(path, [0.0, 1.0, 2.9, 60.0], tolerance=1.5):
        assert_shows(picture, 0)


def test_a_video_that_begins_late(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", video_start=Fraction(5, 4), seconds=2, b_frames=2)
    shown = pictures(path, [0.0, 1.25, 2.26])
    for picture, index in zip(shown, [0, 0, 25], strict=True):
        assert_shows(picture, index, start=1.25)


def test_a_file_that_cannot_be_sought_in_is_read_from_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=3, b_frames=2)
    monkeypatch.setattr(Track, "seek", lambda _track, _time: False)
    times = [0.0, 0.5, 1.0, 2.1, 9.0]
    for time, picture in zip(times, pictures(path, times), strict=True):
        assert_shows(picture, shown_at(time, count=75))


def test_damaged_pictures_are_replaced_by_their_neighbours(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=3, gop=25)
    keys = [n for n, packet in enumerate(packets_of(path, 0)) if packet[3]]
    corrupt_packets(path, 0, [keys[1], 60, 61])
    with PictureReader(probe(path), 32, tolerance=1.5) as reader:
        for time in np.arange(0, 3, 0.2):
            assert reader.at(float(time)).rgb.shape == (32, 48, 3)
    exact = pictures(path, [0.5, 2.9])
    assert_shows(exact[0], 12)
    assert abs(exact[1].time - 2.9) < 0.7


def test_a_video_of_nothing_but_damage_is_an_input_error(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", seconds=1)
    info = probe(path)
    corrupt_packets(path, 0, list(range(25)))
    with pytest.raises(InputError, match="no picture"), PictureReader(info, 32) as reader:
        reader.at(0.5)


def quadrants(_index: int) -> ByteArray:
    """Red, green / blue, white: any turn or flip is seen."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = (200, 30, 30)
    picture[:24, 32:] = (30, 200, 30)
    picture[24:, :32] = (30, 30, 200)
    picture[24:, 32:] = 200
    return picture


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("hflip", [False, True])
def test_pictures_are_upright(tmp_path: Path, rotation: int, hflip: bool) -> None:
    path = make_video(
        tmp_path / "a.mp4", draw=quadrants, rotation=rotation, hflip=hflip, seconds=0.4
    )
    info = probe(path)
    picture = pictures(path, [0.0], short_side=48)[0].rgb.astype(int)
    # The angle is anticlockwise, the mirror image is taken after it.
    expected = np.rot90(quadrants(0), rotation // 90).astype(int)
    expected = expected[:, ::-1] if hflip else expected
    assert picture.shape == expected.shape == (info.video.height, info.video.width, 3)
    rows, cols = picture.shape[0] // 4, picture.shape[1] // 4
    for row in (rows, 3 * rows):
        for col in (cols, 3 * cols):
            np.testing.assert_allclose(picture[row, col], expected[row, col], atol=12)


@pytest.mark.parametrize(
    ("codec", "pixels", "colorspace", "options"),
    [
        ("libx264", "yuv420p", None, {}),
        ("libx264", "yuvj420p", None, {}),
        ("libx264", "yuv420p", "ITU709", {"colorspace": "bt709", "color_primaries": "bt709"}),
        ("libx264", "yuv420p10le", None, {}),
        ("ffv1", "bgr0", None, {}),
        ("mjpeg", "yuvj420p", None, {}),
        ("ffv1", "gray", None, {}),
    ],
)
def test_colours(
    tmp_path: Path, codec: str, pixels: str, colorspace: str | None, options: dict[str, str]
) -> None:
    path = make_video(
        tmp_path / "a.mkv",
        draw=quadrants,
        video_codec=codec,
        pixel_format=pixels,
        colorspace=colorspace,
        video_options=options,
        seconds=0.4,
    )
    picture = pictures(path, [0.0], short_side=48)[0].rgb
    found = picture[[12, 12, 36, 36], [16, 48, 16, 48]].astype(int)
    wanted = quadrants(0)[[12, 12, 36, 36], [16, 48, 16, 48]].astype(int)
    if pixels == "gray":
        wanted = (wanted @ np.array([0.299, 0.587, 0.114])).round().astype(int)[:, None]
    np.testing.assert_allclose(found, np.broadcast_to(wanted, found.shape), atol=10)


def test_a_full_range_tag_is_believed(tmp_path: Path) -> None:
    def full(index: int) -> av.VideoFrame:
        frame = av.VideoFrame.from_ndarray(quadrants(index), format="rgb24")
        return frame.reformat(format="yuv444p", dst_color_range="JPEG")

    path = make_video(
        tmp_path / "a.mkv",
        draw=full,
        pixel_format="yuv444p",
        video_options={"x264-params": "fullrange=on"},
        seconds=0.4,
    )
    picture = pictures(path, [0.0], short_side=48)[0].rgb
    np.testing.assert_allclose(picture[12, 16].astype(int), (200, 30, 30), atol=10)


def test_high_definition_without_tags_is_bt709(tmp_path: Path) -> None:
    def green(_index: int) -> ByteArray:
        return np.full((720, 1280, 3), (30, 200, 30), np.uint8)

    untagged = make_video(
        tmp_path / "a.mkv",
        draw=green,
        size=(1280, 720),
        seconds=0.08,
        colorspace="ITU709",
        video_codec="mpeg4",
    )
    np.testing.assert_allclose(pictures(untagged, [0.0])[0].rgb[16, 16], (30, 200, 30), atol=8)


@pytest.mark.parametrize(
    ("size", "short_side", "expected"),
    [
        ((1920, 1080), 224, (400, 224)),
        ((1080, 1920), 224, (224, 400)),
        ((640, 480), 224, (304, 224)),
        ((100, 100), 224, (224, 224)),
        ((4000, 100), 224, (896, 224)),
        ((1, 1), 32, (32, 32)),
    ],
)
def test_sizes(size: tuple[int, int], short_side: int, expected: tuple[int, int]) -> None:
    assert picture_size(*size, short_side, 16) == expected


def test_sample_aspect_ratio_is_applied(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", sar=Fraction(2), seconds=0.4)
    assert pictures(path, [0.0])[0].rgb.shape == (32, 80, 3)


def test_key_time(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", seconds=5, gop=50, b_frames=2)
    info = probe(path)
    assert float(key_time(info, 1.9)) == pytest.approx(0, abs=0.001)
    assert float(key_time(info, 3.9)) == pytest.approx(2, abs=0.001)
    assert float(key_time(info, -3.0)) == pytest.approx(0, abs=0.001)
    assert key_time(info, float(key_time(info, 4.5))) == key_time(info, 4.5)


def test_picture_time(tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / "a.mp4", seconds=5, gop=50, b_frames=3))
    for time in (0.0, 0.1, 0.99, 1.98, 2.0, 3.51, 4.97):
        expected = np.floor(time * 25 + 1e-9) / 25
        assert float(picture_time(info, time)) == pytest.approx(expected, abs=1e-6)
        assert picture_time(info, float(picture_time(info, time))) == picture_time(info, time)


def test_a_time_after_the_end_needs_no_more_decoding_than_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video(tmp_path / "in.mp4", seconds=3.0, gop=25)
    reached: list[object] = []
    monkeypatch.setattr("pixelmix.media.frames._Decoder", lambda *args: reached.append(args))
    with PictureReader(probe(path), 48) as reader:
        last = reader.at(3.0)
        assert reader.at(60.0).time == last.time
    assert reached == []
