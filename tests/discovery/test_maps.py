"""Maps of where the sound is: what lights up, when, and in which colour."""

import numpy as np
import pytest

from pixelmix.discovery.discover import Found
from pixelmix.discovery.maps import cluster_maps, energy_maps, held, region_maps
from pixelmix.discovery.prototypes import Prototypes
from pixelmix.discovery.scene import BANDS, SAMPLES, Scene
from pixelmix.drawing.colourmap import heat
from pixelmix.types import FloatArray

STEP = 0.05
STEPS = 40


def scene(parts: tuple[float, float, float], course: FloatArray | None = None) -> Scene:
    """A picture in three columns of cells that get these parts of a sound."""
    labels = np.repeat(np.array([[0, 0, 0, 1, 1, 1, 2, 2, 2]], np.uint8), 6, axis=0)
    mixture = np.ones(STEPS, np.float32) if course is None else course
    spectra = np.full((3, BANDS), 1e-3, np.float32)
    spectra[0, :8], spectra[1, 8:16], spectra[2, 16:] = 1.0, 1.0, 1.0
    return Scene(
        start=0.0,
        step=STEP,
        seen=Prototypes(np.eye(3, dtype=np.float32), labels),
        energy=np.array(parts, np.float32)[:, None] * mixture,
        spectra=spectra,
        mixture=mixture,
        sample=np.zeros((3, SAMPLES), np.float32),
    )


def test_the_more_of_the_sound_the_clearer() -> None:
    last = [*energy_maps([scene((0.5, 0.04, 0.2))], heat())][-1]
    left, middle, right = (last[3, col, 3] for col in (0, 4, 8))
    assert left > 250
    assert middle < right < left
    assert last.shape == (6, 9, 4)


def test_nothing_lights_up_where_nothing_stands_out() -> None:
    # What an empty scene gets of any sound.
    last = [*energy_maps([scene((0.03, 0.03, 0.03))], heat())][-1]
    assert last[..., 3].max() < 130


def test_silence_stays_dark() -> None:
    silent = scene((0.0, 0.0, 0.0), np.zeros(STEPS, np.float32))
    for maps in (energy_maps([silent], heat()), cluster_maps([silent])):
        assert not any(picture[..., 3].any() for picture in maps)


def test_colours_are_levels() -> None:
    course = np.ones(STEPS, np.float32)
    course[20:] = 0.001  # 30 dB down
    pictures = [*energy_maps([scene((0.5, 0.0, 0.0), course)], heat())]
    assert np.array_equal(pictures[19][3, 0, :3], heat()[-1])
    assert np.abs(pictures[-1][3, 0, :3].astype(int) - heat()[0]).max() <= 8


def test_it_comes_fast_and_leaves_slowly() -> None:
    course = np.zeros(STEPS, np.float32)
    course[10:20] = 1.0
    clear = [int(p[3, 0, 3]) for p in energy_maps([scene((0.5, 0.0, 0.0), course)], heat())]
    assert clear[9] == 0
    assert clear[11] > 200
    assert 100 < clear[22] < 230
    assert clear[-1] < 10


def test_colours_leave_as_slowly_as_opacities() -> None:
    course = np.ones(STEPS, np.float32)
    course[20:] = 0.001  # 30 dB down
    pictures = [*energy_maps([scene((0.5, 0.0, 0.0), course)], heat())]
    half = heat()[np.rint(255 * np.exp(-5 * STEP / 0.25)).astype(int)]
    assert np.abs(pictures[24][3, 0, :3].astype(int) - half).max() <= 3


def shown(*cells: tuple[int, int, int, int]) -> list[int]:
    """Which of some maps of one cell are shown in their place."""
    maps = [np.array([[cell]], np.uint8) for cell in cells]
    found = [*held(maps)]
    return [next(i for i, one in enumerate(maps) if one is seen) for seen in found]


def test_a_map_is_held_until_something_visibly_appears() -> None:
    steps = [(255, 0, 0, opacity) for opacity in (100, 120, 151, 152, 160, 255, 240)]
    assert shown(*steps) == [0, 0, 0, 3, 3, 5, 5]


def test_what_leaves_is_shown_half_a_second_late() -> None:
    steps = [(255, 0, 0, opacity) for opacity in (130, *[78] * 15)]
    assert shown(*steps) == [*[0] * 12, *[12] * 4]
    # Something that appears elsewhere brings it along at once.
    assert shown((255, 0, 0, 130), (255, 0, 0, 0), (0, 0, 255, 130)) == [0, 0, 2]


def test_a_small_change_is_shown_a_second_late() -> None:
    steps = [(255, 0, 0, opacity) for opacity in (30, *[21] * 25)]
    assert shown(*steps) == [*[0] * 24, *[24] * 2]
    assert shown(*[(255, 0, 0, opacity) for opacity in (30, *[23] * 30)]) == [0] * 31


def test_a_colour_that_can_hardly_be_seen_does_not_count() -> None:
    assert shown((255, 0, 0, 20), (0, 255, 255, 20)) == [0, 0]
    assert shown((200, 0, 0, 200), (240, 0, 0, 200), (255, 60, 0, 200), (255, 70, 0, 200)) == [
        0,
        0,
        0,
        3,
    ]


def test_similar_sounds_have_similar_colours() -> None:
    first = scene((0.4, 0.4, 0.4))
    (*_, one), (*_, other) = cluster_maps([first]), cluster_maps([first, first])
    left, right = one[3, 0, :3].astype(int), one[3, 8, :3].astype(int)
    assert np.abs(left - right).max() > 60
    assert np.abs(one[..., :3].astype(int) - other[..., :3]).max() <= 1


def test_regions_have_their_colours_and_the_rest_none() -> None:
    here = scene((0.5, 0.01, 0.2))
    cells = np.zeros((2, 1, 6, 9), np.float32)
    cells[0, 0, :, :3], cells[1, 0, :, 6:] = 0.5, 0.2
    found = [Found(np.zeros(3, np.float32), own, 0.5) for own in cells]
    last = [*region_maps([here], found, [(255, 0, 0), (0, 0, 255)])][-1]
    assert last[3, 0].tolist() == pytest.approx([255, 0, 0, 255], abs=1)
    assert last[3, 8].tolist() == pytest.approx([0, 0, 255, 255], abs=1)
    assert last[3, 4, 3] == 0


def test_no_regions_no_colours() -> None:
    assert not any(picture[..., 3].any() for picture in region_maps([scene((0.1,) * 3)], [], []))
