"""Reading datasets back."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pixelmix.data.dataset import ENDS, INDEX, PICTURES, SCENES, SOUND, Dataset
from pixelmix.errors import InputError
from tests.data.tiny_dataset import KINDS, RATE, make_dataset, tone


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("videos"), videos=True)


def test_what_there_is(dataset: Dataset) -> None:
    assert (dataset.rate, dataset.side, dataset.kinds) == (RATE, 64, KINDS)
    assert {row.split for row in dataset.split("val")} == {"val"}
    assert len(dataset.split("train")) + len(dataset.split("val")) == len(dataset.sounds)
    assert dataset.split("test") == ()


def test_samples_are_zero_after_the_end(dataset: Dataset) -> None:
    sound = dataset.sounds[1]
    wave = tone(150.0 * 1.06, 8.0, 1)
    np.testing.assert_allclose(dataset.samples(sound, 0, len(wave)), wave / 32768, atol=1e-7)
    tail = dataset.raw_samples(sound, sound.samples - 10, 30)
    np.testing.assert_array_equal(tail, [*wave[-10:], *np.zeros(20, int)])
    assert not dataset.samples(sound, sound.samples + 99, 5).any()
    with pytest.raises(ValueError, match="first"):
        dataset.samples(sound, -1, 5)


def test_the_picture_of_a_moment(dataset: Dataset) -> None:
    sound = dataset.sounds[2]
    for seconds, place in ((-1.0, 0), (0.0, 0), (0.99, 0), (1.0, 1), (7.5, 7), (99.0, 7)):
        assert dataset.picture_at(sound, seconds) == sound.first_picture + place
    assert min(dataset.picture(sound.first_picture).shape[:2]) == dataset.side


def test_a_kit_has_stills_and_scenes(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    assert {row.kind for row in dataset.stills} == {*KINDS, SCENES}
    with pytest.raises(ValueError, match="no pictures"):
        dataset.picture_at(dataset.sounds[0], 0.0)


def _cut(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return damage


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _changed(field: str, value: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        index = json.loads((folder / INDEX).read_text())
        index["sounds"][0][field] = value
        (folder / INDEX).write_text(json.dumps(index))

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        *(_cut(name) for name in (INDEX, SOUND, PICTURES, ENDS)),
        *(_without(name) for name in (INDEX, SOUND, PICTURES, ENDS)),
        _changed("samples", -4),
        _changed("start", "0"),
        _changed("pictures", 10_000),
        lambda folder: (folder / INDEX).write_text('{"format": 99}'),
        lambda folder: (folder / INDEX).write_text("[]"),
    ],
)
def test_a_damaged_dataset_is_one_clear_error(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    make_dataset(tmp_path / "set", videos=True, seconds=1.0)
    damage(tmp_path / "set")
    with pytest.raises(InputError, match="prepare") as caught:
        Dataset.open(tmp_path / "set")
    assert "\n" not in str(caught.value)


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    make_dataset(tmp_path, videos=True, seconds=1.0)
    data = (tmp_path / PICTURES).read_bytes()
    (tmp_path / PICTURES).write_bytes(b"\0" * 100 + data[100:])
    with pytest.raises(InputError, match="picture 0 is damaged"):
        Dataset.open(tmp_path).picture(0)
