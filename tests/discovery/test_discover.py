"""What sounds in scenes made by hand."""

import time
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.discovery.discover import MOST, Found, discover
from pixelmix.discovery.prototypes import prototypes
from pixelmix.discovery.scene import SAMPLES, Scene, look_closer
from pixelmix.types import FloatArray
from tests.discovery.made_scenes import SHAPE, K, looks, make_scene, masks_of, scene_of, sounds

BOTH = {0: 1.0, 1: 1.0}


def kinds(found: tuple[Found, ...]) -> list[int]:
    return [int(one.feature.argmax()) for one in found]


def test_two_things_are_named_from_left_to_right() -> None:
    for left, right in ((0, 1), (1, 0)):
        found = discover([make_scene([(left, 3, 2), (right, 3, 12)], BOTH)], masks_of)
        assert kinds(found) == [left, right]
        assert found[0].cells.shape == (1, *SHAPE)
        for one, col in zip(found, (3, 13), strict=True):
            assert one.usual_cells().argmax() == 4 * SHAPE[1] + col


def test_what_stands_above_each_other_goes_from_top_to_bottom() -> None:
    found = discover([make_scene([(1, 6, 8), (0, 1, 8)], BOTH)], masks_of)
    assert kinds(found) == [0, 1]


def test_what_is_silent_is_left_out() -> None:
    found = discover([make_scene([(0, 3, 2), (1, 3, 8), (2, 3, 13)], {0: 1.0, 2: 0.7})], masks_of)
    assert kinds(found) == [0, 2]


def test_two_alike_are_one() -> None:
    (found,) = discover([make_scene([(0, 3, 2), (0, 3, 12)], {0: 1.0})], masks_of)
    cells = found.usual_cells()
    assert cells[4, 3] == pytest.approx(cells[4, 13])
    assert cells[4, 8] == 0


def test_what_moves_or_changes_places_is_followed() -> None:
    scenes = [
        make_scene([(0, 3, 2), (1, 3, 12)], BOTH, seed=0),
        make_scene([(0, 3, 4), (1, 3, 12)], BOTH, seed=1, start=2.0),
        make_scene([(1, 3, 2), (0, 3, 12)], BOTH, seed=2, start=4.0),  # after a cut
        make_scene([(2, 3, 8)], {0: 1.0}, seed=3, start=6.0),  # away
        make_scene([(0, 3, 2), (1, 3, 12)], BOTH, seed=4, start=8.0),
    ]
    found = discover(scenes, masks_of)
    assert kinds(found) == [0, 1]
    tracks = [[_column(one, i) for i in range(5)] for one in found]
    assert tracks == [[3, 5, 13, None, 3], [13, 13, 3, None, 13]]


def _column(found: Found, scene: int) -> int | None:
    cells = found.cells[scene]
    return int(cells.max(axis=0).argmax()) if cells.any() else None


def test_where_two_meet_is_not_a_third() -> None:
    features = looks([(0, 3, 4), (1, 3, 8)])
    # Cells between them look half like each, as cells at an edge do.
    features[:, 3:6, 7] = (features[:, 3:6, 6] + features[:, 3:6, 8]) / 2
    assert kinds(discover([scene_of(features, BOTH)], masks_of)) == [0, 1]


def test_what_the_others_explain_is_not_a_third() -> None:
    """A thing apart that would get much of the sound, but sounds like a mixture of two others."""
    features = looks([(0, 3, 1), (1, 3, 14)])
    features[0, 3:6, 7:10] = features[1, 3:6, 7:10] = 0.55
    scene = scene_of(features, BOTH)
    assert scene.shares()[4, 8] > 0.2
    assert kinds(discover([scene], masks_of)) == [0, 1]
    assert len(discover([scene], masks_of, 3)) == 3


def test_a_region_ends_where_it_gets_little() -> None:
    features = looks([(0, 3, 2)])
    features[0, 3:6, 5:9] = 0.5  # around it, fainter
    (found,) = discover([scene_of(features, {0: 1.0})], masks_of)
    cells = found.usual_cells()
    assert cells[4, 3] > 0
    assert not cells[4, 6:].any()


