from pathlib import Path

import numpy as np
import pytest

from pixelmix.evaluation.examples import Example, draw
from pixelmix.evaluation.methods import BundleMethod
from pixelmix.evaluation.metrics import LIMIT
from pixelmix.evaluation.places import beside, cell_levels, row_energy, sides_found, silent_level
from pixelmix.model.bundle import load_bundle
from pixelmix.model.session import Networks
from tests.data.tiny_dataset import make_dataset
from tests.evaluation.knowing_networks import Knowing
from tests.tiny_model import FRONT_END, VISION


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Example, ...]:
    dataset = make_dataset(tmp_path_factory.mktemp("kit"))
    return draw(dataset, "val", FRONT_END, VISION, sources=2, same_kind=False, count=3, seed=0)


@pytest.fixture(scope="module")
def knowing(tiny_bundle: Path) -> BundleMethod:
    return BundleMethod(Knowing(load_bundle(tiny_bundle)))  # type: ignore[arg-type]


def test_the_side_that_sounds_is_found(
    knowing: BundleMethod, examples: tuple[Example, ...]
) -> None:
    for example in examples:
        assert sides_found(knowing, example) == (True, True)


def test_with_the_pictures_swapped_neither_is_found(
    knowing: BundleMethod, examples: tuple[Example, ...]
) -> None:
    one = examples[0]
    swapped = Example(one.names, one.kinds, one.waves, one.frames[::-1])
    assert sides_found(knowing, swapped) == (False, False)


def test_a_silent_place_gets_little_and_a_sounding_one_much(
    knowing: BundleMethod, examples: tuple[Example, ...]
) -> None:
    example = examples[0]
    black = np.zeros((64, 64, 3), np.uint8)
    quiet = silent_level(knowing, example, (black,))
    assert -LIMIT <= quiet < -12
    # It shares the sound with the very same region.
    assert silent_level(knowing, example, example.frames[0]) > max(-15, quiet + 10)


def test_two_pictures_are_joined_at_one_height() -> None:
    left = np.full((100, 200, 3), 10, np.uint8)
    right = np.full((90, 30, 3), 200, np.uint8)
    joined, border = beside(left, right, 60)
    assert joined.shape == (60, 140, 3)
    assert border == pytest.approx(120 / 140)
    assert np.all(joined[:, :120] == 10)
    assert np.all(joined[:, 120:] == 200)


def test_cells_are_weighed_with_the_energy_of_the_sound(tiny_bundle: Path) -> None:
    random = np.random.default_rng(0)
    samples = random.normal(0, 0.1, FRONT_END.window_samples).astype(np.float32)
    with Networks.open(load_bundle(tiny_bundle), "cpu", 1) as networks:
        model = BundleMethod(networks)
        features = random.random((4, 6, 7), np.float32)  # more cells than one batch
        found = cell_levels(model, features, samples).reshape(6, 7)
        cell = features[:, 4, 5][None]
        mask = networks.masks(cell, model.components(samples))[0, 0]
        wanted = np.sum(mask**2 * row_energy(model, samples))
    np.testing.assert_allclose(found[4, 5], wanted, rtol=1e-4)


def test_every_bin_counts_once(knowing: BundleMethod) -> None:
    samples = np.random.default_rng(2).normal(0, 0.1, FRONT_END.window_samples)
    energy = row_energy(knowing, samples.astype(np.float32)).sum()
    # A frame's power is n_fft times that of its windowed samples, over half of the spectrum.
    frames = FRONT_END.frames * 0.375 * FRONT_END.n_fft * 0.01
    assert energy == pytest.approx(frames * FRONT_END.n_fft / 2, rel=0.02)
