import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pixelmix.data.dataset import SCENES, Dataset, Sound
from pixelmix.data.store import DatasetWriter, Settings
from pixelmix.errors import InputError
from pixelmix.train.features import Features
from pixelmix.train.looks import Pictures
from pixelmix.train.mixtures import Batch, Mixer, Source, batches
from pixelmix.train.recipe import Recipe
from tests.data.tiny_dataset import KINDS, RATE, jpeg, make_dataset, tone
from tests.train.tiny_recipe import TINY, TUNED

SCENE, UNKNOWN = len(KINDS), -1
AS_RECORDED = replace(
    TINY,
    speed_probability=0.0,
    room_probability=0.0,
    full_from=0.0,
    clutter=0.0,
)
"""Crops show which recording they are of, looks which picture."""


def source(dataset: Dataset, recipe: Recipe, features: Path | None = None) -> Source:
    return Source(dataset.folder, features, recipe, recipe.steps)


def tensors(batch: Batch) -> Sequence[Tensor]:
    return (*batch.sounds, *batch[1:-1])


def assert_equal(ours: Batch, theirs: Batch) -> None:
    assert ours.samples == theirs.samples
    for our, their in zip(tensors(ours), tensors(theirs), strict=True):
        assert torch.equal(our, their)


def recording(crop: Tensor) -> int:
    """Which training recording of the tiny dataset a crop is of, by its pitch."""
    samples = crop[: TINY.front_end.window_samples].float()
    spectrum = torch.fft.rfft(samples * torch.hann_window(len(samples)), 4 * len(samples)).abs()
    hertz = float(spectrum.argmax()) * RATE / (4 * len(samples))
    pitches = [150.0 * 2**kind * (1 + 0.06 * take) for kind in range(4) for take in range(2)]
    place = int(np.abs(np.log(np.array(pitches) / hertz)).argmin())
    assert pitches[place] == pytest.approx(hertz, rel=0.02)
    return place


def recordings(batch: Batch) -> list[list[int]]:
    return [[recording(crop) for crop in crops] for crops in batch.sounds.crops]


class Shown:
    """Tells the kind of what a look shows."""

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        features = Features.open(folder, TINY.views)
        kinds = {still.picture: still.kind for still in dataset.stills}
        self._names = {
            view[row].tobytes(): kinds[picture]
            for view in features.views
            for picture, row in features.rows.items()
        }

    def __call__(self, look: Tensor) -> str:
        return self._names[look.chunk(2)[0].numpy().tobytes()]


@pytest.fixture(scope="module")
def shown(kit: Dataset, features: Path) -> Shown:
    return Shown(kit, features)


