import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pixelmix.errors import InputError
from pixelmix.train.batches import Mixer, batches
from pixelmix.train.cache import picture_views
from pixelmix.train.kit import SCENES
from pixelmix.train.recipe import Recipe
from tests.train.tiny_kit import NAMES, TINY

SCENE = len(NAMES)
SAMPLES = 600


def test_a_half_window_has_half_the_frames() -> None:
    for recipe in (Recipe(), TINY):
        fe = recipe.front_end
        assert 2 * (recipe.half_window // fe.hop + 1) == fe.frames


@given(seed=st.integers(0, 2**32), three=st.booleans(), noisy=st.booleans(), empty=st.booleans())
def test_mixtures_have_what_they_promise(
    cache: Path, seed: int, *, three: bool, noisy: bool, empty: bool
) -> None:
    recipe = replace(
        TINY,
        three_probability=float(three),
        noise_probability=float(noisy),
        silent_scene_probability=float(empty),
    )
    batch = Mixer(cache, recipe, np.random.default_rng(seed)).batch(SAMPLES)
    slots = 4 if three else 3
    assert batch.waves.shape == (TINY.batch, slots, SAMPLES)
    assert batch.cells.shape == (TINY.batch, slots, 2 * 14 * 14, TINY.projection_size)
    assert bool(batch.waves.isfinite().all())
    assert bool(batch.waves[:, :-1].square().mean(2).gt(0).all())
    assert bool(batch.waves[:, -1].any()) == noisy
    for row in batch.classes:
        assert len(set(row.tolist())) == slots
        assert bool((row[:-1] < SCENE).all())
        assert bool(row[-1] == SCENE) == empty


def test_solos_lie_around_their_mixtures_level(cache: Path) -> None:
    recipe = replace(TINY, loudness=(-20.0, -20.0), noise_probability=0.0)
    waves = Mixer(cache, recipe, np.random.default_rng(0)).batch(SAMPLES).waves
    levels = 10 * waves[:, :-1].square().mean(2).log10()
    assert bool((levels + 20).abs().le(recipe.level_spread + 0.01).all())


@pytest.mark.parametrize(("other", "clutter"), [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0)])
def test_a_look_is_a_picture_of_the_class_joined_with_what_the_recipe_says(
    cache: Path, other: float, clutter: float
) -> None:
    recipe = replace(TINY, other_view_probability=other, clutter_probability=clutter)
    batch = Mixer(cache, recipe, np.random.default_rng(0)).batch(SAMPLES)
    kinds, views = picture_views(cache)

    def kind_and_picture(cells: torch.Tensor) -> tuple[str, int]:
        for view, picture in itertools.product(views, range(len(kinds))):
            if np.array_equal(view[picture].reshape(-1, TINY.projection_size), cells.numpy()):
                return kinds[picture], picture
        raise AssertionError("these cells are of no picture")

    for row, classes in zip(batch.cells, batch.classes, strict=True):
        for cells, index in zip(row, classes, strict=True):
            first, second = cells.chunk(2)
            kind, picture = kind_and_picture(first)
            assert kind == (*NAMES, SCENES)[int(index)]
            if clutter:
                assert kind_and_picture(second)[0] == SCENES
            else:
                assert kind_and_picture(second)[1] == picture
            if not (clutter or other):
                assert torch.equal(first, second)


def test_draws_depend_on_the_step_only(cache: Path) -> None:
    beside = replace(TINY, workers=1)
    first, later = (next(batches(cache, TINY, SAMPLES, step)) for step in (0, 7))
    again = next(batches(cache, beside, SAMPLES, 0))
    assert torch.equal(first.waves, again.waves)
    assert torch.equal(first.cells, again.cells)
    assert not torch.equal(first.waves.sum(1)[:1], later.waves.sum(1)[:1])


def test_a_class_without_pictures_is_an_error(cache: Path, tmp_path: Path) -> None:
    for file in cache.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    text = (tmp_path / "pictures.json").read_text()
    (tmp_path / "pictures.json").write_text(text.replace('"horn"]', '"tuba"]'))
    with pytest.raises(InputError, match="'horn'"):
        Mixer(tmp_path, TINY, np.random.default_rng(0))
