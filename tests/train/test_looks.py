from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelmix.data.dataset import SCENES, Dataset, Sound
from pixelmix.data.store import DatasetWriter, Settings
from pixelmix.train.features import Features, prepare_features
from pixelmix.train.looks import FrozenLooks, Pictures, TunedLooks
from pixelmix.train.recipe import Recipe
from tests.data.tiny_dataset import RATE, jpeg, tone
from tests.train.tiny_recipe import CELLS, TINY, TUNED, mean_colours

FRAME_RATE = 4.0
FRAMES = 24


class Known:
    """Tells which picture cells are of."""

    def __init__(self, features: Features) -> None:
        self._names = {
            view[row].tobytes(): (index, picture)
            for index, view in enumerate(features.views)
            for picture, row in features.rows.items()
        }

    def __call__(self, cells: Tensor) -> tuple[int, int]:
        """Return view and picture of ``(cells, projected)``."""
        return self._names[cells.numpy().tobytes()]


@pytest.fixture(scope="module")
def maps(features: Path) -> Features:
    return Features.open(features, TINY.views)


@pytest.fixture(scope="module")
def known(maps: Features) -> Known:
    return Known(maps)


def kinds(dataset: Dataset) -> dict[int, str]:
    return {still.picture: still.kind for still in dataset.stills}


def rngs(count: int = 40) -> Iterator[np.random.Generator]:
    return map(np.random.default_rng, range(count))


def test_pictures_are_the_sounds_own_or_those_of_its_class_and_split(
    kit: Dataset, videos: Dataset
) -> None:
    for sound in kit.sounds:
        wanted = [s.picture for s in kit.stills if (s.kind, s.split) == (sound.kind, "train")]
        assert Pictures(kit).of(sound).tolist() == wanted
    for sound in videos.sounds:
        first = sound.first_picture
        assert Pictures(videos).of(sound).tolist() == list(range(first, first + sound.pictures))
    scenes = [s.picture for s in kit.stills if (s.kind, s.split) == (SCENES, "train")]
    assert Pictures(kit).scenes == scenes
    assert Pictures(videos).scenes == []
    assert not len(Pictures(kit).of(replace(kit.sounds[0], kind="tuba")))


@pytest.mark.parametrize(
    ("other_view", "clutter"), [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.25, 0.5)]
)
def test_cells_are_of_a_picture_of_the_class_joined_with_what_the_recipe_says(
    kit: Dataset, maps: Features, known: Known, other_view: float, clutter: float
) -> None:
    recipe = replace(TINY, other_view=other_view, clutter=clutter)
    looks, kind_of = FrozenLooks(kit, maps, recipe), kinds(kit)
    views, scenes, alone = 0, 0, 0
    for rng in rngs(120):
        sound = kit.sounds[int(rng.integers(8))]
        found = looks.of(sound, rng)
        assert found.shape == (2 * CELLS, TINY.projection_size)
        (view, picture), (other, joined) = map(known, found.chunk(2))
        assert kind_of[picture] == sound.kind
        if kind_of[joined] == SCENES:
            scenes += 1
            continue
        assert joined == picture
        views, alone = views + (other != view), alone + (other == view)
    wanted = 1 - other_view - clutter
    assert scenes / 120 == pytest.approx(clutter, abs=0.12)
    # Another view is drawn, which may be the same again.
    assert views / 120 == pytest.approx(other_view / 2, abs=0.12)
    assert alone / 120 == pytest.approx(wanted + other_view / 2, abs=0.12)


def test_all_pictures_and_views_are_looked_at(kit: Dataset, maps: Features, known: Known) -> None:
    looks = FrozenLooks(kit, maps, TINY)
    found = {known(looks.of(kit.sounds[0], rng).chunk(2)[0]) for rng in rngs()}
    pictures = Pictures(kit).of(kit.sounds[0]).tolist()
    assert found == {(view, picture) for view in range(TINY.views) for picture in pictures}


def test_scenes_show_nothing_that_sounds(kit: Dataset, maps: Features, known: Known) -> None:
    looks, kind_of = FrozenLooks(kit, maps, TINY), kinds(kit)
    for rng in rngs():
        for cells in looks.scene(rng).chunk(2):
            assert kind_of[known(cells)[1]] == SCENES