@pytest.fixture(scope="module")
def unnamed(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Videos without classes."""
    folder = make_dataset(
        tmp_path_factory.mktemp("data") / "unnamed", videos=True, seconds=2.0
    ).folder
    index = json.loads((folder / "dataset.json").read_text())
    for row in index["sounds"]:
        row["kind"] = ""
    (folder / "dataset.json").write_text(json.dumps(index))
    return Dataset.open(folder)


def without_scenes(dataset: Dataset, target: Path) -> Dataset:
    shutil.copytree(dataset.folder, target, ignore=shutil.ignore_patterns("features"))
    index = json.loads((target / "dataset.json").read_text())
    index["stills"] = [row for row in index["stills"] if row["kind"] != SCENES]
    (target / "dataset.json").write_text(json.dumps(index))
    return Dataset.open(target)


# The same mixtures, however they are drawn


def test_a_mixture_depends_on_seed_step_and_place_alone(kit: Dataset, features: Path) -> None:
    mixer = Mixer(source(kit, TINY, features))
    whole = mixer.draw(3)
    for first, count in ((0, 4), (0, 2), (2, 2), (3, 1)):
        share = mixer.draw(3, first, count)
        cut = whole.each(lambda value, a=first, b=first + count: value[a:b])  # type: ignore[misc]
        assert_equal(share, cut)
    assert_equal(Mixer(source(kit, TINY, features)).draw(3), whole)
    others = (
        mixer.draw(2),
        Mixer(source(kit, replace(TINY, seed=1), features)).draw(3),
        whole.each(lambda value: value.roll(1, 0)),
    )
    for other in others:
        assert not torch.equal(other.chance.flatten()[:8], whole.chance.flatten()[:8])


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("start", [0, 3])
def test_loading_workers_draw_what_one_would(
    kit: Dataset, features: Path, workers: int, start: int
) -> None:
    recipe = replace(TINY, workers=workers)
    found = list(batches(source(kit, recipe, features), start, 1, 2))
    mixer = Mixer(source(kit, TINY, features))
    assert len(found) == TINY.steps - start
    for step, batch in enumerate(found, start):
        assert_equal(batch, mixer.draw(step, 1, 2))


# What a mixture consists of


@given(
    seed=st.integers(0, 2**32),
    step=st.integers(0, TINY.steps - 1),
    count=st.integers(2, 4),
    scene=st.booleans(),
    silent=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_sources_are_of_different_classes_each_with_its_picture(
    kit: Dataset, features: Path, shown: Shown, seed: int, step: int, count: int,
    *, scene: bool, silent: bool,
) -> None:  # fmt: skip
    shares = tuple(float(n == count) for n in (2, 3, 4))
    recipe = replace(
        AS_RECORDED,
        seed=seed,
        batch=2,
        sources=shares,  # type: ignore[arg-type]
        silent_picture=float(silent),
        silent_scene=float(scene),
    )
    batch = Mixer(source(kit, recipe, features)).draw(step)
    slots = count + silent
    assert batch.sounds.crops.shape[:2] == (2, count)
    for name in ("classes", "chance", "heard"):
        assert getattr(batch, name).shape == (2, slots)
    assert batch.looks.shape[:2] == (2, slots)
    assert bool(((batch.chance >= 0) & (batch.chance < 1)).all())
    assert batch.heard.tolist() == [[True] * count + [False] * silent] * 2
    for row, looks, takes in zip(batch.classes, batch.looks, recordings(batch), strict=True):
        classes = row.tolist()
        assert len(set(classes)) == slots
        assert classes[:count] == [take // 2 for take in takes]
        assert [shown(look) for look in looks] == [(*KINDS, SCENES)[i] for i in classes]
        if silent:
            # With all classes in the mixture there is nothing else to show.
            assert (classes[-1] == SCENE) == (scene or count == 4)


def test_how_often_things_happen(kit: Dataset, features: Path) -> None:
    recipe = replace(
        AS_RECORDED, batch=1, steps=250, sources=(1.0, 2.0, 1.0),
        silent_picture=0.5, silent_scene=0.25,
    )  # fmt: skip
    mixer = Mixer(source(kit, recipe, features))
    drawn = [mixer.draw(step) for step in range(250)]
    counts = Counter(batch.sounds.crops.shape[1] for batch in drawn)
    for count, share in ((2, 0.25), (3, 0.5), (4, 0.25)):
        assert counts[count] / 250 == pytest.approx(share, abs=0.1)
    silent = [batch for batch in drawn if not bool(batch.heard.all())]
    assert len(silent) / 250 == pytest.approx(0.5, abs=0.1)
    spare = [batch for batch in silent if batch.sounds.crops.shape[1] < 4]
    scenes = sum(int(batch.classes[0, -1]) == SCENE for batch in spare)
    assert scenes / len(spare) == pytest.approx(0.25, abs=0.15)
    chances = torch.cat([batch.chance.flatten() for batch in drawn])
    assert float(chances.mean()) == pytest.approx(0.5, abs=0.05)
    classes = torch.cat([batch.classes[0, : batch.sounds.crops.shape[1]] for batch in drawn])
    assert set(classes.tolist()) == set(range(4))
    assert len({take for batch in drawn[:40] for row in recordings(batch) for take in row}) == 8


@given(seed=st.integers(0, 2**32), count=st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_two_of_a_class_are_different_recordings(
    kit: Dataset, features: Path, seed: int, count: int
) -> None:
    shares = tuple(float(n == count) for n in (2, 3, 4))
    recipe = replace(
        AS_RECORDED, seed=seed, batch=2, same_kind=1.0, silent_scene=0.0,
        sources=shares,  # type: ignore[arg-type]
    )  # fmt: skip
    batch = Mixer(source(kit, recipe, features)).draw(0)
    for row, takes in zip(batch.classes.tolist(), recordings(batch), strict=True):
        assert row[0] == row[1]
        assert takes[0] != takes[1]
        assert takes[0] // 2 == takes[1] // 2 == row[0]
        assert len(set(row[1:])) == len(row) - 1


def one_take(target: Path, *, kinds: Sequence[str] = KINDS, rate: int = RATE) -> Dataset:
    """One video of every kind."""
    with DatasetWriter(target, Settings(rate, 64)) as writer:
        for place, kind in enumerate(kinds):
            sound = Sound(
                name=f"{place}", kind=kind, split="train", source="made", licence="", start=0,
                samples=0, frame_rate=1.0,
            )  # fmt: skip
            writer.add_sound(sound, tone(150.0 * 2**place, 1.0), [jpeg((50, 60, 70))])
        return writer.finish()


def test_a_class_of_one_recording_is_not_mixed_with_itself(tmp_path: Path) -> None:
    recipe = replace(TUNED, same_kind=1.0, sources=(1.0, 0.0, 0.0), silent_picture=0.0)
    classes = Mixer(source(one_take(tmp_path), recipe)).draw(0).classes
    assert bool((classes[:, 0] != classes[:, 1]).all())


def test_any_recordings_may_be_paired(kit: Dataset, features: Path) -> None:
    recipe = replace(AS_RECORDED, pairing="any", batch=60, sources=(1.0, 0.0, 0.0))
    batch = Mixer(source(kit, recipe, features)).draw(0)
    same = 0
    for row, takes in zip(batch.classes.tolist(), recordings(batch), strict=True):
        assert takes[0] != takes[1]
        assert row[:2] == [take // 2 for take in takes]
        same += row[0] == row[1]
    # Of seven others one is of the same class.
    assert same / 60 == pytest.approx(1 / 7, abs=0.12)


def test_videos_without_classes_are_mixed(unnamed: Dataset) -> None:
    recipe = replace(TUNED, batch=20, sources=(0.0, 1.0, 0.0), full_from=0.0, room_probability=0.0)
    mixer = Mixer(source(unnamed, replace(recipe, speed_probability=0.0)))
    assert mixer.kinds == ()
    assert len(mixer.sounds) == 8
    batch = mixer.draw(0)
    # Without scenes the silent picture is of a recording that is not in the mixture.
    assert batch.classes.tolist() == [[UNKNOWN] * 4] * 20
    assert batch.heard.tolist() == [[True, True, True, False]] * 20
    assert all(len(set(takes)) == 3 for takes in recordings(batch))


def test_without_scenes_the_silent_picture_is_of_another_class(
    videos: Dataset, tmp_path: Path, kit: Dataset
) -> None:
    recipe = replace(TUNED, batch=12, sources=(0.0, 1.0, 0.0), silent_scene=1.0)
    for dataset in (videos, without_scenes(kit, tmp_path / "kit")):
        classes = Mixer(source(dataset, recipe)).draw(0).classes
        assert all(sorted(row) == [0, 1, 2, 3] for row in classes.tolist())


def test_only_the_training_split_is_drawn_from(kit: Dataset, videos: Dataset) -> None:
    for dataset in (kit, videos):
        mixer = Mixer(source(dataset, replace(TUNED, sources=(1.0, 0.0, 0.0))))
        assert mixer.sounds == dataset.split("train")
        assert mixer.kinds == KINDS
    trained = {still.picture for still in kit.stills if still.split == "train"}
    pictures = Pictures(kit)
    assert {int(p) for s in kit.sounds for p in pictures.of(s)} | set(pictures.scenes) == trained


def test_recordings_without_pictures_are_left_out(kit: Dataset, tmp_path: Path) -> None:
    dataset = without_scenes(kit, tmp_path / "kit")
    index = json.loads((dataset.folder / "dataset.json").read_text())
    index["stills"] = [row for row in index["stills"] if row["kind"] != "drum"]
    (dataset.folder / "dataset.json").write_text(json.dumps(index))
    recipe = replace(TUNED, sources=(1.0, 0.0, 0.0))
    mixer = Mixer(source(dataset, recipe))
    assert mixer.kinds == tuple(kind for kind in KINDS if kind != "drum")
    assert {sound.kind for sound in mixer.sounds} == set(mixer.kinds)


# Over the training


def test_many_sources_come_with_time(kit: Dataset, features: Path) -> None:
    recipe = replace(
        AS_RECORDED, batch=1, steps=400, sources=(0.0, 0.5, 0.5), many_from=0.75, full_from=1.0
    )
    mixer = Mixer(source(kit, recipe, features))
    counts = np.array([mixer.draw(step, 0, 1).sounds.crops.shape[1] for step in range(400)])
    assert counts[0] == 2
    assert counts[300:].min() == 3
    for begin in (0, 100, 200):
        share = (counts[begin : begin + 100] > 2).mean()
        assert share == pytest.approx((begin + 50) / 300, abs=0.15)
    assert (counts[300:] == 4).mean() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("full_from", "first"), [(0.0, 0), (0.5, 4), (0.55, 5), (1.0, 8)])
def test_windows_become_whole(kit: Dataset, features: Path, full_from: float, first: int) -> None:
    mixer = Mixer(source(kit, replace(TINY, full_from=full_from), features))
    for step in range(TINY.steps):
        whole = step >= first
        wanted = TINY.front_end.window_samples if whole else TINY.half_window
        batch = mixer.draw(step, 0, 1)
        assert mixer.samples(step) == batch.samples == wanted
        assert batch.sounds.crops.shape[-1] >= wanted + 1


# What cannot be mixed


@pytest.mark.parametrize(
    ("kinds", "changes", "reason"),
    [
        (KINDS[:2], {"sources": (0.0, 1.0, 0.0)}, "2 classes .* of 3 sources take 3 or more"),
        (KINDS[:3], {"sources": (0.5, 0.5, 0.0), "silent_picture": 1.0}, "3 classes .* take 4"),
        (["a", "a", "a"], {}, "1 classes"),
        (["", ""], {"sources": (1.0, 1.0, 0.0)}, "2 recordings with pictures .* take 3"),
        (["a", "b"], {"pairing": "any", "silent_picture": 0.1}, "2 recordings .* take 3 or more"),
    ],
)
def test_too_little_to_mix_is_an_error(
    tmp_path: Path, kinds: Sequence[str], changes: dict[str, object], reason: str
) -> None:
    recipe = replace(TUNED, sources=(1.0, 0.0, 0.0), silent_picture=0.0)
    with pytest.raises(InputError, match=reason) as caught:
        Mixer(source(one_take(tmp_path, kinds=kinds), replace(recipe, **changes)))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_just_enough_can_be_mixed(tmp_path: Path) -> None:
    recipe = replace(TUNED, sources=(0.0, 1.0, 0.0), silent_picture=1.0)
    batch = Mixer(source(one_take(tmp_path), recipe)).draw(0)
    assert all(sorted(row) == [0, 1, 2, 3] for row in batch.classes.tolist())


def test_sounds_of_another_rate_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="have 8000 Hz, the recipe takes 11025"):
        Mixer(source(one_take(tmp_path, rate=8_000), TUNED))
