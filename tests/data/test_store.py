"""Writing datasets: what is added comes back, and nothing that happens in between spoils it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.data.dataset import INDEX, PICTURES, SOUND, Dataset, LeftOut, Sound, Still
from pixelmix.data.store import JOURNAL, DatasetWriter, Settings
from pixelmix.errors import InputError, OutputError
from tests.data.tiny_dataset import jpeg

SETTINGS = Settings(8_000, 64)
FILES = (SOUND, PICTURES, "pictures.npy", INDEX)


def sound(name: str, frame_rate: float = 0.0) -> Sound:
    return Sound(
        name=name, kind="bell", split="train", source="made", licence="CC0", start=7, samples=7,
        first_picture=7, pictures=7, frame_rate=frame_rate,
    )  # fmt: skip


def still(name: str) -> Still:
    return Still(name=name, kind="bell", split="val", source="", licence="", picture=9)


def samples(number: int, length: int = 100) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.random.default_rng(number).integers(-32768, 32768, length).astype(np.int16)


def colour(number: int) -> bytes:
    return jpeg((10 * number, 200 - 10 * number, 90))


def add(writer: DatasetWriter, number: int) -> None:
    """Add source `number`: a video, a still or one that is left out."""
    name = f"take-{number}"
    if name in writer.done:
        return
    if number % 3 == 0:
        pictures = [colour(number + i) for i in range(number + 1)]
        writer.add_sound(sound(name, 2.0), samples(number), pictures, f"stamp {number}")
    elif number % 3 == 1:
        writer.add_still(still(name), colour(number), f"stamp {number}")
    else:
        writer.leave_out(LeftOut(name=name, reason="bad"), f"stamp {number}")


def make(folder: Path, count: int) -> Dataset:
    with DatasetWriter(folder, SETTINGS) as writer:
        for number in range(count):
            add(writer, number)
        return writer.finish()


def interrupted(folder: Path, stop: int) -> None:
    with DatasetWriter(folder, SETTINGS) as writer:
        for number in range(stop):
            add(writer, number)
        raise KeyboardInterrupt


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


@given(lengths=st.lists(st.integers(0, 50), min_size=1, max_size=6))
@settings(max_examples=20, deadline=None)
def test_sounds_come_back(tmp_path_factory: pytest.TempPathFactory, lengths: list[int]) -> None:
    folder = tmp_path_factory.mktemp("set")
    with DatasetWriter(folder, SETTINGS) as writer:
        for number, length in enumerate([*lengths, 1]):
            writer.add_sound(sound(str(number)), samples(number, length))
        dataset = writer.finish()
    assert [row.samples for row in dataset.sounds] == [*lengths, 1]
    for number, row in enumerate(dataset.sounds):
        np.testing.assert_array_equal(
            dataset.raw_samples(row, 0, row.samples), samples(number, row.samples)
        )


def test_pictures_and_rows_come_back(tmp_path: Path) -> None:
    dataset = make(tmp_path, 7)
    assert [row.name for row in dataset.sounds] == ["take-0", "take-3", "take-6"]
    assert [row.name for row in dataset.stills] == ["take-1", "take-4"]
    assert dataset.left_out == (
        LeftOut(name="take-2", reason="bad"), LeftOut(name="take-5", reason="bad"),
    )  # fmt: skip
    assert [row.pictures for row in dataset.sounds] == [1, 4, 7]
    for row in dataset.sounds:
        number = int(row.name[-1])
        for i in range(row.pictures):
            shown = dataset.picture(row.first_picture + i)
            assert abs(int(shown[40, 40, 0]) - 10 * (number + i)) < 4
    assert abs(int(dataset.picture(dataset.stills[1].picture)[40, 40, 0]) - 40) < 4


def test_a_stopped_run_goes_on_to_the_same_dataset(tmp_path: Path) -> None:
    make(tmp_path / "whole", 8)
    for stop in (1, 4, 7):
        folder = tmp_path / f"stopped-{stop}"
        with pytest.raises(KeyboardInterrupt):
            interrupted(folder, stop)
        with DatasetWriter(folder, SETTINGS) as writer:
            assert writer.done == {f"take-{number}" for number in range(stop)}
            assert writer.stamps == {f"take-{number}": f"stamp {number}" for number in range(stop)}
        make(folder, 8)
        assert content(folder) == content(tmp_path / "whole")


def _half_a_line(folder: Path) -> None:
    with (folder / JOURNAL).open("ab") as file:
        file.write(b'{"still": {"na')


def _data_without_a_line(folder: Path) -> None:
    for name in (SOUND, PICTURES):
        with (folder / name).open("ab") as file:
            file.write(b"half of something" * 1000)


def _nonsense_in_the_middle(folder: Path) -> None:
    lines = (folder / JOURNAL).read_bytes().split(b"\n")
    lines[3] = lines[3][:10] + b"\0" * 20
    (folder / JOURNAL).write_bytes(b"\n".join(lines))


def _a_line_of_another_kind(folder: Path) -> None:
    lines = (folder / JOURNAL).read_bytes().split(b"\n")
    lines[2] = json.dumps({**json.loads(lines[2]), "ends": ["a"]}).encode()
    (folder / JOURNAL).write_bytes(b"\n".join(lines))


def _lost_sound(folder: Path) -> None:
    data = (folder / SOUND).read_bytes()
    (folder / SOUND).write_bytes(data[: len(data) - 50])


def _lost_pictures(folder: Path) -> None:
    (folder / PICTURES).unlink()


DAMAGE = [
    _half_a_line, _data_without_a_line, _nonsense_in_the_middle, _a_line_of_another_kind,
    _lost_sound, _lost_pictures,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_a_crash_leaves_is_mended(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    make(tmp_path / "whole", 8)
    folder = tmp_path / "crashed"
    with DatasetWriter(folder, SETTINGS) as writer:
        for number in range(7):
            add(writer, number)
    damage(folder)
    make(folder, 8)
    assert content(folder) == content(tmp_path / "whole")


@pytest.mark.parametrize("damage", DAMAGE[2:])
def test_a_finished_dataset_is_never_cut(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    make(tmp_path, 7)
    damage(tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(InputError, match="new folder"):
        DatasetWriter(tmp_path, SETTINGS)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("damage", DAMAGE[:2])
def test_a_finished_dataset_can_be_added_to(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    make(tmp_path / "whole", 9)
    make(tmp_path / "grown", 7)
    damage(tmp_path / "grown")
    # It can be read while more is added.
    with DatasetWriter(tmp_path / "grown", SETTINGS) as writer:
        add(writer, 7)
        assert len(Dataset.open(tmp_path / "grown").stills) == 2
    make(tmp_path / "grown", 9)
    assert content(tmp_path / "grown") == content(tmp_path / "whole")


def test_what_was_left_out_may_be_taken_later(tmp_path: Path) -> None:
    make(tmp_path, 6)
    with DatasetWriter(tmp_path, SETTINGS) as writer:
        assert writer.left_out == {"take-2", "take-5"}
        writer.add_still(still("take-2"), colour(2), "mended")
        with pytest.raises(ValueError, match="take-1"):
            writer.add_still(still("take-1"), colour(2))
        writer.leave_out(LeftOut(name="take-5", reason="worse"), "other")
        writer.finish()
    with DatasetWriter(tmp_path, SETTINGS) as writer:
        assert writer.left_out == {"take-5"}
        assert (writer.stamps["take-2"], writer.stamps["take-5"]) == ("mended", "other")
        dataset = writer.finish()
    assert [row.reason for row in dataset.left_out] == ["worse"]
    assert [row.name for row in dataset.stills] == ["take-1", "take-4", "take-2"]


def test_two_writers_do_not_mix_their_data(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path, SETTINGS) as one, DatasetWriter(tmp_path, SETTINGS) as other:
        add(one, 0)
        with pytest.raises(OutputError, match="at a time"):
            add(other, 3)
        add(one, 3)
        assert [row.name for row in one.finish().sounds] == ["take-0", "take-3"]


def test_other_folders_and_settings_are_refused(tmp_path: Path) -> None:
    make(tmp_path / "set", 3)
    for other in (Settings(11_025, 64), Settings(8_000, 128)):
        with pytest.raises(InputError, match="rate 8000, side 64"):
            DatasetWriter(tmp_path / "set", other)
    (tmp_path / "set" / JOURNAL).unlink()
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("precious")
    for name in ("set", "papers"):
        with pytest.raises(InputError, match="new folder"):
            DatasetWriter(tmp_path / name, SETTINGS)
    assert [file.name for file in (tmp_path / "papers").iterdir()] == ["thesis.txt"]
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OutputError, match="file"):
        DatasetWriter(tmp_path / "file", SETTINGS)


def test_without_sounds_there_is_no_dataset(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path, SETTINGS) as writer:
        writer.leave_out(LeftOut(name="a.mp4", reason="silent"))
        with pytest.raises(InputError, match=r"a\.mp4: silent"):
            writer.finish()
    assert not (tmp_path / INDEX).exists()
