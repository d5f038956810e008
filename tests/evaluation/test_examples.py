from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pixelmix.data.dataset import SCENES, Dataset, Sound
from pixelmix.data.store import DatasetWriter, Settings
from pixelmix.errors import InputError
from pixelmix.evaluation.examples import LEVEL, Example, Pool, draw
from tests.data.tiny_dataset import KINDS, RATE, jpeg, make_dataset, tone
from tests.tiny_model import FRONT_END, VISION


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("videos"), videos=True)


def drawn(
    dataset: Dataset,
    sources: int = 2,
    count: int = 6,
    seed: int = 0,
    *,
    same_kind: bool = False,
    split: str = "val",
) -> tuple[Example, ...]:
    return draw(
        dataset, split, FRONT_END, VISION,
        sources=sources, same_kind=same_kind, count=count, seed=seed,
    )  # fmt: skip


def assert_equal(first: Example, second: Example) -> None:
    assert first.names == second.names
    np.testing.assert_array_equal(first.waves, second.waves)
    for these, those in zip(first.frames, second.frames, strict=True):
        np.testing.assert_array_equal(np.stack(these), np.stack(those))


def recording(name: str, kind: str = "", split: str = "val", frame_rate: float = 1.0) -> Sound:
    return Sound(
        name=name, kind=kind, split=split, source="made", licence="CC0",
        start=0, samples=0, frame_rate=frame_rate,
    )  # fmt: skip


def test_the_same_arguments_give_the_same_examples(kit: Dataset) -> None:
    for first, second in zip(drawn(kit), drawn(kit), strict=True):
        assert_equal(first, second)
    assert [e.names for e in drawn(kit)] != [e.names for e in drawn(kit, seed=1)]


def test_more_examples_begin_with_the_same(kit: Dataset) -> None:
    for first, second in zip(drawn(kit, count=2), drawn(kit, count=5)[:2], strict=True):
        assert_equal(first, second)


@pytest.mark.parametrize("sources", [2, 3, 4])
def test_sources_are_of_different_kinds_and_equal_power(kit: Dataset, sources: int) -> None:
    for example in drawn(kit, sources):
        assert len(set(example.kinds)) == sources
        assert example.waves.shape == (sources, FRONT_END.window_samples)
        np.testing.assert_allclose(np.sqrt(np.mean(example.waves**2, axis=1)), LEVEL, rtol=1e-4)
        np.testing.assert_allclose(example.mixture, example.waves.sum(axis=0))


def test_every_kind_is_drawn(kit: Dataset) -> None:
    assert {kind for example in drawn(kit, count=12) for kind in example.kinds} == set(KINDS)


def test_the_same_kind_means_different_recordings_and_pictures(kit: Dataset) -> None:
    for example in drawn(kit, same_kind=True):
        assert len(set(example.kinds)) == 1
        assert len(set(example.names)) == 2


def test_stills_are_of_the_kind_and_the_split(kit: Dataset) -> None:
    pool = Pool(kit, "val", FRONT_END, VISION)
    splits = {still.picture: (still.kind, still.split) for still in kit.stills}
    for kind in KINDS:
        clip = pool.clip(pool.groups[kind][0], np.random.default_rng(0))
        assert clip is not None
        assert len(clip.pictures) == VISION.frames_per_window
        assert {splits[picture] for picture in clip.pictures} == {(kind, "val")}
        # There are two of them: both are shown before one is shown again.
        assert len(set(clip.pictures)) == 2


def test_stills_already_taken_are_left_to_the_others(kit: Dataset) -> None:
    pool = Pool(kit, "val", FRONT_END, VISION)
    first, second = (still.picture for still in pool.stills["bell"])
    assert set(pool.drawn_stills("bell", np.random.default_rng(0), [first])) == {second}
    assert set(pool.drawn_stills("bell", np.random.default_rng(0), [first, second])) != set()


def test_own_pictures_are_those_around_the_middle_of_the_window(videos: Dataset) -> None:
    pool = Pool(videos, "val", FRONT_END, VISION)
    sound = pool.groups["horn"][0]
    clip = pool.clip(sound, np.random.default_rng(0))
    assert clip is not None
    middle = (clip.first + FRONT_END.window_samples / 2) / RATE
    shown = [(picture - sound.first_picture + 0.5) / sound.frame_rate for picture in clip.pictures]
    wanted = [middle - 3.0, middle, middle + 3.0]
    last = sound.pictures / sound.frame_rate - 0.5
    np.testing.assert_allclose(shown, np.clip(wanted, 0.5, last), atol=0.5)


