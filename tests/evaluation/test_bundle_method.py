from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from pixelmix.dsp.stft import stft
from pixelmix.evaluation.examples import Example
from pixelmix.evaluation.methods import BundleMethod, apply_masks, resized
from pixelmix.mix.divide import divide
from pixelmix.model.bundle import load_bundle
from pixelmix.model.session import Networks
from tests.tiny_model import FRONT_END, VISION, build_tiny_bundle, tiny_description


@pytest.fixture(scope="module")
def method(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BundleMethod]:
    # Binary masks with a threshold: it has to be applied.
    about = replace(tiny_description("binary"), mask_type="binary", mask_threshold=0.5)
    folder = build_tiny_bundle(tmp_path_factory.mktemp("models") / "binary", about)
    with Networks.open(load_bundle(folder), "cpu", 1) as networks:
        yield BundleMethod(networks)


@pytest.fixture
def example() -> Example:
    random = np.random.default_rng(0)
    waves = random.normal(0, 0.05, (2, FRONT_END.window_samples)).astype(np.float32)
    sizes = ((96, 128), (128, 96))
    frames = tuple(
        tuple(random.integers(0, 255, (*size, 3), dtype=np.uint8) for _ in range(3))
        for size in sizes
    )
    return Example(("a", "b"), ("x", "y"), waves, frames)


def test_stems_are_those_of_the_masks_as_the_tool_divides_them(
    method: BundleMethod, example: Example
) -> None:
    networks = method.networks
    looks = np.stack(
        [
            np.max([method.features(p).max(axis=(1, 2)) for p in pictures], axis=0)
            for pictures in example.frames
        ]
    )
    raw = networks.masks(looks, method.components(example.mixture))[0]
    stems = method.separate(example)
    assert stems.shape == example.waves.shape
    cut = networks.bundle.cut(raw)
    assert set(np.unique(cut)) <= {0.0, 1.0}
    masks = divide(cut, method.see(example).heard, FRONT_END)
    wanted = apply_masks(FRONT_END, masks, example.mixture)
    np.testing.assert_allclose(stems, wanted, atol=1e-6)


def test_swapped_pictures_swap_the_stems(method: BundleMethod, example: Example) -> None:
    swapped = replace(example, frames=example.frames[::-1])
    np.testing.assert_allclose(method.separate(swapped), method.separate(example)[::-1], atol=1e-6)


def test_an_example_is_seen_once(method: BundleMethod, example: Example) -> None:
    seen = method.see(example)
    assert method.see(example) is seen
    other = replace(example, names=("c", "d"))
    assert method.see(other) is not seen
    np.testing.assert_array_equal(method.see(other).looks, seen.looks)


def test_masks_of_one_leave_the_sound_as_it_is() -> None:
    random = np.random.default_rng(1)
    samples = random.normal(0, 0.1, FRONT_END.window_samples).astype(np.float32)
    masks = np.ones((1, FRONT_END.rows, FRONT_END.frames), np.float32)
    np.testing.assert_allclose(apply_masks(FRONT_END, masks, samples)[0], samples, atol=1e-4)


def test_masks_act_on_their_frequencies() -> None:
    t = np.arange(FRONT_END.window_samples) / FRONT_END.rate
    low, high = (np.sin(2 * np.pi * hertz * t).astype(np.float32) for hertz in (200, 3000))
    masks = np.zeros((1, FRONT_END.rows, FRONT_END.frames), np.float32)
    masks[:, : FRONT_END.rows // 2] = 1.0  # the lower half of a log axis: up to about 1 kHz
    (stem,) = apply_masks(FRONT_END, masks, low + high)
    left = np.abs(stft(stem - low, FRONT_END.n_fft, FRONT_END.hop))
    whole = np.abs(stft(high, FRONT_END.n_fft, FRONT_END.hop))
    assert left[:, 4:-4].max() < 0.01 * whole.max()


@pytest.mark.parametrize(
    ("size", "wanted"),
    [((120, 160), (224, 304)), ((160, 120), (304, 224)), ((64, 64), (224, 224))],
)
def test_pictures_keep_all_of_their_area(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    picture = np.zeros((*size, 3), np.uint8)
    picture[0, 0] = picture[-1, -1] = 255
    shown = resized(picture, VISION)
    assert shown.shape == (*wanted, 3)
    assert shown[0, 0].min() > 200
    assert shown[-1, -1].min() > 200
