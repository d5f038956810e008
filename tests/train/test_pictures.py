from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pixelmix.train.pictures import (
    augment,
    crop,
    crop_and_flip,
    cut_out,
    degrade,
    occlude,
    paste,
    recolour,
)
from pixelmix.types import ByteArray

SEEDS = st.integers(0, 2**32)
SIDE = 48


def colours(width: int = 96, height: int = 64, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def slopes(width: int, height: int) -> Image.Image:
    """Red rises to the right and green downwards, by one a pixel."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 77)], axis=2).astype(np.uint8))


def plain(value: int, side: int = SIDE) -> Image.Image:
    return Image.new("RGB", (side, side), (value, value, value))


def views(change: Callable[[np.random.Generator], ByteArray], count: int = 20) -> list[ByteArray]:
    return [change(np.random.default_rng(seed)) for seed in range(count)]


@given(seed=SEEDS, width=st.integers(16, 150), height=st.integers(16, 150))
@settings(max_examples=60, deadline=None)
def test_views_are_squares_of_every_picture(seed: int, width: int, height: int) -> None:
    picture, scene = colours(width, height), colours(70, 40, 1)
    for view in (
        augment(picture, scene, SIDE, np.random.default_rng(seed)),
        crop_and_flip(picture, SIDE, np.random.default_rng(seed)),
    ):
        assert view.shape == (SIDE, SIDE, 3)
        assert view.dtype == np.uint8


def test_a_seed_gives_the_same_view_and_others_others() -> None:
    picture, scene = colours(), colours(seed=1)
    first, again = (views(lambda rng: augment(picture, scene, SIDE, rng), 8) for _ in range(2))
    for view, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(view, same)
    assert len({view.tobytes() for view in first}) == 8


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_a_crop_shows_enough_of_the_picture(seed: int) -> None:
    picture = slopes(96, 64)
    view = np.asarray(crop(picture, SIDE, np.random.default_rng(seed), 0.5)).astype(float)
    width, height = (np.ptp(view[..., channel]) + 1 for channel in (0, 1))
    # Nearest to all of the picture the aspect may not fit.
    assert width * height >= 0.4 * 96 * 64
    assert (view[..., 2] == 77).all()


@given(seed=SEEDS, side=st.sampled_from([32, 64]))
@settings(max_examples=30, deadline=None)
def test_crop_and_flip_shows_a_square_at_the_scale_of_the_paper(seed: int, side: int) -> None:
    scaled = int(side * 1.1)
    width, height = scaled * 3 // 2, scaled
    view = crop_and_flip(slopes(width, height), side, np.random.default_rng(seed)).astype(int)
    across, down = view[..., 0], view[..., 1]
    # At this size the picture is not resized: neighbours differ by one.
    step = across[0, 1] - across[0, 0]
    assert step in (-1, 1)
    assert (np.diff(across, axis=1) == step).all()
    assert (np.diff(down, axis=0) == 1).all()
    assert 0 <= down.min() <= scaled - side


def test_half_of_the_crops_are_flipped_and_places_differ() -> None:
    picture = slopes(105, 70)
    drawn = views(lambda rng: crop_and_flip(picture, 64, rng), 200)
    flipped = [int(view[0, 0, 0]) > int(view[0, 1, 0]) for view in drawn]
    assert 70 < sum(flipped) < 130
    assert {int(view[..., 1].min()) for view in drawn} == set(range(7))


def test_white_is_cut_out() -> None:
    picture = plain(255, 80)
    picture.paste((10, 120, 10), (25, 25, 55, 55))
    mask = np.asarray(cut_out(picture))
    assert mask.shape == (80, 80)
    assert (mask[30:50, 30:50] == 255).all()
    assert (mask[:20] == 0).all()
    assert (mask[:, 60:] == 0).all()


def test_other_pictures_are_kept_but_for_their_edges() -> None:
    mask = np.asarray(cut_out(colours(90, 60)))
    assert (mask[10:-10, 10:-10] == 255).all()
    assert mask[0].max() < 128
    assert mask[:, -1].max() < 128


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_pasting_leaves_the_rest_of_the_scene(seed: int) -> None:
    scene = plain(40)
    view = np.asarray(paste(plain(200, 30), scene, np.random.default_rng(seed)))
    assert view.shape == (SIDE, SIDE, 3)
    assert view.min() >= 40
    assert view.max() > 150
    assert (np.asarray(scene) == 40).all(), "the scene itself has changed"


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_occlusion_covers_less_than_a_quarter_by_scene(seed: int) -> None:
    view, scene = plain(200), plain(40)
    found = np.asarray(occlude(view, scene, np.random.default_rng(seed)))
    covered = found[..., 0] == 40
    assert (found[~covered] == 200).all()
    assert 0 < covered.mean() < 0.25
    rows, cols = np.nonzero(covered)
    assert np.ptp(rows) + 1 == covered.any(axis=1).sum()
    assert (np.ptp(rows) + 1) * (np.ptp(cols) + 1) == covered.sum()


@pytest.mark.parametrize("change", [recolour, degrade])
def test_changes_keep_the_size_and_the_subject(
    change: Callable[[Image.Image, np.random.Generator], Image.Image],
) -> None:
    picture = slopes(SIDE, SIDE)
    found = views(lambda rng: np.asarray(change(picture, rng)))
    for view in found:
        assert view.shape == (SIDE, SIDE, 3)
        likeness = np.corrcoef(view[..., 0].ravel(), np.asarray(picture)[..., 0].ravel())[0, 1]
        assert likeness > 0.8
    assert len({view.tobytes() for view in found}) > 10
