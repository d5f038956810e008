import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelmix.data.dataset import SCENES, Dataset
from pixelmix.data.store import DatasetWriter, Settings
from pixelmix.errors import InputError, OutputError
from pixelmix.train.backbone import Backbone, load_projection
from pixelmix.train.features import PROJECTION, Features, look, prepare_features, training_pictures
from pixelmix.train.recipe import Recipe
from tests.data.tiny_dataset import KINDS, RATE, make_dataset, tone
from tests.train.tiny_recipe import TINY, mean_colours

SMALL = replace(TINY, projection_size=2)


@pytest.fixture
def own(kit: Dataset, tmp_path: Path) -> Dataset:
    """A copy of the kit without any maps."""
    folder = shutil.copytree(
        kit.folder, tmp_path / "kit", ignore=shutil.ignore_patterns("features")
    )
    return Dataset.open(folder)


def prepared(dataset: Dataset, recipe: Recipe = SMALL, backbone: Backbone | None = None) -> Path:
    return prepare_features(dataset, recipe, backbone or mean_colours(), lambda _: None)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_every_view_has_a_projected_map_per_picture(kit: Dataset, features: Path) -> None:
    found = Features.open(features, TINY.views)
    wanted = {still.picture for still in kit.stills if still.split == "train"}
    assert set(found.rows) == wanted
    assert sorted(found.rows.values()) == list(range(len(wanted)))
    for view in found.views:
        assert view.shape == (len(wanted), 4, 4, TINY.projection_size)
        assert np.isfinite(view).all()
    assert len(found.views) == TINY.views
    assert not np.array_equal(found.views[0], found.views[1])
    spread = np.concatenate(found.views).reshape(-1, TINY.projection_size).std(axis=0)
    assert 0 < spread.min() <= spread.max() < 1.5


def test_maps_are_those_of_their_pictures(own: Dataset) -> None:
    recipe = replace(SMALL, projection_size=3, projection_floor=0.0, picture_changes="crop")
    folder = prepared(own, recipe)
    found, projection = Features.open(folder, recipe.views), load_projection(folder / PROJECTION)
    back = torch.linalg.inv(projection.matrix)
    for picture, row in found.rows.items():
        for view in found.views:
            colours = torch.from_numpy(view[row].astype(np.float32)) @ back + projection.mean
            shown = (colours * 0.5 + 0.5).flatten(0, 1).median(0).values
            wanted = np.median(own.picture(picture).reshape(-1, 3) / 255, axis=0)
            np.testing.assert_allclose(shown, wanted, atol=0.03)


def test_nothing_is_made_twice(own: Dataset) -> None:
    folder = prepared(own)
    before = contents(folder)
    assert prepared(own, backbone=mean_colours(0)) == folder
    assert contents(folder) == before


@pytest.mark.parametrize("lost", ["view-00.npy", "view-01.npy", "pictures.json"])
def test_only_what_is_missing_is_made_again(own: Dataset, lost: str) -> None:
    folder = prepared(own)
    before = contents(folder)
    times = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    (folder / lost).unlink()
    said: list[str] = []
    prepare_features(own, SMALL, mean_colours(int(lost.startswith("view"))), said.append)
    assert contents(folder) == before
    kept = {name for name in before if name not in (lost, "pictures.json")}
    assert all((folder / name).stat().st_mtime_ns == times[name] for name in kept)
    assert len(said) == lost.startswith("view")


@pytest.mark.parametrize("batches", range(3))
def test_interrupted_work_goes_on(own: Dataset, tmp_path: Path, batches: int) -> None:
    whole = contents(prepared(own))
    other = Dataset.open(
        shutil.copytree(own.folder, tmp_path / "b", ignore=shutil.ignore_patterns("features"))
    )
    with pytest.raises(KeyboardInterrupt):
        prepared(other, backbone=mean_colours(batches))
    assert contents(prepared(other)) == whole


def test_the_work_is_told(own: Dataset) -> None:
    said: list[str] = []
    prepare_features(own, SMALL, mean_colours(), said.append)
    assert said == [f"pictures: view {i} of 2, 10 pictures" for i in (1, 2)]


@pytest.mark.parametrize(
    "change",
    [
        lambda recipe: replace(recipe, seed=1),
        lambda recipe: replace(recipe, short_side=32),
        lambda recipe: replace(recipe, picture_changes="crop"),
        lambda recipe: replace(recipe, image_mean=(0.4, 0.4, 0.4)),
        lambda recipe: replace(recipe, image_std=(0.4, 0.4, 0.4)),
        lambda recipe: replace(recipe, projection_size=1),
        lambda recipe: replace(recipe, projection_floor=0.5),
        lambda recipe: replace(recipe, sizes=replace(recipe.sizes, same_padding=False)),
    ],
)
def test_other_recipes_have_maps_of_their_own(
    own: Dataset, change: Callable[[Recipe], Recipe]
) -> None:
    assert prepared(own, change(SMALL)) != prepared(own)


