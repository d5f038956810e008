"""From sources to one dataset: whole, repeatable, resumable."""

import errno
import os
import shutil
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from PIL import Image

from pixelmix.data.dataset import INDEX, PICTURES, SOUND, Dataset
from pixelmix.data.prepare import Options, Progress, Summary, prepare
from pixelmix.data.store import DatasetWriter
from pixelmix.errors import InputError, OutputError
from pixelmix.media.wav import WavWriter
from tests.media_files import make_video, tone

OPTIONS = Options(rate=8_000, side=32, frame_rate=1.0, list_frame_rate=1.0, val=0.0)
SECONDS = 6.5
FILES = (SOUND, PICTURES, "pictures.npy", INDEX)


def film(path: Path, frequency: float = 440.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = tone(SECONDS, rate=16_000, channels=1, frequency=frequency)
    return make_video(path, seconds=SECONDS, fps=2, audio=sound, rate=16_000)


def wav(path: Path, frequency: float = 440.0, seconds: float = SECONDS, gain: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with WavWriter(path, 16_000, 1) as writer:
        writer.write(gain * tone(seconds, rate=16_000, channels=1, frequency=frequency))
    return path


def picture(path: Path, grey: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (48, 36), (grey, grey, grey)).save(path)
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make videos, a list with its files, and a kit; leave them unchanged."""
    store = tmp_path_factory.mktemp("store")
    film(store / "videos" / "harp" / "a.mp4", 300.0)
    film(store / "videos" / "val" / "tuba" / "b.mkv", 100.0)
    (store / "videos" / "bad.mp4").write_text("no video")
    for number in range(1, 8):
        picture(store / "music" / "frames" / "c.mp4" / f"{number:06d}.jpg", 20 * number)
    wav(store / "music" / "audio" / "cello" / "c.wav", 200.0)
    (store / "music" / "test.csv").write_text(
        "audio/cello/c.wav,frames/c.mp4,7\naudio/cello/d.wav,frames/d.mp4,7\nalone\n"
    )
    wav(store / "kit" / "drum.wav", 60.0)
    wav(store / "kit" / "quiet.wav", gain=1e-4)
    (store / "kit" / "solos.csv").write_text(
        "path,class,split,seconds\ndrum.wav,drum,train,6.5\nquiet.wav,drum,train,6.5\n"
    )
    picture(store / "kit" / "drum.png", 100)
    picture(store / "kit" / "hall.png", 200)
    (store / "kit" / "pictures.csv").write_text(
        "path,class,split\ndrum.png,drum,train\nhall.png,_background,train\n"
    )
    return store


def sources(store: Path) -> list[Path]:
    return [store / "videos", store / "music" / "test.csv", store / "kit"]


@pytest.fixture(scope="module")
def made(store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    target = tmp_path_factory.mktemp("made") / "set"
    return target, prepare(sources(store), target, OPTIONS)


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def left(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_everything_is_in_it_and_what_is_not_is_named(made: tuple[Path, Summary]) -> None:
    target, summary = made
    dataset = Dataset.open(target)
    assert [(row.name, row.kind, row.split, row.pictures) for row in dataset.sounds] == [
        ("videos/harp/a.mp4", "harp", "train", 6),
        ("videos/val/tuba/b.mkv", "tuba", "val", 6),
        ("music/audio/cello/c.wav", "cello", "test", 6),
        ("kit/drum.wav", "drum", "train", 0),
    ]
    assert [(row.name, row.kind) for row in dataset.stills] == [
        ("kit/drum.png", "drum"), ("kit/hall.png", "_background"),
    ]  # fmt: skip
    reasons = {row.name: row.reason for row in dataset.left_out}
    assert list(reasons) == [
        "videos/bad.mp4", "music/audio/cello/d.wav", "music/test.csv, row 3", "kit/quiet.wav",
    ]  # fmt: skip
    assert "silent" in reasons["kit/quiet.wav"]
    assert "no such file" in reasons["music/audio/cello/d.wav"].lower()
    assert (summary.added, summary.sounds, summary.pictures) == (6, 4, 20)
    assert summary.seconds == pytest.approx(4 * SECONDS, abs=0.5)
    assert summary.splits == {"test": 1, "train": 2, "val": 1}
    assert summary.left_out == dataset.left_out
    assert [(row.kind, row.sounds, row.pictures) for row in summary.kinds] == [
        ("_background", 0, 1), ("cello", 1, 6), ("drum", 1, 1), ("harp", 1, 6), ("tuba", 1, 6),
    ]  # fmt: skip
    assert left(target) == {*FILES, "journal.jsonl"}


@pytest.mark.parametrize(
    ("name", "frequency"), [("a.mp4", 300.0), ("b.mkv", 100.0), ("c.wav", 200.0), ("m.wav", 60.0)]
)
def test_every_sound_has_its_own_samples(
    made: tuple[Path, Summary], name: str, frequency: float
) -> None:
    dataset = Dataset.open(made[0])
    (sound,) = (row for row in dataset.sounds if row.name.endswith(name))
    wave = dataset.samples(sound, 0, dataset.rate)
    loudest = int(np.argmax(np.abs(np.fft.rfft(wave * np.hanning(len(wave))))))
    assert abs(loudest - frequency) <= 1


def test_pictures_go_with_their_sounds(made: tuple[Path, Summary]) -> None:
    dataset = Dataset.open(made[0])
    cello = dataset.sounds[2]
    assert cello.frame_rate == 1.0
    levels = [dataset.picture(cello.first_picture + i).mean() for i in range(6)]
    np.testing.assert_allclose(levels, 20 * np.arange(1, 7), atol=2)
    np.testing.assert_allclose(
        [dataset.picture(row.picture).mean() for row in dataset.stills], [100, 200], atol=2
    )
    assert dataset.picture(0).shape == (32, 43, 3)


def test_the_dataset_does_not_depend_on_the_jobs(
    store: Path, made: tuple[Path, Summary], tmp_path: Path
) -> None:
    options = Options(rate=8_000, side=32, frame_rate=1.0, list_frame_rate=1.0, val=0.0, jobs=3)
    prepare(sources(store), tmp_path / "set", options)
    assert content(tmp_path / "set") == content(made[0])


def test_a_finished_dataset_is_left_as_it_is(
    store: Path, made: tuple[Path, Summary], tmp_path: Path
) -> None:
    target = shutil.copytree(made[0], tmp_path / "set")
    before = {file: file.stat().st_mtime_ns for file in target.iterdir()}
    seen: list[Progress] = []
    summary = prepare(sources(store), target, OPTIONS, seen.append)
    assert seen == [Progress(10, 10)]
    assert summary == Summary(**{**_fields(made[1]), "added": 0})  # type: ignore[arg-type]
    assert {file: file.stat().st_mtime_ns for file in target.iterdir() if file in before} == before


def _fields(summary: Summary) -> dict[str, object]:
    return {name: getattr(summary, name) for name in Summary.__dataclass_fields__}


@pytest.mark.parametrize(("stop", "taken"), [(1, 0), (4, 3)])
def test_an_interrupted_preparation_goes_on(
    store: Path, made: tuple[Path, Summary], tmp_path: Path, stop: int, taken: int
) -> None:
    def interrupt(at: Progress) -> None:
        if at.done == stop:
            raise KeyboardInterrupt

    target = tmp_path / "set"
    with pytest.raises(KeyboardInterrupt):
        prepare(sources(store), target, OPTIONS, interrupt)
    assert left(target) == {SOUND, PICTURES, "journal.jsonl"}
    with pytest.raises(InputError, match="no finished dataset"):
        Dataset.open(target)
    seen: list[Progress] = []
    summary = prepare(sources(store), target, OPTIONS, seen.append)
    assert seen == [Progress(done, 10) for done in range(stop, 11)]
    assert summary.added == 6 - taken
    assert content(target) == content(made[0])


def test_a_dataset_grows(tmp_path: Path) -> None:
    videos, target = tmp_path / "videos", tmp_path / "set"
    film(videos / "a.mp4")
    bad, worse = videos / "bad.mp4", videos / "worse.mp4"
    for file in (bad, worse):
        file.write_text("no video")
    first = prepare([videos], target, OPTIONS)
    assert (first.added, [row.name for row in first.left_out]) == (
        1, ["videos/bad.mp4", "videos/worse.mp4"],
    )  # fmt: skip
    # What was left out is tried again when it has changed; what was taken is not.
    film(bad)
    film(videos / "b.mp4")
    os.utime(videos / "a.mp4", ns=(1, 1))
    second = prepare([videos], target, OPTIONS)
    assert (second.added, second.changed) == (2, ("videos/a.mp4",))
    assert [row.name for row in second.left_out] == ["videos/worse.mp4"]
    assert [row.name for row in Dataset.open(target).sounds] == [
        "videos/a.mp4", "videos/b.mp4", "videos/bad.mp4",
    ]  # fmt: skip
    with pytest.raises(InputError, match="rate 8000, side 32"):
        prepare([videos], target, Options(rate=8_000, side=64))


def test_nothing_usable_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    with pytest.raises(InputError, match=r"none.*bad\.mp4"):
        prepare([tmp_path], tmp_path / "set", OPTIONS)


def test_a_full_disk_is_said_and_what_is_done_is_kept(
    store: Path, made: tuple[Path, Summary], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "set"
    write, calls = DatasetWriter._append, []

    def append(self: DatasetWriter, file: BinaryIO, size: int, content: bytes) -> None:
        calls.append(size)
        if len(calls) == 6:
            file.write(content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, file, size, content)

    with monkeypatch.context() as patch:
        patch.setattr(DatasetWriter, "_append", append)
        with pytest.raises(OutputError, match="No space left"):
            prepare(sources(store), target, OPTIONS)
    assert left(target) == {SOUND, PICTURES, "journal.jsonl"}
    summary = prepare(sources(store), target, OPTIONS)
    assert 0 < summary.added < 6
    assert content(target) == content(made[0])