def test_a_region_looks_like_its_sightings_by_what_they_get() -> None:
    clear, dim = looks([(0, 3, 2)]), looks([(0, 3, 2)]) * 0.8
    scenes = [scene_of(clear, {0: 2.0}), scene_of(dim, {0: 1.0}, start=2.0)]
    (found,) = discover(scenes, masks_of)
    parts = [float(scene.shares().max()) * scene.total for scene in scenes]
    wanted = np.average([0.98, 0.8 * 0.98], weights=parts)
    assert found.feature[0] == pytest.approx(wanted, rel=1e-3)


def test_count_overrides_what_the_sound_says() -> None:
    scenes = [make_scene([(0, 3, 2), (1, 3, 8), (2, 3, 13)], {0: 1.0, 1: 1.0, 2: 0.05})]
    assert kinds(discover(scenes, masks_of)) == [0, 1]
    assert kinds(discover(scenes, masks_of, 3)) == [0, 1, 2]
    assert len(discover(scenes, masks_of, 2)) == 2
    (one,) = discover(scenes, masks_of, 1)
    assert one.feature.argmax() in (0, 1)


def test_a_guess_is_no_region_unless_it_is_asked_for() -> None:
    """What gets a little of everything, and much in all."""
    scenes = [make_scene([(0, 3, 2), (1, 3, 12)], {0: 1.0, 1: 2.0})]

    def vague(vectors: FloatArray, points: FloatArray) -> FloatArray:
        masks = masks_of(vectors, points)
        masks[vectors.argmax(axis=1) == 1] = 0.11
        return masks

    assert kinds(discover(scenes, vague)) == [0]
    assert kinds(discover(scenes, vague, 2)) == [0, 1]


def closer(scene: Scene, *placed: tuple[int, int, int], loud: Mapping[int, float] = BOTH) -> Scene:
    """The scene with a look at twice as many cells, which shows more."""
    features = looks(placed, (2 * SHAPE[0], 2 * SHAPE[1]))
    components, magnitude = sounds(loud)
    seen = prototypes(features)
    masks = masks_of(seen.vectors, components.reshape(K, -1)).reshape(-1, *magnitude.shape)
    return replace(scene, closer=look_closer(seen, masks, magnitude))


def test_a_closer_look_shows_what_is_small() -> None:
    scene = make_scene([(0, 3, 2)], BOTH)
    assert kinds(discover([scene], masks_of)) == [0]
    near = closer(scene, (0, 7, 5), (1, 14, 30))
    found = discover([near, scene], masks_of)
    assert kinds(found) == [0, 1]
    small = found[1]
    assert small.cells.shape == (2, *SHAPE)
    assert small.cells[0].argmax() == 7 * SHAPE[1] + 15
    assert not small.cells[1].any()
    assert near.closer is not None
    # The energy of a closer look's cell is its part of the same sound.
    share = near.closer.view().shares[15, 31]
    assert small.cells.max() == pytest.approx(share * scene.total, rel=1e-4)


def test_a_closer_look_changes_nothing_about_what_is_known() -> None:
    scene = make_scene([(0, 3, 2), (1, 3, 12)], BOTH)
    # There the first thing looks like something else.
    near = closer(scene, (2, 7, 5), (1, 7, 25), loud={0: 1.0, 1: 1.0, 2: 1.0})
    for one, other in zip(discover([scene], masks_of), discover([near], masks_of), strict=True):
        np.testing.assert_array_equal(one.feature, other.feature)
        np.testing.assert_array_equal(one.cells, other.cells)


def test_what_only_a_closer_look_shows_is_small() -> None:
    """What fills much of the picture would have been seen before: it is the surroundings."""
    scene = make_scene([(0, 3, 2)], BOTH)
    many = [(1, row, col) for row in (1, 9, 15) for col in range(14, 34, 4)]
    assert kinds(discover([closer(scene, *many)], masks_of)) == [0]
    assert kinds(discover([closer(scene, many[-1])], masks_of)) == [0, 1]
    alone = make_scene([], BOTH)
    assert discover([closer(alone, *many)], masks_of) == ()
    assert kinds(discover([closer(alone, many[-1])], masks_of)) == [1]