def test_other_weights_have_maps_of_their_own(own: Dataset) -> None:
    assert prepared(own, backbone=mean_colours(checksum="other")) != prepared(own)


def test_other_pictures_have_maps_of_their_own(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, videos=True, seconds=3.0)
    one, two = (prepared(dataset, replace(SMALL, looks_per_sound=n)) for n in (1, 2))
    assert one != two


def test_runs_share_maps_whatever_else_they_differ_in(own: Dataset) -> None:
    folder = prepared(own)
    before = contents(folder)
    other = replace(SMALL, views=3, batch=7, steps=99, learning_rate=1.0, sources=(0.0, 0.0, 1.0))
    assert prepared(own, other) == folder
    after = contents(folder)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"view-02.npy"}
    # What another run has made besides changes nothing.
    assert len(Features.open(folder, SMALL.views).views) == SMALL.views


def test_looks_of_a_video_are_spread_over_it(videos: Dataset) -> None:
    chosen = training_pictures(videos, replace(SMALL, looks_per_sound=3))
    sounds = videos.split("train")
    assert len(chosen) == 3 * len(sounds)
    for sound in sounds:
        places = [p - sound.first_picture for p in chosen]
        own = [place for place in places if 0 <= place < sound.pictures]
        assert own == [1, 4, 6]
    everything = training_pictures(videos, replace(SMALL, looks_per_sound=100))
    assert everything == list(range(sum(sound.pictures for sound in sounds)))


def test_videos_need_no_scenes(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, videos=True, seconds=2.0)
    found = Features.open(prepared(dataset), SMALL.views)
    assert len(found.rows) == 2 * len(dataset.split("train"))


def test_only_pictures_of_the_training_split_are_looked_at(
    own: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[int] = set()
    read = Dataset.picture

    def noted(dataset: Dataset, index: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        seen.add(index)
        return read(dataset, index)

    monkeypatch.setattr(Dataset, "picture", noted)
    prepared(own)
    assert seen == {still.picture for still in own.stills if still.split == "train"}


def test_a_look_is_the_picture_or_over_a_scene(kit: Dataset) -> None:
    still = next(s for s in kit.stills if s.kind == KINDS[3])
    scenes = [s.picture for s in kit.stills if s.kind == SCENES]
    dark = float(kit.picture(scenes[0]).mean())
    bright = float(kit.picture(still.picture).mean())
    assert dark < 60 < bright

    def shown(changes: str, scenes: list[int]) -> list[float]:
        recipe = replace(SMALL, picture_changes=changes)  # type: ignore[arg-type]
        rngs = map(np.random.default_rng, range(60))
        return [
            float(np.median(look(kit, still.picture, scenes, recipe, rng)[::63, ::63]))
            for rng in rngs
        ]

    # The corners tell what the picture stands on.
    assert min(shown("crop", scenes)) > 100
    over = sum(corner < 60 for corner in shown("scenes", scenes))
    assert 15 < over < 45
    assert sum(corner < 60 for corner in shown("scenes", [])) < 6


def test_a_dataset_without_pictures_is_refused(tmp_path: Path) -> None:
    with DatasetWriter(tmp_path, Settings(RATE, 64)) as writer:
        kit = make_dataset(tmp_path / "kit", seconds=1.0)
        writer.add_sound(kit.sounds[0], tone(300, 1.0))
        dataset = writer.finish()
    with pytest.raises(InputError, match="has no pictures in the training split"):
        prepared(dataset)
    assert not (tmp_path / "features").exists()


def test_a_damaged_picture_is_named(own: Dataset) -> None:
    pictures = own.folder / "pictures.bin"
    pictures.write_bytes(bytes(pictures.stat().st_size))
    with pytest.raises(InputError, match=r"pictures\.bin: picture \d+ is damaged"):
        prepared(Dataset.open(own.folder))


def test_a_folder_that_cannot_be_written_is_an_error(own: Dataset) -> None:
    (own.folder / "features").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written") as caught:
        prepared(own)
    assert "\n" not in str(caught.value)


def test_the_projection_is_kept_beside_the_maps(features: Path) -> None:
    assert (features / PROJECTION).is_file()
    projection = load_projection(features / PROJECTION)
    assert projection.matrix.shape == (1_280, TINY.projection_size)
