from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pixelmix.data.dataset import Dataset
from pixelmix.dsp.stft import stft
from pixelmix.dsp.warp import warp_matrix
from pixelmix.mix.plan import spectrogram
from pixelmix.train.losses import (
    Losses,
    Objective,
    class_share,
    divergence,
    examples,
    spectrograms,
)
from pixelmix.train.mixtures import Batch, Mixer, Source
from pixelmix.train.model import Separator
from pixelmix.train.recipe import Recipe, preset
from pixelmix.train.sounds import waves
from pixelmix.types import FloatArray
from tests.data.tiny_dataset import KINDS
from tests.train.tiny_recipe import TINY, TUNED

FE = TINY.front_end
WHOLE = replace(TINY, full_from=0.0, sources=(0.0, 1.0, 0.0), noise_probability=1.0)


@pytest.fixture(scope="module")
def batch(kit: Dataset, features: Path) -> Batch:
    """Four mixtures of three sources, a silent picture and noise."""
    return Mixer(Source(kit.folder, features, WHOLE, WHOLE.steps)).draw(0)


def separator(recipe: Recipe = TINY) -> Separator:
    torch.manual_seed(0)
    model = Separator(recipe, len(KINDS))
    with torch.no_grad():
        for weight in model.syn.parameters():
            weight.add_(0.3 * torch.randn(weight.shape))
    return model


@torch.no_grad()
def losses(
    batch: Batch, recipe: Recipe = TINY, progress: float = 0.5, model: Separator | None = None
) -> Losses:
    objective = Objective((model or separator(recipe)).eval(), recipe)
    found: Losses = objective(batch, progress)
    return found


def magnitudes(batch: Batch, recipe: Recipe = TINY) -> tuple[FloatArray, FloatArray]:
    """Warped magnitudes of the mixture and of all parts (the noise is the last), in numpy."""
    parts = waves(batch.sounds, batch.samples, recipe).numpy()
    warp = warp_matrix(FE)
    mixture = np.abs(stft(parts.sum(axis=1), FE.n_fft, FE.hop))
    return warp @ mixture, warp @ np.abs(stft(parts, FE.n_fft, FE.hop))


def louder(batch: Batch, gain: float) -> Batch:
    sounds = batch.sounds
    shape = sounds.noise_shape * torch.tensor([1.0, gain])
    return batch._replace(sounds=sounds._replace(gains=sounds.gains * gain, noise_shape=shape))


def alone(batch: Batch) -> Batch:
    """The first source and its picture, without noise."""
    sounds = batch.sounds
    first = {
        name: getattr(sounds, name)[:, :1]
        for name in ("crops", "lengths", "tone", "rooms", "drive", "gains")
    }
    return Batch(
        sounds._replace(**first, noise_shape=0 * sounds.noise_shape),
        batch.looks[:, :1],
        batch.classes[:, :1],
        batch.chance[:, :1],
        batch.heard[:, :1],
        batch.samples,
    )


def agreeing(found: Tensor, wanted: FloatArray) -> float:
    """Share of equal cells: rounding decides those on the edge."""
    assert found.shape == wanted.shape
    return float((found.numpy() == wanted).mean())


# What the networks are shown, and what is wanted of them


def test_the_network_hears_what_it_will_hear_in_use(batch: Batch) -> None:
    found = examples(batch, TINY).log_magnitude
    mixtures = waves(batch.sounds, batch.samples, TINY).sum(1).numpy()
    assert mixtures.shape == (4, FE.window_samples)
    wanted = np.concatenate([spectrogram(FE, one[None]).log_magnitude for one in mixtures])
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-2)


def test_spectrograms_are_those_of_the_rest_of_the_house() -> None:
    samples = torch.randn(2, 3, 1_000, generator=torch.Generator().manual_seed(0))
    found = spectrograms(samples, FE)
    np.testing.assert_allclose(found, stft(samples.numpy(), FE.n_fft, FE.hop), atol=1e-4)