@pytest.fixture(scope="module")
def rising(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Videos without classes that become brighter, by ten a picture."""
    with DatasetWriter(tmp_path_factory.mktemp("rising"), Settings(RATE, 64)) as writer:
        for take in range(3):
            sound = Sound(
                name=str(take), kind="", split="train", source="made", licence="", start=0,
                samples=0, frame_rate=FRAME_RATE,
            )  # fmt: skip
            frames = [jpeg((10 * i, 10 * i, 10 * i)) for i in range(FRAMES)]
            writer.add_sound(sound, tone(200, FRAMES / FRAME_RATE, take), frames)
        return writer.finish()


def places(looks: Tensor) -> list[int]:
    """Which pictures of a rising video these are."""
    return [round(float(view.float().median()) / 10) for view in looks]


def test_a_video_is_looked_at_in_its_own_pictures(rising: Dataset) -> None:
    recipe = replace(TINY, projection_size=2, looks_per_sound=5, other_view=0.0)
    folder = prepare_features(rising, recipe, mean_colours(), lambda _: None)
    maps = Features.open(folder, recipe.views)
    looks, known = FrozenLooks(rising, maps, recipe), Known(maps)
    for sound in rising.sounds:
        found = set()
        for rng in rngs(80):
            first, second = map(known, looks.of(sound, rng).chunk(2))
            # Without scenes there is nothing else to join.
            assert first == second
            found.add(first[1] - sound.first_picture)
        assert found == {2, 7, 12, 16, 21}


@pytest.mark.parametrize(("frames", "spacing"), [(1, 1.0), (2, 1.0), (3, 1.5), (4, 0.25)])
def test_frames_of_a_window_lie_in_order_and_as_far_apart_as_asked(
    rising: Dataset, frames: int, spacing: float
) -> None:
    recipe = replace(TUNED, frames=frames, frame_spacing=spacing)
    looks = TunedLooks(rising, recipe)
    step = round(spacing * FRAME_RATE)
    centres = set()
    for rng in rngs(100):
        found = looks.of(rising.sounds[1], rng)
        assert found.shape == (frames, 64, 64, 3)
        assert found.dtype == torch.uint8
        seen = places(found)
        assert seen == sorted(seen)
        inside = [place for place in seen if 0 < place < FRAMES - 1]
        assert all(np.diff(inside) == step)
        centres.update(seen)
    assert centres == set(range(FRAMES)), "some moments are never looked at"


def test_frames_lie_around_the_moment_that_is_heard(rising: Dataset) -> None:
    looks = TunedLooks(rising, replace(TUNED, frames=3, frame_spacing=2 / FRAME_RATE))
    for place in range(2, FRAMES - 2):
        middle = (place + 0.5) / FRAME_RATE
        seen = places(looks.of(rising.sounds[1], np.random.default_rng(place), middle))
        assert seen == [place - 2, place, place + 2]


@pytest.mark.parametrize("changes", ["crop", "scenes"])
def test_frames_are_cropped_alike(kit: Dataset, tmp_path: Path, changes: str) -> None:
    recipe: Recipe = replace(TUNED, frames=3, picture_changes=changes)  # type: ignore[arg-type]
    with DatasetWriter(tmp_path, Settings(RATE, 64)) as writer:
        sound = replace(kit.sounds[0], frame_rate=1.0)
        writer.add_sound(sound, tone(200, 4.0), [jpeg((40, 90, 140))] * 4)
        dataset = writer.finish()
    looks = TunedLooks(dataset, recipe)
    drawn = [looks.of(dataset.sounds[0], rng) for rng in rngs(10)]
    # The pictures themselves are all the same.
    alike = [bool((views == views[0]).all()) for views in drawn]
    assert alike == [changes == "crop"] * 10
    assert len({views.numpy().tobytes() for views in drawn}) > 5


def test_solos_are_shown_by_pictures_of_their_class(kit: Dataset) -> None:
    looks = TunedLooks(kit, replace(TUNED, frames=3))

    def colour(pixels: Tensor) -> Tensor:
        return pixels.float().flatten(0, -2).median(0).values

    for sound in kit.sounds[:8:2]:
        still = next(s for s in kit.stills if s.kind == sound.kind)
        wanted = colour(torch.from_numpy(kit.picture(still.picture).copy()))
        for rng in rngs(4):
            found = looks.of(sound, rng)
            assert found.shape == (3, 64, 64, 3)
            torch.testing.assert_close(colour(found), wanted, rtol=0, atol=3.0)
    scene = looks.scene(next(rngs()))
    assert scene.shape == (3, 64, 64, 3)
    torch.testing.assert_close(colour(scene), torch.full((3,), 20.0), rtol=0, atol=3.0)


def test_the_same_generator_draws_the_same(kit: Dataset, maps: Features, rising: Dataset) -> None:
    for looks, dataset in (
        (FrozenLooks(kit, maps, TINY), kit),
        (TunedLooks(rising, TUNED), rising),
        (TunedLooks(rising, replace(TUNED, picture_changes="scenes")), rising),
    ):
        first, again = (looks.of(dataset.sounds[0], np.random.default_rng(5)) for _ in range(2))
        assert torch.equal(first, again)
