from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pixelmix.dsp.stft import stft
from pixelmix.dsp.warp import warp_matrix
from pixelmix.train.batches import Batch, Mixer
from pixelmix.train.losses import divergence, examples, losses
from pixelmix.train.model import Separator
from tests.train.tiny_kit import NAMES, TINY


@pytest.fixture(scope="module")
def batch(cache: Path) -> Batch:
    recipe = replace(TINY, three_probability=0.0)
    return Mixer(cache, recipe, np.random.default_rng(0)).batch(TINY.half_window)


@pytest.fixture
def model() -> Separator:
    torch.manual_seed(0)
    return Separator(TINY, len(NAMES))


def test_the_network_hears_what_it_will_hear_in_use(batch: Batch) -> None:
    fe = TINY.front_end
    found = examples(batch.waves, TINY)
    mixture = batch.waves.sum(1).numpy()
    wanted = np.log(warp_matrix(fe) @ np.abs(stft(mixture, fe.n_fft, fe.hop)) + fe.log_floor)
    np.testing.assert_allclose(found.log_magnitude[:, 0], wanted, atol=1e-3)


def test_targets_say_who_is_loudest(batch: Batch) -> None:
    targets = examples(batch.waves, TINY).targets
    assert set(targets.unique().tolist()) == {0.0, 1.0}
    assert float(targets.sum(1).max()) == 1.0
    assert not targets[:, -1].any()
    alone = torch.stack([batch.waves[:, 0], 0 * batch.waves[:, 1], 0 * batch.waves[:, 2]], 1)
    targets = examples(alone, TINY).targets
    assert bool(targets[:, 0].all())
    assert not targets[:, 1:].any()


def test_weights_do_not_depend_on_the_level(batch: Batch) -> None:
    loud, soft = (examples(gain * batch.waves, TINY).weights for gain in (1.0, 0.01))
    torch.testing.assert_close(loud, soft, rtol=1e-3, atol=1e-4)
    low, high = TINY.weight_range
    assert float(loud.min()) >= low - 1e-6
    assert float(loud.max()) <= high + 1e-6


def test_losses_are_positive_and_reach_every_part(model: Separator, batch: Batch) -> None:
    found = losses(model, batch, 0.5, replace(TINY, class_share=0.5))
    assert all(0 < value.item() < 10 for value in found)
    expected = found.masks + TINY.silent_weight * found.silent + TINY.vision_weight * found.vision
    torch.testing.assert_close(found.total, expected)
    torch.autograd.backward(found.total)
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.isfinite().all()), name


def test_the_class_vectors_are_taught_by_sound_alone(model: Separator, batch: Batch) -> None:
    torch.autograd.backward(losses(model, batch, 0.0, TINY).vision)
    assert model.emb.weight.grad is None
    assert model.head.a.weight.grad is not None


def test_at_first_only_class_vectors_are_heard(model: Separator, batch: Batch) -> None:
    found = losses(model.eval(), batch, 0.0, TINY)
    blind = batch._replace(cells=torch.zeros_like(batch.cells))
    torch.testing.assert_close(losses(model, blind, 0.0, TINY).masks, found.masks)


def test_divergence_is_least_where_probabilities_agree() -> None:
    wanted = torch.linspace(0.01, 0.99, 50)
    assert float(divergence(wanted, wanted)) == pytest.approx(0, abs=1e-6)
    assert float(divergence(wanted.flip(0), wanted)) > 0.1