def test_count_takes_what_closer_looks_show_before_guesses() -> None:
    scene = make_scene([(0, 3, 2), (2, 7, 8)], {0: 1.0, 1: 1.0, 2: 0.05})
    near = closer(scene, (1, 4, 28), loud={0: 1.0, 1: 1.0, 2: 0.05})
    assert kinds(discover([near], masks_of)) == [0, 1]
    assert kinds(discover([near], masks_of, 1)) == [0]
    assert kinds(discover([near], masks_of, 2)) == [0, 1]
    assert kinds(discover([near], masks_of, 3)) == [0, 2, 1]


def test_there_are_never_too_many() -> None:
    random = np.random.default_rng(0)
    features = random.random((K, *SHAPE), dtype=np.float32)
    found = discover([scene_of(features, dict.fromkeys(range(K), 1.0))], masks_of)
    assert 1 <= len(found) <= min(MOST, K)


def test_without_sound_nothing_is_found() -> None:
    silent = make_scene([(0, 3, 2), (1, 3, 12)], {})
    silent = replace(silent, mixture=silent.mixture * 1e-9, energy=silent.energy * 1e-9)
    for count in (None, 2):
        assert discover([silent], masks_of, count) == ()
    assert discover([], masks_of) == ()


def test_silence_before_and_after_changes_nothing() -> None:
    loud = make_scene([(0, 3, 2), (1, 3, 12)], BOTH)
    quiet = replace(loud, mixture=loud.mixture * 0, energy=loud.energy * 0)
    alone, between = discover([loud], masks_of), discover([quiet, loud, quiet], masks_of)
    for one, other in zip(alone, between, strict=True):
        np.testing.assert_allclose(one.feature, other.feature, rtol=1e-6)
        np.testing.assert_allclose(one.cells[0], other.cells[1], rtol=1e-6)
        assert not other.cells[[0, 2]].any()


def test_nothing_to_see_is_nothing_found() -> None:
    assert discover([make_scene([], BOTH)], masks_of) == ()


@given(
    order=st.permutations([(0, 2), (1, 8), (2, 13)]),
    level=st.floats(1.0, 1e3),
    seed=st.integers(0, 50),
)
@settings(max_examples=20, deadline=None)
def test_order_and_level_do_not_matter(
    order: list[tuple[int, int]], level: float, seed: int
) -> None:
    loud = dict.fromkeys(range(3), level)
    scenes = [make_scene([(kind, 3, col)], loud, seed=seed + kind) for kind, col in order]
    found = discover(scenes, masks_of)
    assert kinds(found) == [0, 1, 2]
    again = discover(scenes, masks_of)
    for one, other in zip(found, again, strict=True):
        assert np.array_equal(one.feature, other.feature)
        assert np.array_equal(one.cells, other.cells)
        assert (one.cells.sum(axis=(1, 2)) > 0).sum() == 1


def test_a_plain_picture_costs_no_more_than_a_full_one() -> None:
    """Every cell of a plain picture is as high as its neighbours; it is one place all the same."""
    plain = scene_of(np.full((K, 14, 56), 0.6, np.float32), BOTH)
    began = time.process_time()
    discover([plain] * 60, masks_of)
    assert time.process_time() - began < 5.0


def test_an_hour_takes_little_time_and_memory() -> None:
    asked = []

    def masks(
        vectors: npt.NDArray[np.float32], points: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        asked.append(points.shape[1])
        return masks_of(vectors, points)

    scene = make_scene([(0, 3, 2), (1, 3, 12)], BOTH)
    scenes = [replace(scene, start=i * 3.0) for i in range(1_200)]
    tracemalloc.start()
    began = time.process_time()
    assert kinds(discover(scenes, masks)) == [0, 1]
    assert time.process_time() - began < 20.0
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert max(asked) <= 2**16 < 1_200 * SAMPLES
    assert peak < 20e6
