from itertools import combinations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.drawing.labels import place_labels

HEIGHT, WIDTH = 200, 300


def patch(top: int, left: int, height: int, width: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + height, left : left + width] = True
    return mask


patches = st.builds(
    patch, st.integers(0, 180), st.integers(0, 280), st.integers(1, 100), st.integers(1, 100)
)
sizes = st.tuples(st.integers(20, 90), st.integers(12, 30))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(sizes, patches), max_size=12))
def test_labels_lie_inside_and_never_on_each_other(
    wanted: list[tuple[tuple[int, int], npt.NDArray[np.bool_]]],
) -> None:
    labels = place_labels([size for size, _ in wanted], [mask for _, mask in wanted])
    areas = []
    for label, (size, mask) in zip(labels, wanted, strict=True):
        if label is None:
            continue
        area = label.area
        areas.append(area)
        assert (area.width, area.height) == size
        assert area.x >= 0
        assert area.y >= 0
        assert area.right <= WIDTH
        assert area.bottom <= HEIGHT
        if label.target:
            x, y = label.target
            assert mask[y, x]
            assert not mask[area.y : area.bottom, area.x : area.right].any()
    for one, other in combinations(areas, 2):
        apart_x = one.right < other.x or other.right < one.x
        apart_y = one.bottom < other.y or other.bottom < one.y
        assert apart_x or apart_y
    if len(wanted) <= 3:
        assert len(areas) == len(wanted)


def test_a_label_stands_right_above_what_it_names() -> None:
    (label,) = place_labels([(60, 20)], [patch(100, 100, 80, 80)])
    assert label is not None
    assert label.target is None
    assert abs(label.area.bottom - 100) <= 6
    assert abs(label.area.middle[0] - 140) <= 4


def test_a_label_that_must_stand_aside_leads_to_what_it_names() -> None:
    masks = [patch(100, 140, 10, 10)] * 8
    labels = place_labels([(60, 20)] * 8, masks)
    assert all(label is not None for label in labels)
    assert sum(label.target is not None for label in labels if label) >= 3


def test_no_room_is_no_label() -> None:
    everywhere = patch(0, 0, HEIGHT, WIDTH)
    assert place_labels([(WIDTH + 1, 10), (10, HEIGHT + 1)], [everywhere] * 2) == [None, None]
    first, second = place_labels([(WIDTH, HEIGHT), (10, 10)], [everywhere] * 2)
    assert first is not None
    assert second is None
    assert place_labels([(10, 10)], [~everywhere]) == [None]
    assert place_labels([], []) == []
