"""Few vectors for many cells: none is far from its own, and no odd one is lost."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pixelmix.discovery.prototypes import MOST, NEAR, prototypes
from pixelmix.types import FloatArray

maps = arrays(
    np.float32,
    array_shapes(min_dims=3, max_dims=3, max_side=9),
    elements=st.floats(0, 1, width=32),
)


@given(maps)
@settings(max_examples=60, deadline=None)
def test_every_cell_is_near_to_its_vector_and_nearest_to_it(features: FloatArray) -> None:
    seen = prototypes(features)
    cells = np.moveaxis(features, 0, -1)
    away = np.square(cells[..., None, :] - seen.vectors).mean(axis=-1)
    own = np.take_along_axis(away, seen.labels[..., None].astype(np.int64), axis=-1)[..., 0]
    np.testing.assert_allclose(own, away.min(axis=-1), atol=1e-6)
    assert len(seen.vectors) <= MOST
    assert len(seen.vectors) == MOST or np.sqrt(own.max()) <= NEAR + 1e-6


@given(maps)
@settings(max_examples=60, deadline=None)
def test_vectors_are_cells_that_differ_and_stand_for_all(features: FloatArray) -> None:
    seen = prototypes(features)
    cells = {tuple(cell) for cell in features.reshape(len(features), -1).T}
    vectors = [tuple(vector) for vector in seen.vectors]
    assert set(vectors) <= cells
    assert len(set(vectors)) == len(vectors)
    assert seen.counts.sum() == seen.labels.size
    assert len(seen.counts) == len(vectors)
    assert (seen.counts > 0).all()


def test_a_plain_map_needs_one_vector() -> None:
    seen = prototypes(np.full((8, 14, 25), 0.3, np.float32))
    assert len(seen.vectors) == 1
    assert not seen.labels.any()


def test_a_single_odd_cell_is_never_missed() -> None:
    features = np.random.default_rng(0).random((8, 14, 25), dtype=np.float32) * 0.5
    features[:, 5, 17] = [1, 0, 1, 0, 1, 0, 1, 0]
    seen = prototypes(features)
    assert len(seen.vectors) == MOST
    assert seen.counts[seen.labels[5, 17]] == 1
    assert np.array_equal(seen.vectors[seen.labels[5, 17]], features[:, 5, 17])


def test_what_is_kept_does_not_hold_on_to_the_map() -> None:
    seen = prototypes(np.random.default_rng(0).random((4, 6, 6), dtype=np.float32))
    assert seen.vectors.base is None or seen.vectors.base.size == seen.vectors.size