def test_targets_are_above_half_of_all_parts(batch: Batch) -> None:
    targets = examples(batch, TINY).targets
    _, parts = magnitudes(batch)
    wanted = (parts[:, :3] > 0.5 * parts.sum(axis=1, keepdims=True)).astype(np.float32)
    assert agreeing(targets[:, :3], wanted) > 0.999
    assert not targets[:, 3].any()
    assert float(targets.sum(1).max()) == 1
    assert 0.3 < float(targets.sum(1).mean()) < 1


def test_targets_may_be_above_half_of_the_mixture(batch: Batch) -> None:
    targets = examples(batch, replace(TINY, dominance="mixture")).targets
    mixture, parts = magnitudes(batch)
    wanted = (parts[:, :3] > 0.5 * mixture[:, None]).astype(np.float32)
    assert agreeing(targets[:, :3], wanted) > 0.999
    assert float(targets.sum(1).max()) > 1


def test_ratios_are_shares_of_the_parts_or_the_mixture_and_bounded(batch: Batch) -> None:
    ratio = replace(TINY, mask="ratio")
    mixture, parts = magnitudes(batch)
    shares = examples(batch, ratio).targets
    np.testing.assert_allclose(
        shares[:, :3], parts[:, :3] / parts.sum(axis=1, keepdims=True), rtol=1e-2, atol=1e-3
    )
    assert float(shares.sum(1).max()) <= 1 + 1e-6
    of_mixture = examples(batch, replace(ratio, dominance="mixture")).targets
    wanted = np.minimum(parts[:, :3] / (mixture[:, None] + FE.log_floor), 5)
    assert float(np.mean(np.abs(of_mixture[:, :3].numpy() - wanted) < 0.02)) > 0.99
    assert float(of_mixture.max()) == 5
    assert not of_mixture[:, 3].any()


def test_a_sound_alone_has_every_cell(batch: Batch) -> None:
    for recipe in (TINY, replace(TINY, dominance="mixture"), replace(TINY, mask="ratio")):
        example = examples(alone(batch), recipe)
        # Where there is next to nothing, the floor of the logarithm counts.
        something = example.log_magnitude.exp() > 5 * FE.log_floor
        targets = example.targets[something.expand_as(example.targets)]
        torch.testing.assert_close(targets, torch.ones_like(targets), rtol=0, atol=0.2)
        assert float(example.targets.mean()) > 0.9999


# What a cell counts


