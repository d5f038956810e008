"""One source at a time: sound and pictures on one clock, and refused if they teach nothing."""

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixelmix.data.items import Item, Options, Pair, Photo, Solo, Video
from pixelmix.data.reading import SHORTEST, Reading, read
from pixelmix.errors import InputError
from pixelmix.media.wav import WavWriter
from tests.media_files import FloatArray, Track, corrupt_packets, grey_level, make_video, tone

RATE = 11_025
OPTIONS = Options(side=48, frame_rate=2.0)
FPS = 5
"""Of the films: all their pictures differ for 12 seconds."""


def beep(seconds: float, at: float, *, rate: int = 48_000, channels: int = 2) -> FloatArray:
    """Silence with a tenth of a second of loud noise."""
    samples = np.zeros((channels, round(seconds * rate)), np.float32)
    start = round(at * rate)
    samples[:, start : start + rate // 10] = tone(0.1, rate=rate, channels=1)[:, : rate // 10]
    return samples


def film(path: Path, **settings: object) -> Path:
    """Eight seconds of film, with a beep after three."""
    defaults = {"seconds": 8.0, "fps": FPS, "gop": 10, "audio": beep(8.0, 3.0)}
    return make_video(path, **{**defaults, **settings})  # type: ignore[arg-type]


def video(path: Path) -> Video:
    return Video(name=path.name, path=path, kind="", split="train", source="", licence="")


def solo(path: Path, seconds: float | None = None) -> Solo:
    return Solo(name="", path=path, kind="a", split="train", source="", seconds=seconds)


def pair(path: Path, frames: Path, count: int | None = None, frame_rate: float = 2.0) -> Pair:
    return Pair(
        name="", path=path, kind="a", split="train", source="", frames=frames, count=count,
        frame_rate=frame_rate,
    )  # fmt: skip


def photo(path: Path) -> Photo:
    return Photo(name="", path=path, kind="a", split="train", source="")


def wav(path: Path, samples: FloatArray, rate: int = 16_000) -> Path:
    with WavWriter(path, rate, len(samples)) as writer:
        writer.write(samples)
    return path


def onset(reading: Reading) -> float:
    """When the first loud sample comes, seconds."""
    return int(np.argmax(np.abs(reading.samples) > 3000)) / RATE


def opened(reading: Reading) -> list[Image.Image]:
    return [Image.open(io.BytesIO(content)) for content in reading.pictures]


def numbers(reading: Reading) -> list[int]:
    """Return the numbers of the film's pictures, by their grey levels."""
    levels = np.array([grey_level(number) for number in range(60)])
    means = [np.asarray(picture.convert("L")).mean() for picture in opened(reading)]
    return [int(np.argmin(np.abs(levels - mean))) for mean in means]


def shown(seconds: float, count: int) -> list[int]:
    """Return the numbers of the film's pictures at ``seconds + (i + 0.5) / 2``."""
    return [int((seconds + (i + 0.5) / 2) * FPS + 1e-9) for i in range(count)]


def refused(item: Item, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        read(item, OPTIONS)
    assert str(caught.value).startswith(f"{item.path}: ")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi", ".mov", ".ts"])
def test_sound_and_pictures_of_any_container(tmp_path: Path, suffix: str) -> None:
    reading = read(video(film(tmp_path / f"a{suffix}")), OPTIONS)
    assert abs(len(reading.samples) - 8 * RATE) < 0.05 * RATE
    assert onset(reading) == pytest.approx(3.0, abs=0.01)
    assert (numbers(reading), reading.frame_rate) == (shown(0.0, 16), 2.0)


@pytest.mark.parametrize(
    ("sound", "picture", "seconds"), [(0.0, 1.0, 1.0), (1.3, 0.0, 1.3), (0.6, 0.2, 0.6)]
)
@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
def test_streams_that_begin_late_stay_on_one_clock(
    tmp_path: Path, suffix: str, sound: float, picture: float, seconds: float
) -> None:
    path = film(
        tmp_path / f"a{suffix}", audio=beep(9.0, 3.0), audio_start=Fraction(str(sound)),
        video_start=Fraction(str(picture)),
    )  # fmt: skip
    reading = read(video(path), OPTIONS)
    # What is heard before anything is seen, or the reverse, is not taken.
    assert onset(reading) == pytest.approx(3.0 + sound - seconds, abs=0.01)
    found = numbers(reading)
    assert found == shown(seconds - picture, len(found))
    assert len(found) == round(2 * len(reading.samples) / RATE)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_sound_after_the_last_picture_is_not_taken(tmp_path: Path, suffix: str) -> None:
    path = film(tmp_path / f"a{suffix}", audio=beep(20.0, 3.0))
    reading = read(video(path), OPTIONS)
    assert len(reading.samples) / RATE == pytest.approx(8.0, abs=0.05)
    assert numbers(reading) == shown(0.0, 16)


def test_pictures_after_the_last_sound_are_not_taken(tmp_path: Path) -> None:
    reading = read(video(film(tmp_path / "a.mp4", audio=beep(6.0, 3.0))), OPTIONS)
    assert numbers(reading) == shown(0.0, 12)


def test_variable_frame_rates(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.9, 1.0, 1.3, 2.9, 3.0, 4.4, 4.5, 5.8, 6.0, 6.9]
    path = film(tmp_path / "a.mkv", video_times=times, seconds=7.0, audio=beep(7.0, 3.0))
    found = numbers(read(video(path), OPTIONS))
    wanted = [max(n for n, t in enumerate(times) if t <= (i + 0.5) / 2) for i in range(14)]
    assert found == wanted[: len(found)]
    assert len(found) >= 13


def _arrow(_: int) -> np.ndarray:
    """A picture that is white at its top left, black elsewhere."""
    picture = np.zeros((48, 96, 3), np.uint8)
    picture[:12, :24] = 255
    return picture


def test_pictures_are_upright_and_of_the_right_shape(tmp_path: Path) -> None:
    size = {"size": (96, 48), "draw": _arrow}
    for number, (turned, shape, corner) in enumerate(
        (
            ({}, (96, 48), (0, 0)),
            ({"rotation": 90}, (48, 96), (0, -1)),
            ({"rotation": 180}, (96, 48), (-1, -1)),
            ({"rotation": -90}, (48, 96), (-1, 0)),
            ({"sar": Fraction(3, 2)}, (144, 48), (0, 0)),
        )
    ):
        reading = read(video(film(tmp_path / f"{number}.mp4", **size, **turned)), OPTIONS)
        first = opened(reading)[0]
        assert first.size == shape, turned
        grey = np.asarray(first.convert("L"))
        column, row = corner
        assert grey[row, column] > 200, turned
        assert (grey > 128).mean() < 0.1


def test_channels_become_their_mean(tmp_path: Path) -> None:
    samples = tone(7.0, rate=RATE, channels=6)
    track = {"audio": samples, "rate": RATE, "audio_codec": "flac", "seconds": 7.0}
    reading = read(video(film(tmp_path / "a.mkv", **track)), OPTIONS)
    mean = 32768 * samples.mean(axis=0)
    np.testing.assert_allclose(reading.samples, mean[: len(reading.samples)], atol=2.0)


def test_a_hole_in_the_picture_is_covered_by_its_neighbour(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    corrupt_packets(path, 0, [15, 16])
    found = numbers(read(video(path), OPTIONS))
    assert all(abs(a - b) <= 5 for a, b in zip(found, shown(0.0, 16), strict=True))
    assert found[0] == shown(0.0, 1)[0]
    assert found[-1] == shown(0.0, 16)[-1]


def _without_pictures(path: Path) -> Path:
    film(path)
    corrupt_packets(path, 0, range(5, 40))
    return path


def _one_picture(path: Path) -> Path:
    return film(path.with_suffix(".mkv"), video_times=[0.0, 7.9])


def _holes(path: Path) -> Path:
    track = Track(tone(8.0), codec="flac", holes=[(3.0, 3.5)])
    return film(path.with_suffix(".mkv"), audio_track=track)


def _not_a_number(path: Path) -> Path:
    samples = tone(8.0)
    samples[0, 100_000] = np.nan
    return film(path.with_suffix(".mkv"), audio=samples, audio_codec="pcm_f32le")


def _text(path: Path) -> Path:
    path.write_text("not a video")
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: film(path, audio=0 * tone(8.0)), ("silent", "-180 dB")),
        (lambda path: film(path, audio=tone(8.0) * 0.002), ("silent",)),
        (lambda path: film(path, audio=tone(5.0)), ("too short", "5.0", f"{SHORTEST}")),
        (lambda path: film(path, with_audio=False), ("no sound",)),
        (lambda path: film(path, with_video=False), ("no video",)),
        (_without_pictures, ("picture", "stands still or is damaged")),
        (_one_picture, ("picture", "stands still")),
        (_holes, ("0.5 s of its sound",)),
        (_not_a_number, ("no numbers",)),
        (_text, ()),
        (lambda path: path, ("no such file",)),
    ],
)
def test_videos_that_teach_nothing_are_refused(
    tmp_path: Path, make: Callable[[Path], Path], words: tuple[str, ...]
) -> None:
    refused(video(make(tmp_path / "a.mp4")), *words)


