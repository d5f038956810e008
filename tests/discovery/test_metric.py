"""How alike masks are, told from the components alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pixelmix.discovery.metric import SoundMetric, correlations
from tests.discovery.made_scenes import K, make_scene

SCENES = [
    make_scene([(0, 3, 3)], {0: 1.0, 1: 0.5}, seed=1),
    make_scene([(1, 3, 3)], {1: 2.0, 2: 1.0}, seed=2),
]
vectors = arrays(np.float32, (3, K), elements=st.floats(0.0625, 1, width=32))


@given(vectors)
@settings(max_examples=50, deadline=None)
def test_they_are_the_correlations_of_the_logits(some: np.ndarray) -> None:
    found = SoundMetric(SCENES).coordinates(some)
    points = np.concatenate([scene.sample for scene in SCENES], axis=1).astype(np.float64)
    weights = np.repeat([scene.total for scene in SCENES], SCENES[0].sample.shape[1])
    covariance = np.cov(some @ points, aweights=weights, bias=True)
    np.testing.assert_allclose(found @ found.T, covariance, rtol=1e-4, atol=1e-4)
    deviations = np.sqrt(np.diag(covariance))
    wanted = covariance / deviations[:, None] / deviations
    np.testing.assert_allclose(correlations(found, found), wanted, atol=1e-4)


@given(vectors, st.floats(0.01, 100), st.floats(0.01, 100))
@settings(max_examples=50, deadline=None)
def test_strength_does_not_matter(some: np.ndarray, one: float, other: float) -> None:
    coordinates = SoundMetric(SCENES).coordinates(some)
    found = correlations(coordinates, coordinates[:2])
    np.testing.assert_allclose(
        correlations(one * coordinates, other * coordinates[:2]), found, atol=1e-9
    )
    assert found.shape == (3, 2)
    assert np.abs(found).max() <= 1 + 1e-9
    np.testing.assert_allclose(np.diag(found), 1.0, atol=1e-9)


def test_nothing_is_like_nothing() -> None:
    coordinates = SoundMetric(SCENES).coordinates(np.zeros((1, K), np.float32))
    assert correlations(coordinates, coordinates)[0, 0] == 0.0


def test_silent_scenes_say_nothing() -> None:
    silent = make_scene([], {}, seed=3)
    loud = SoundMetric(SCENES)
    both = SoundMetric([*SCENES, silent])
    one = loud.coordinates(np.eye(K, dtype=np.float32))
    other = both.coordinates(np.eye(K, dtype=np.float32))
    np.testing.assert_allclose(one @ one.T, other @ other.T, rtol=1e-3, atol=1e-3)
