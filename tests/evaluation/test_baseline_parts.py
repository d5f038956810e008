"""What the baselines are made of."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pixelmix.data.dataset import Dataset
from pixelmix.errors import ModelError
from pixelmix.evaluation.baselines import learning, nmf
from pixelmix.evaluation.baselines.deepconvsep import DeepConvSep
from pixelmix.evaluation.baselines.learning import Learner, Mixtures, Plan
from pixelmix.evaluation.baselines.regression import Regression
from pixelmix.evaluation.baselines.solos import Solos
from pixelmix.evaluation.baselines.spectra import magnitudes, ratio_masks, with_phase_of
from pixelmix.types import FloatArray, FrontEnd
from tests.data.tiny_dataset import KINDS, RATE, make_dataset

FE = FrontEnd(RATE, 8_191, n_fft=510, hop=128, rows=256, warp_base=None, log_floor=1e-10)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("tones") / "data", seconds=2.0)


def random(seed: int, *shape: int) -> FloatArray:
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=5), st.integers(0, 99))
def test_masks_share_everything(kinds: list[str], seed: int) -> None:
    parts = random(seed, 3, 4, 6)[["abc".index(kind) for kind in kinds]]
    masks = ratio_masks(parts, kinds)
    np.testing.assert_allclose(masks.sum(axis=0), 1, rtol=1e-5)
    for kind in set(kinds):
        # A kind's share does not depend on how many sources it is divided among.
        once = list(dict.fromkeys(kinds))
        alone = ratio_masks(parts[[kinds.index(other) for other in once]])[once.index(kind)]
        together = masks[[other == kind for other in kinds]].sum(axis=0)
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-6)


def test_silence_is_shared_equally() -> None:
    np.testing.assert_array_equal(ratio_masks(np.zeros((4, 2, 3), np.float32)), 0.25)


def test_a_sound_is_its_magnitude_and_its_phase() -> None:
    # Without a warp, rows are bins: nothing is lost.
    wave = random(0, FE.window_samples) - np.float32(0.5)
    again = with_phase_of(wave, magnitudes(wave, FE)[None], FE)
    np.testing.assert_allclose(again[0], wave, atol=1e-5)


def divergence(v: FloatArray, w: FloatArray, h: FloatArray) -> float:
    """Generalised Kullback-Leibler divergence of ``V`` from ``W H``."""
    model = (w @ h).astype(np.float64)
    return float(np.sum(v * np.log(v / model) - v + model))


@pytest.mark.parametrize("what", ["LEARNING", "FITTING"])
def test_no_update_makes_a_factorisation_worse(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Theorem 2 of Lee and Seung.
    v = random(1, 20, 30) + np.float32(0.01)
    found: list[float] = []
    for updates in (0, 1, 2, 5, 20, 60):
        monkeypatch.setattr(nmf, what, updates)
        w = nmf.dictionary(v, 4, np.random.default_rng(2))
        np.testing.assert_allclose(w.sum(axis=0), 1, rtol=1e-5)
        found.append(divergence(v, w, nmf.activations(v, w)))
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.9 * found[0]


def test_a_dictionary_finds_the_spectra_that_there_are() -> None:
    true = np.zeros((12, 3), np.float32)
    for spectrum in range(3):
        true[4 * spectrum : 4 * spectrum + 3, spectrum] = (0.5, 0.3, 0.2)
    # Seldom together: else others would explain the sum as well.
    found = nmf.dictionary(true @ random(3, 3, 50) ** 8, 3, np.random.default_rng(0))
    order = np.argsort(found.argmax(axis=0))
    np.testing.assert_allclose(found[:, order], true, atol=0.02)


def test_mixtures_are_of_different_kinds_and_equally_loud(dataset: Dataset) -> None:
    solos = Solos(dataset)
    rng = np.random.default_rng(0)
    assert solos.kinds == KINDS
    for _ in range(20):
        kinds, waves = solos.mixture(3, 4_000, rng)
        assert len(set(kinds)) == 3
        levels = np.sqrt(np.mean(waves**2, axis=1))
        np.testing.assert_allclose(levels, levels[0], rtol=1e-3)
        np.testing.assert_allclose(np.mean(waves.sum(axis=0) ** 2), 1, rtol=1e-3)


def test_only_training_sounds_are_learnt_from(dataset: Dataset, tmp_path: Path) -> None:
    other = make_dataset(tmp_path / "data", seconds=2.0)
    other.sounds = tuple(sound for sound in other.sounds if sound.split == "train")
    for kind in KINDS:
        both = [
            Solos(data).crop(kind, 5_000, np.random.default_rng(7)) for data in (dataset, other)
        ]
        np.testing.assert_array_equal(*both)


def test_short_sounds_are_filled_up_with_silence(dataset: Dataset) -> None:
    crop = Solos(dataset).crop("bell", 3 * RATE, np.random.default_rng(0))
    assert crop.shape == (3 * RATE,)
    assert np.any(crop[: 2 * RATE])
    assert not np.any(crop[2 * RATE :])


@pytest.mark.parametrize(("rows", "frames"), [(256, 256), (97, 31), (64, 7)])
def test_networks_take_any_size(rows: int, frames: int) -> None:
    mixture = torch.rand(2, rows, frames)
    kinds = torch.tensor([[0, 1, 0], [2, 2, 1]])
    for network in (DeepConvSep(rows, 3).eval(), Regression(3).eval()):
        with torch.no_grad():
            found = network(mixture, kinds)
        assert found.shape == (2, 3, rows, frames)
        # A source's answer depends on the mixture and its own kind only.
        torch.testing.assert_close(found[0, 0], found[0, 2])
        torch.testing.assert_close(found[1, 0], found[1, 1])
        assert not torch.allclose(found[0, 0], found[0, 1])


class Broken(Learner):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def cost(self, batch: Mixtures) -> torch.Tensor:
        return (self.weight * batch.mixture.mean()).log().sum()


def test_a_training_that_fails_says_so(dataset: Dataset) -> None:
    plan = Plan("broken", steps=3, batch=1, frames=8, learning_rate=0.1)
    with pytest.raises(ModelError, match="broken: the loss is no longer finite at step 1;"):
        learning.train(Broken, Solos(dataset), FE, plan, 0, print)


def test_training_leaves_the_global_random_numbers_alone(dataset: Dataset) -> None:
    plan = Plan("short", steps=1, batch=2, frames=16, learning_rate=0.1)
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    learning.train(lambda: DeepConvSep(FE.rows, 4), Solos(dataset), FE, plan, 0, print)
    torch.testing.assert_close(torch.rand(3), wanted)