def test_a_short_hole_in_the_sound_is_borne(tmp_path: Path) -> None:
    track = Track(tone(30.0), codec="flac", holes=[(3.0, 3.1)])
    path = film(tmp_path / "a.mkv", audio_track=track, seconds=30.0)
    reading = read(video(path), OPTIONS)
    assert len(reading.samples) / RATE == pytest.approx(30.0, abs=0.05)
    assert not reading.samples[round(3.12 * RATE)]


def test_solos_are_measured_against_their_list(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", tone(7.0, rate=16_000, channels=1))
    for stated in (None, 6.6, 7.4):
        reading = read(solo(path, stated), OPTIONS)
        assert abs(len(reading.samples) - 7 * RATE) <= 2
        assert (reading.pictures, reading.samples.dtype) == ((), np.int16)
    refused(solo(path, 14.0), "7.00 s", "14.00 s")
    refused(solo(path, float("nan")), "7.00 s")
    refused(solo(wav(tmp_path / "b.wav", tone(2.0, rate=16_000)), 2.0), "too short")
    refused(solo(wav(tmp_path / "c.wav", tone(7.0, rate=16_000) * 1e-3), 7.0), "silent")
    refused(solo(tmp_path / "gone.wav"), "no such file")
    samples = tone(7.0, rate=16_000, channels=1)
    samples[0, 50_000] = np.inf
    refused(solo(wav(tmp_path / "d.wav", samples)), "no numbers")


def test_loud_sounds_are_clipped_not_wrapped(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", 3 * tone(7.0, rate=RATE, channels=1), RATE)
    samples = read(solo(path), OPTIONS).samples
    wave = 1.5 * np.sin(2 * np.pi * 440 * np.arange(len(samples)) / RATE)
    np.testing.assert_allclose(samples / 32768, np.clip(wave, -1, 1), atol=1e-3)


def frames(folder: Path, count: int, name: str = "{:06d}.jpg") -> Path:
    """Write pictures like those of `make_video`, numbered from 1."""
    folder.mkdir()
    for number in range(count):
        grey = np.full((60, 80, 3), grey_level(number), np.uint8)
        Image.fromarray(grey).save(folder / name.format(number + 1))
    return folder


@pytest.mark.parametrize("name", ["{:06d}.jpg", "frame{}.png"])
def test_listed_pictures_are_taken_in_the_order_of_their_numbers(tmp_path: Path, name: str) -> None:
    sound = wav(tmp_path / "a.wav", tone(7.0, rate=16_000, channels=1))
    folder = frames(tmp_path / "frames", 14, name)
    (folder / "notes.txt").write_text("no picture")
    reading = read(pair(sound, folder, 14), OPTIONS)
    assert (numbers(reading), reading.frame_rate) == (list(range(14)), 2.0)
    assert {picture.size for picture in opened(reading)} == {(64, 48)}
    # Only what is both heard and seen is taken.
    assert len(read(pair(sound, folder, frame_rate=2.2), OPTIONS).samples) == round(14 / 2.2 * RATE)
    assert len(read(pair(sound, folder, frame_rate=1.5), OPTIONS).pictures) == 10


def test_listed_recordings_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    sound = wav(tmp_path / "a.wav", tone(7.0, rate=16_000, channels=1))
    folder = frames(tmp_path / "frames", 14)
    (tmp_path / "empty").mkdir()
    refused(pair(sound, folder, 15), "15", "14")
    refused(pair(sound, tmp_path / "empty"), "no pictures")
    refused(pair(sound, folder, frame_rate=8.0), "too short")
    refused(pair(tmp_path / "gone.mp3", folder), "no such file")
    with pytest.raises(InputError, match="gone"):
        read(pair(sound, tmp_path / "gone"), OPTIONS)
    broken = folder / "000005.jpg"
    broken.write_bytes(broken.read_bytes()[:400])
    with pytest.raises(InputError, match=r"000005\.jpg"):
        read(pair(sound, folder), OPTIONS)


def test_photographs_are_small_and_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    big = np.zeros((900, 2000, 3), np.uint8)
    big[:200, :200] = 255
    Image.fromarray(big).save(tmp_path / "big.jpg", exif=exif)
    Image.fromarray(big[:30, :20]).save(tmp_path / "tiny.png")
    Image.fromarray(big[:100]).convert("P").save(tmp_path / "long.gif")
    (turned,) = opened(read(photo(tmp_path / "big.jpg"), OPTIONS))
    assert (turned.size, turned.format) == ((48, 107), "JPEG")
    grey = np.asarray(turned.convert("L"))
    assert grey[4, -5] > 200
    assert grey[4, 4] < 50
    sizes = [opened(read(photo(tmp_path / n), OPTIONS))[0].size for n in ("tiny.png", "long.gif")]
    assert sizes == [(48, 72), (192, 48)]


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda _: b"", lambda _: b"\x89PNG\r\n\x1a\nno"],
)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".gif", ".tiff", ".webp"])
def test_broken_photographs_are_refused(
    tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes]
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    file = tmp_path / f"a{suffix}"
    Image.fromarray(noise).save(file)
    file.write_bytes(damage(file.read_bytes()))
    refused(photo(file), "picture")


def test_a_reading_survives_the_file(tmp_path: Path) -> None:
    samples = np.arange(-5, 5, dtype=np.int16)
    for pictures in ((), (b"one",), (b"one", b"", b"three")):
        Reading(samples, pictures, 2.5).save(tmp_path / "part")
        found = Reading.load(tmp_path / "part")
        np.testing.assert_array_equal(found.samples, samples)
        assert (found.pictures, found.frame_rate) == (pictures, 2.5)
