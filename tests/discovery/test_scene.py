"""What is kept of a stretch adds up to the sound itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.discovery.prototypes import Prototypes, prototypes
from pixelmix.discovery.scene import (
    BANDS,
    FRAMES_PER_STEP,
    SAMPLES,
    describe,
    look_closer,
    over_cells,
)
from tests.discovery.made_scenes import SHAPE, K, looks, make_scene, masks_of, sounds


@given(
    cells=st.integers(1, 6),
    rows=st.sampled_from([BANDS, 2 * BANDS, 256]),
    frames=st.integers(1, 30),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_masks_that_share_all_sound_out_share_its_energy_out(
    cells: int, rows: int, frames: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    owner = random.integers(0, cells, (rows, frames))
    masks = (owner == np.arange(cells)[:, None, None]).astype(np.float32)
    magnitude = random.uniform(0.1, 2.0, (rows, frames)).astype(np.float32)
    vectors = np.eye(cells, dtype=np.float32)
    seen = Prototypes(vectors, np.arange(cells, dtype=np.uint8)[None])
    components = random.normal(size=(cells, rows, frames)).astype(np.float32)
    scene = describe(0.0, 0.05, seen, masks, components, magnitude)
    assert scene.mixture.shape == (-(-frames // FRAMES_PER_STEP),)
    np.testing.assert_allclose(scene.energy.sum(axis=0), scene.mixture, rtol=1e-4)
    assert scene.total == pytest.approx(float(np.square(magnitude).sum()), rel=1e-4)
    in_bands = scene.spectra.sum(axis=1) * frames
    np.testing.assert_allclose(in_bands, scene.energy.sum(axis=1), rtol=1e-3, atol=1e-5)
    assert scene.shares().sum() == pytest.approx(1.0, abs=0.35 * cells)
    assert scene.sample.shape == (cells, SAMPLES)


def test_shares_are_parts_of_the_sound() -> None:
    shares = make_scene([(0, 3, 3), (1, 3, 12)], {0: 1.0, 1: 2.0}).shares()
    assert 0.1 < shares[4, 4] < 0.25
    assert 0.6 < shares[4, 13] < 0.85
    assert shares[0, 8] < 0.01
    assert shares.max() <= 1.0


def test_a_closer_look_counts_as_the_scene_does() -> None:
    components, magnitude = sounds({0: 1.0, 1: 2.0})
    seen = prototypes(looks([(0, 3, 3), (1, 3, 12)]))
    masks = masks_of(seen.vectors, components.reshape(K, -1)).reshape(-1, *magnitude.shape)
    scene = describe(0.0, 0.05, seen, masks, components, magnitude)
    view = look_closer(seen, masks, magnitude).view()
    np.testing.assert_allclose(view.shares, scene.view().shares, rtol=1e-4)
    np.testing.assert_array_equal(view.vectors, scene.view().vectors)
    assert view.vectors.shape == (*SHAPE, K)
    quiet = look_closer(seen, masks, magnitude * 1e-6)
    assert quiet.parts.max() < 1e-6


def test_samples_lie_where_the_sound_is() -> None:
    components, magnitude = sounds({2: 1.0})
    seen = prototypes(np.zeros((K, 2, 2), np.float32))
    masks = np.zeros((1, *magnitude.shape), np.float32)
    sample = describe(0.0, 0.05, seen, masks, components, magnitude).sample
    assert (sample[2] > 4.0).mean() > 0.98
    silent = describe(0.0, 0.05, seen, masks, components, magnitude * 0).sample
    assert np.isfinite(silent).all()


def test_silence_has_no_shares() -> None:
    components, magnitude = sounds({})
    seen = prototypes(np.ones((K, 3, 3), np.float32))
    masks = np.ones((len(seen.vectors), *magnitude.shape), np.float32)
    quiet = describe(0.0, 0.05, seen, masks, components, magnitude * 1e-6)
    assert quiet.shares().max() < 1e-6


def test_values_are_smoothed_over_the_picture_only() -> None:
    labels = np.zeros((6, 8), np.uint8)
    labels[2:4, 3:5] = 1
    seen = Prototypes(np.zeros((2, 1), np.float32), labels)
    values = np.array([[0.0, 5.0, 7.0], [1.0, 5.0, 9.0]], np.float32)
    maps = over_cells(values, seen)
    assert maps.shape == (3, 6, 8)
    assert 0.3 < maps[0, 2, 3] < 1.0
    assert maps[0, 0, 0] < 0.01
    np.testing.assert_allclose(maps[1], 5.0, rtol=1e-6)
    np.testing.assert_allclose(over_cells(values[:, 2], seen), maps[2])