def test_relative_weights_do_not_depend_on_the_level(batch: Batch) -> None:
    loud, soft = (examples(louder(batch, gain), TINY).weights for gain in (1.0, 0.01))
    torch.testing.assert_close(loud, soft, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(loud.mean((2, 3)), torch.ones(4, 1))
    mixture, _ = magnitudes(batch)
    share = mixture / mixture.mean(axis=(1, 2), keepdims=True)
    wanted = np.clip(np.log1p(TINY.weight_slope * share), *TINY.weight_range)
    wanted /= wanted.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(loud[:, 0], wanted, rtol=1e-2, atol=1e-3)


def test_magnitude_weights_grow_with_the_level_within_their_range(batch: Batch) -> None:
    recipe = replace(TINY, weighting="magnitude", weight_range=(1e-3, 1.5))
    mixture, _ = magnitudes(batch)
    found = examples(batch, recipe).weights
    np.testing.assert_allclose(
        found[:, 0], np.clip(np.log1p(mixture), 1e-3, 1.5), rtol=1e-2, atol=1e-3
    )
    assert float(examples(louder(batch, 1e-6), recipe).weights.max()) == pytest.approx(1e-3)
    assert float(examples(louder(batch, 1e3), recipe).weights.median()) == 1.5


def test_without_weighting_all_cells_count_the_same(batch: Batch) -> None:
    weights = examples(batch, replace(TINY, weighting="none")).weights
    assert weights.shape == (4, 1, FE.rows, FE.frames)
    assert bool((weights == 1).all())


# What a batch costs


def test_the_total_is_the_weighted_sum(batch: Batch) -> None:
    found = losses(batch)
    assert all(0 < float(value) < 10 for value in found)
    wanted = (
        found.masks
        + TINY.silent_weight * found.silent
        + TINY.compete_weight * found.compete
        + TINY.vision_weight * found.vision
    )
    torch.testing.assert_close(found.total, wanted)
    without = losses(batch, replace(TINY, compete_weight=0, vision_weight=0, silent_weight=0))
    assert float(without.total) == float(without.masks) == float(found.masks)
    assert float(without.compete) == float(without.vision) == 0


def test_without_a_silent_picture_nothing_is_counted_for_it(batch: Batch) -> None:
    found = losses(alone(batch))
    assert float(found.silent) == 0
    assert float(found.masks) > 0


def test_masks_cost_their_weighted_cross_entropy(batch: Batch) -> None:
    model = separator().eval()
    example = examples(batch, TINY)
    found = losses(batch, progress=0.0, model=model)
    # At first the class vectors stand in for all pictures.
    vectors = model.emb(batch.classes).sigmoid()
    logits = model.syn.paired(vectors, model.audio(example.log_magnitude))
    cost = F.binary_cross_entropy_with_logits(logits, example.targets, reduction="none")
    cost = (cost * example.weights).mean((2, 3))
    torch.testing.assert_close(found.masks, cost[:, :3].mean())
    torch.testing.assert_close(found.silent, cost[:, 3].mean())


def test_one_competing_picture_costs_its_cross_entropy(batch: Batch) -> None:
    noisy = alone(batch)
    noisy = noisy._replace(sounds=noisy.sounds._replace(noise_shape=batch.sounds.noise_shape * 10))
    assert 0.05 < float(examples(noisy, TINY).targets.mean()) < 0.95
    found = losses(noisy)
    torch.testing.assert_close(found.compete, found.masks)


def test_right_masks_compete_for_nothing(batch: Batch) -> None:
    example = examples(batch, replace(TINY, weighting="none"))
    logits = 40 * example.targets - 20

    model = separator()
    model.syn.paired = lambda *_: logits  # type: ignore[method-assign]
    right = losses(batch, replace(TINY, weighting="none"), model=model)
    assert max(float(right.masks), float(right.silent), float(right.compete)) < 1e-6
    logits = -logits
    wrong = losses(batch, replace(TINY, weighting="none"), model=model)
    assert min(float(wrong.masks), float(wrong.silent), float(wrong.compete)) > 1


@pytest.mark.parametrize("mask", ["binary", "ratio"])
@pytest.mark.parametrize("dominance", ["parts", "mixture"])
@pytest.mark.parametrize("weighting", ["relative", "magnitude", "none"])
def test_the_cost_of_a_batch_is_the_mean_of_its_halves(
    batch: Batch, mask: str, dominance: str, weighting: str
) -> None:
    # What makes several processes equal to one.
    recipe = replace(TINY, mask=mask, dominance=dominance, weighting=weighting)  # type: ignore[arg-type]
    classes = batch.classes.clone()
    classes[0, 1] = classes[1, 0] = classes[1, 2] = -1
    batch = batch._replace(classes=classes)
    whole = losses(batch, recipe)
    halves = [
        losses(batch.each(lambda value, part=part: value[part]), recipe)  # type: ignore[misc]
        for part in (slice(2), slice(2, None))
    ]
    for value, *parts in zip(whole, *halves, strict=True):
        torch.testing.assert_close(value, torch.stack(parts).mean(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "recipe",
    [TINY, replace(TINY, mask="ratio", compete_weight=0.0), replace(TINY, class_share=0.0)],
)
def test_every_part_learns(batch: Batch, recipe: Recipe) -> None:
    assert_learns(separator(recipe), batch, recipe)


def test_every_part_of_a_tuned_backbone_learns(kit: Dataset) -> None:
    recipe = replace(TUNED, batch=2, class_share=0.0)
    batch = Mixer(Source(kit.folder, None, recipe, recipe.steps)).draw(0)
    assert_learns(separator(recipe), batch, recipe)


def assert_learns(model: Separator, batch: Batch, recipe: Recipe) -> None:
    found: Losses = Objective(model, recipe)(batch, 0.2)
    torch.autograd.backward(found.total)
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert bool(weight.grad.isfinite().all()), name
    parts = {name.split(".")[0] for name, p in model.named_parameters() if bool(p.grad.any())}
    assert parts == {"vision", "audio", "syn", "emb"}


def test_silence_costs_something_finite(batch: Batch) -> None:
    nothing = louder(batch._replace(sounds=batch.sounds._replace(crops=0 * batch.sounds.crops)), 0)
    for weighting in ("relative", "magnitude", "none"):
        recipe = replace(TINY, weighting=weighting)  # type: ignore[arg-type]
        model = separator()
        found: Losses = Objective(model, recipe)(nothing, 0.5)
        assert all(bool(value.isfinite()) for value in found)
        assert not examples(nothing, recipe).targets.any()
        torch.autograd.backward(found.total)
        assert all(bool(p.grad.isfinite().all()) for p in model.parameters() if p.grad is not None)


def test_half_precision_costs_nearly_the_same(batch: Batch) -> None:
    exact, half = losses(batch), losses(batch, replace(TINY, precision="bf16"))
    for value, near in zip(exact, half, strict=True):
        assert near.dtype == torch.float32
        torch.testing.assert_close(near, value, rtol=0.05, atol=0.01)


# Class vectors


def test_class_vectors_give_way() -> None:
    recipe = preset("default")
    shares = [class_share(progress / 10, recipe) for progress in range(11)]
    assert shares[:2] == [1.0, pytest.approx(0.7)]
    assert shares[2:] == [0.5] * 9
    assert class_share(0.0, preset("paper")) == 0
    assert class_share(0.25, replace(recipe, class_share=0.0)) == pytest.approx(0.25)


def test_class_vectors_are_taught_by_sound_alone(batch: Batch) -> None:
    model = separator()
    torch.autograd.backward(Objective(model, TINY)(batch, 0.5).vision)
    assert model.emb.weight.grad is None
    assert all(p.grad is not None for p in model.vision.parameters())


def test_at_first_only_class_vectors_are_heard(batch: Batch) -> None:
    blind = batch._replace(looks=torch.zeros_like(batch.looks))
    for progress, same in ((0.0, True), (1.0, False)):
        seen, unseen = losses(batch, progress=progress), losses(blind, progress=progress)
        assert torch.equal(seen.masks, unseen.masks) == same
        assert not torch.equal(seen.vision, unseen.vision)


def test_chance_decides_which_class_vectors_stand_in(batch: Batch) -> None:
    blind = batch._replace(looks=torch.zeros_like(batch.looks))
    for chance, same in ((0.49, True), (0.51, False)):
        fixed = torch.full_like(batch.chance, chance)
        seen, unseen = (losses(b._replace(chance=fixed), progress=1.0) for b in (batch, blind))
        assert torch.equal(seen.masks, unseen.masks) == same


def test_without_a_class_the_picture_alone_tells(batch: Batch) -> None:
    unknown = batch._replace(classes=torch.full_like(batch.classes, -1))
    model, other = separator(), separator()
    torch.nn.init.normal_(other.emb.weight, 3.0)
    found, same = (losses(unknown, progress=0.0, model=m) for m in (model, other))
    for value, again in zip(found, same, strict=True):
        assert torch.equal(value, again)
    assert float(found.vision) == 0
    blind = unknown._replace(looks=torch.zeros_like(batch.looks))
    assert not torch.equal(losses(blind, progress=0.0, model=model).masks, found.masks)


def test_divergence_is_least_where_probabilities_agree() -> None:
    wanted = torch.linspace(0.01, 0.99, 50)
    assert float(divergence(wanted, wanted)) == pytest.approx(0, abs=1e-6)
    assert float(divergence(wanted.flip(0), wanted)) > 0.1
    ends = torch.tensor([0.0, 1.0])
    assert float(divergence(ends, ends)) == pytest.approx(0, abs=1e-6)
    assert bool(divergence(ends.flip(0), ends).isfinite())