def test_a_sound_a_little_too_short_is_filled_up_with_silence(tmp_path: Path) -> None:
    lengths = {"nearly": 0.92, "whole": 1.5, "short": 0.8}
    with DatasetWriter(tmp_path / "d", Settings(RATE, 64)) as writer:
        for name, share in lengths.items():
            seconds = share * FRONT_END.window_samples / RATE
            writer.add_sound(recording(name), tone(200, seconds), [jpeg((90, 90, 90))] * 3)
        dataset = writer.finish()
    (example,) = drawn(dataset, count=1)
    assert set(example.names) == {"nearly", "whole"}
    nearly = example.waves[example.names.index("nearly")]
    end = int(0.92 * FRONT_END.window_samples) + 1
    assert np.all(nearly[end:] == 0)
    assert np.any(nearly[end - 1000 : end] != 0)


def test_recordings_of_unknown_kind_count_as_different(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "d", Settings(RATE, 64)) as writer:
        for name in "abc":
            writer.add_sound(recording(name), tone(200, 7.0), [jpeg((90, 90, 90))] * 7)
        dataset = writer.finish()
    pool = Pool(dataset, "val", FRONT_END, VISION)
    assert (pool.most(same_kind=False), pool.most(same_kind=True)) == (3, 1)
    assert pool.known_kinds == ()
    for example in drawn(dataset, 3, count=2):
        assert set(example.names) == set("abc")
        assert example.kinds == ("", "", "")
        assert pool.absent(example, np.random.default_rng(0)) is None
    for example in drawn(dataset, 2, count=2):
        assert pool.absent(example, np.random.default_rng(0)) is not None


def test_silence_is_not_taken(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path / "d", Settings(RATE, 64)) as writer:
        # Ten windows of silence, then one that sounds.
        late = np.concatenate([np.zeros(RATE * 60, np.int16), tone(300, 7.0)])
        for name, samples in (("late", late), ("ever", tone(200, 7.0))):
            writer.add_sound(recording(name), samples, [jpeg((90, 90, 90))] * 7)
        writer.add_sound(
            recording("mute", split="test"), np.zeros(RATE * 7, np.int16), [jpeg((9, 9, 9))]
        )
        writer.add_sound(recording("heard", split="test"), tone(200, 7.0), [jpeg((90, 90, 90))] * 7)
        dataset = writer.finish()
    for example in drawn(dataset, count=4):
        assert np.abs(example.waves).max(axis=1).min() > LEVEL
    with pytest.raises(InputError, match="nearly silent"):
        drawn(dataset, split="test")


def test_what_is_absent_is_of_another_kind_or_a_scene(kit: Dataset) -> None:
    pool = Pool(kit, "val", FRONT_END, VISION)
    kinds = {kit.picture(s.picture).tobytes(): s.kind for s in kit.stills if s.split == "val"}
    for sources in (2, 4):
        for example in drawn(kit, sources, count=4):
            pictures = pool.absent(example, np.random.default_rng(1))
            assert pictures is not None
            shown = {kinds[picture.tobytes()] for picture in pictures}
            assert shown.isdisjoint(example.kinds)
            assert (shown == {SCENES}) == (sources == 4)


def test_what_cannot_be_drawn_is_said(kit: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="split 'test'; choose from: train, val"):
        drawn(kit, split="test")
    with pytest.raises(InputError, match="no 5 different kinds"):
        drawn(kit, 5)
    with pytest.raises(InputError, match="no 3 sounds of one kind"):
        drawn(kit, 3, same_kind=True)
    fast = replace(FRONT_END, rate=22_050)
    with pytest.raises(InputError, match="11025 Hz and the model needs 22050 Hz"):
        Pool(kit, "val", fast, VISION)
    long = replace(FRONT_END, window_samples=20 * RATE)
    with pytest.raises(InputError, match=r"has the model's 20\.0 s"):
        Pool(kit, "val", long, VISION)
    with DatasetWriter(tmp_path / "d", Settings(RATE, 64)) as writer:
        writer.add_sound(recording("a", kind="bell"), tone(200, 7.0))
        unseen = writer.finish()
    with pytest.raises(InputError, match="has pictures, or stills of its kind"):
        Pool(unseen, "val", FRONT_END, VISION)
