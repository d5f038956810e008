"""The preset ``paper`` against docs/paper.md, and its code against the published formulas."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from PIL import Image
from torch import Tensor, nn

from pixelmix.data.dataset import Dataset, Sound
from pixelmix.data.store import DatasetWriter, Settings
from pixelmix.dsp.warp import warp_matrix
from pixelmix.train.backbone import load_backbone, normalised
from pixelmix.train.looks import TunedLooks
from pixelmix.train.losses import Objective, examples
from pixelmix.train.mixtures import Batch, Mixer, Source
from pixelmix.train.model import Separator
from pixelmix.train.nets import dilated_features
from pixelmix.train.pictures import crop_and_flip
from pixelmix.train.recipe import Recipe, preset
from pixelmix.train.settings import override
from pixelmix.train.trainer import Trainer
from tests.data.tiny_dataset import RATE, jpeg, tone

PAPER = preset("paper")
PAGE = (Path(__file__).parents[2] / "docs" / "paper.md").read_text(encoding="utf-8")
LEFT_OUT = PAGE.partition("## Not part of the published recipe")[2]
SMALL = replace(PAPER, sizes=replace(PAPER.sizes, unet_width=2, k=3), short_side=32, batch=2)
"""The preset with narrow networks and small pictures; whole windows."""


def stated() -> list[str]:
    """Every ``field=value`` in the table's third column."""
    rows = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("|")]
    return [setting for row in rows for setting in re.findall(r"`([\w.]+=[^`]*)`", row[2])]


def names(part: object, prefix: str = "") -> Iterator[str]:
    """Names of all fields, those of parts with dots."""
    assert is_dataclass(part)
    for field in fields(part):
        value = getattr(part, field.name)
        if is_dataclass(value):
            yield from names(value, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name


def test_every_row_of_the_table_has_its_columns() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|")]
    assert len(rows) > 40
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}


@pytest.mark.parametrize("setting", stated())
def test_the_preset_has_the_stated_value(setting: str) -> None:
    assert override(PAPER, [setting]) == PAPER


def test_the_comparison_can_fail() -> None:
    assert override(PAPER, ["batch=81"]) != PAPER
    assert override(PAPER, ["sizes.k=16"]) != PAPER


def test_every_field_is_stated_or_left_out_by_name() -> None:
    table = [setting.partition("=")[0] for setting in stated()]
    left_out = re.findall(r"`([\w.]+)`", LEFT_OUT.partition(":\n")[2])
    assert sorted(table + left_out) == sorted(names(PAPER))


def test_fields_that_are_left_out_change_nothing(videos: Dataset) -> None:
    changed = replace(
        SMALL, silent_scene=0.9, level_spread=1.0, speed=0.5, drive=1.0, noise_level=(-5.0, -1.0),
        weight_slope=9.0, views=1, looks_per_sound=1, other_view=0.9, clutter=0.9, workers=3,
    )  # fmt: skip
    before, after = (drawn(videos, recipe) for recipe in (SMALL, changed))
    for one, other in (
        (before.sounds.crops, after.sounds.crops[..., : before.sounds.crops.shape[-1]]),
        (before.sounds.gains, after.sounds.gains),
        (before.looks, after.looks),
    ):
        assert torch.equal(one, other)
    for one, other in zip(examples(before, SMALL), examples(after, changed), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("recordings", [80, 400, 8_000])
def test_the_steps_are_those_of_100_epochs_of_100_passes(recordings: int) -> None:
    an_epoch = 100 * recordings // 80
    assert PAPER.total_steps(recordings) == 100 * an_epoch


# Sounds


def drawn(dataset: Dataset, recipe: Recipe) -> Batch:
    return Mixer(Source(dataset.folder, None, recipe, steps=10)).draw(0)


@pytest.fixture(scope="module")
def batch(videos: Dataset) -> Batch:
    """Return some mixtures that the preset draws."""
    return drawn(videos, SMALL)


def published_magnitudes(batch: Batch) -> tuple[Tensor, Tensor]:
    """Warped magnitudes of mixtures ``(b, 1, rows, frames)`` and sources ``(b, n, ...)``."""
    crops = batch.sounds.crops[..., :65_535].numpy() / 32_768
    sources = crops * batch.sounds.gains.numpy()[..., None]
    waves = np.concatenate([sources.sum(1, keepdims=True), sources], 1)
    padded = np.pad(waves, ((0, 0), (0, 0), (511, 511)), "reflect")
    framed = np.lib.stride_tricks.sliding_window_view(padded, 1_022, axis=-1)[..., ::256, :]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1_022) / 1_022)
    magnitude = torch.from_numpy(np.abs(np.fft.rfft(framed * hann))).float().transpose(2, 3)
    magnitude[:, 0] += 1e-10
    warped = published_warp(magnitude)
    return warped[:, :1], warped[:, 1:]


def published_warp(magnitude: Tensor) -> Tensor:
    y = np.linspace(-1, 1, 256)[:, None].repeat(256, 1)
    x = np.linspace(-1, 1, 256)[None].repeat(256, 0)
    grid = np.stack([x, (21 ** ((y + 1) / 2) - 11) / 10], -1)
    many = torch.from_numpy(grid).float().expand(len(magnitude), -1, -1, -1)
    return F.grid_sample(magnitude, many, align_corners=True)


def test_the_warp_is_the_published_one() -> None:
    magnitude = torch.rand(1, 1, 512, 256, generator=torch.Generator().manual_seed(0))
    matrix = torch.tensor(warp_matrix(PAPER.front_end))
    torch.testing.assert_close(matrix @ magnitude, published_warp(magnitude), rtol=1e-3, atol=1e-4)


def test_the_network_hears_the_published_spectrogram(batch: Batch) -> None:
    mixture, _ = published_magnitudes(batch)
    found = examples(batch, SMALL).log_magnitude
    assert found.shape == (SMALL.batch, 1, 256, 256)
    # As magnitudes: where waves cancel, logarithms show nothing but rounding.
    torch.testing.assert_close(found.exp(), mixture, rtol=1e-3, atol=1e-3)
    sounds = batch.sounds._replace(gains=batch.sounds.gains * 0)
    silent = examples(batch._replace(sounds=sounds), SMALL).log_magnitude
    torch.testing.assert_close(silent, torch.full_like(silent, np.log(1e-10)))


def test_targets_are_above_half_of_the_mixture(batch: Batch) -> None:
    mixture, sources = published_magnitudes(batch)
    wanted = (sources > 0.5 * mixture).float()
    found = examples(batch, SMALL).targets
    # Rounding decides cells that lie on the edge.
    assert float((found != wanted).float().mean()) < 1e-4
    assert 0.05 < float(found.mean()) < 0.95


def test_ratio_targets_are_held_within_5(batch: Batch) -> None:
    mixture, sources = published_magnitudes(batch)
    found = examples(batch, replace(SMALL, mask="ratio")).targets
    torch.testing.assert_close(found, (sources / mixture).clamp(0, 5), rtol=1e-2, atol=1e-2)
    # Where a source meets its own opposite, the ratio has no bound of its own.
    crops = batch.sounds.crops.clone()
    crops[:, 1] = -crops[:, 0]
    gains = torch.tensor([[0.75, 0.74]]).expand(len(crops), -1)
    opposed = batch._replace(sounds=batch.sounds._replace(crops=crops, gains=gains))
    assert float(examples(opposed, replace(SMALL, mask="ratio")).targets.max()) == 5


@pytest.mark.parametrize("loudness", [1.0, 1e-4])
def test_weights_are_held_logarithms_of_the_mixture(batch: Batch, loudness: float) -> None:
    sounds = batch.sounds._replace(gains=batch.sounds.gains * loudness)
    batch = batch._replace(sounds=sounds)
    mixture, _ = published_magnitudes(batch)
    wanted = mixture.log1p().clamp(1e-3, 10)
    assert float(wanted.min()) == pytest.approx(1e-3)
    torch.testing.assert_close(examples(batch, SMALL).weights, wanted, rtol=1e-3, atol=1e-4)


def test_two_sources_of_any_classes_at_half_their_varied_loudness(videos: Dataset) -> None:
    batch = drawn(videos, replace(SMALL, batch=40))
    assert batch.sounds.crops.shape[:2] == (40, 2)
    assert batch.heard.shape == (40, 2)
    assert bool(batch.heard.all())
    same = batch.classes[:, 0] == batch.classes[:, 1]
    assert 0 < int(same.sum()) < 40
    gains = batch.sounds.gains
    assert 0.25 <= float(gains.min()) < 0.3
    assert 0.7 < float(gains.max()) <= 0.75


# Pictures


def test_pictures_lie_3_s_apart(tmp_path: Path) -> None:
    seconds = 16
    with DatasetWriter(tmp_path / "data", Settings(RATE, 64)) as writer:
        sound = Sound(
            name="a", kind="", split="train", source="made", licence="", start=0, samples=0,
            frame_rate=1.0,
        )  # fmt: skip
        grey = [jpeg((15 * i, 15 * i, 15 * i)) for i in range(seconds)]
        writer.add_sound(sound, tone(200.0, seconds), grey)
        dataset = writer.finish()
    looks = TunedLooks(dataset, SMALL)
    rng = np.random.default_rng(0)
    found = set()
    for _ in range(30):
        views = looks.of(dataset.sounds[0], rng)
        assert views.shape == (3, 32, 32, 3)
        # The white spot is smaller than half of the picture: the median is the ground.
        first, middle, last = (round(float(view.float().median()) / 15) for view in views)
        assert (first, last) == (max(middle - 3, 0), min(middle + 3, seconds - 1))
        found.add(middle)
    assert len(found) > 8


def test_pictures_of_a_window_are_cropped_alike(videos: Dataset) -> None:
    # All pictures of these recordings are the same, so that only the crop could differ.
    looks = TunedLooks(videos, SMALL)
    rng = np.random.default_rng(0)
    views = [looks.of(videos.sounds[0], rng) for _ in range(8)]
    assert all(bool((view == view[0]).all()) for view in views)
    assert any(not torch.equal(view, views[0]) for view in views)


def test_crops_are_224_of_246_pixels_and_half_are_mirrored() -> None:
    rows, cols = np.mgrid[0:492, 0:984]
    ramps = np.stack([rows * 255 / 491, cols * 255 / 983, rows * 0], -1).round().astype(np.uint8)
    picture = Image.fromarray(ramps)
    rng = np.random.default_rng(0)
    views = [crop_and_flip(picture, 224, rng).astype(float) for _ in range(60)]
    assert {view.shape for view in views} == {(224, 224, 3)}
    down = np.array([view[-1, :, 0].mean() - view[0, :, 0].mean() for view in views])
    across = np.array([view[:, -1, 1].mean() - view[:, 0, 1].mean() for view in views])
    assert down == pytest.approx(255 * 223 / 245, abs=1.5)
    assert abs(across) == pytest.approx(255 * 223 / 491, abs=1.5)
    assert 18 < int((across < 0).sum()) < 42
    starts = {round(float(view[0, :, 0].mean()) * 245 / 255) for view in views}
    assert min(starts) <= 2
    assert max(starts) >= 20


def test_images_are_normalised_as_imagenet_is() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, -1)
    found = normalised(torch.from_numpy(image), PAPER)
    for channel, (mean, std) in enumerate([(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]):
        wanted = (image[0, ..., channel] / 255 - mean) / std
        np.testing.assert_allclose(found[0, channel].numpy(), wanted, atol=1e-5)


# Networks, loss and optimiser


def published_loss(model: Separator, batch: Batch) -> Tensor:
    """The loss as published: probabilities, source after source."""
    mixture, sources = published_magnitudes(batch)
    weight = mixture.log1p().clamp(1e-3, 10)
    components = model.audio(mixture.log())
    network = model.vision.network
    images = (batch.looks.float() / 255 - torch.tensor(PAPER.image_mean)) / torch.tensor(
        PAPER.image_std
    )
    maps = network(images.flatten(0, 2).permute(0, 3, 1, 2))
    errors = []
    for n in range(2):
        own = maps.reshape(*images.shape[:3], *maps.shape[1:])[:, n].transpose(1, 2)
        look = torch.sigmoid(F.adaptive_max_pool3d(own, 1).flatten(1))
        logits = torch.bmm((look * model.syn.scale)[:, None], components.flatten(2))
        mask = torch.sigmoid(logits.reshape(mixture.shape) + model.syn.bias)
        wanted = (sources[:, n : n + 1] > 0.5 * mixture).float()
        errors.append(F.binary_cross_entropy(mask, wanted, weight=weight))
    return torch.stack(errors).mean()


def test_the_loss_is_the_published_one(videos: Dataset, batch: Batch) -> None:
    torch.manual_seed(0)
    model = Separator(SMALL, len(videos.kinds))
    with torch.no_grad():
        found = Objective(model, SMALL)(batch, 0.3)
        # Batch statistics are of this batch in both, whatever ran before.
        wanted = published_loss(model, batch)
    assert float(found.total) == pytest.approx(float(wanted), rel=2e-3)
    assert float(found.total) == float(found.masks)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of random weights for the backbone, by torchvision's names."""
    torch.manual_seed(1)
    layers = dilated_features("resnet18").state_dict()
    places = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
    file = tmp_path_factory.mktemp("weights") / "resnet18.pt"
    torch.save({f"{places[int(key[0])]}{key[1:]}": value for key, value in layers.items()}, file)
    return file


def trainer(videos: Dataset, weights: Path, total: int) -> Trainer:
    backbone = load_backbone(weights, SMALL.sizes)
    fabric = Fabric(accelerator="cpu", devices=1)
    return Trainer(fabric, SMALL, len(videos.kinds), total, backbone)


def test_a_step_is_sgd_with_momentum_from_given_weights(
    videos: Dataset, weights: Path, batch: Batch
) -> None:
    training = trainer(videos, weights, total=100)
    network = training.model.vision.network
    first = torch.load(weights, weights_only=True)["conv1.weight"]
    assert torch.equal(network.features[0].weight, first)
    assert all(parameter.requires_grad for parameter in network.parameters())
    running = network.features[1].running_mean.clone()
    watched: list[tuple[nn.Parameter, float]] = [
        (network.features[0].weight, 1e-4),
        (network.features[1].bias, 1e-4),
        (network.fc.weight, 1e-3),
        (training.model.syn.scale, 1e-3),
        (training.model.audio.bn0.weight, 1e-3),
    ]
    velocity = [torch.zeros_like(parameter) for parameter, _ in watched]
    for _ in range(2):
        before = [parameter.detach().clone() for parameter, _ in watched]
        training.step(batch)
        for place, (parameter, rate) in enumerate(watched):
            assert parameter.grad is not None
            velocity[place] = 0.9 * velocity[place] + parameter.grad + 1e-4 * before[place]
            wanted = before[place] - rate * velocity[place]
            torch.testing.assert_close(parameter.detach(), wanted, rtol=1e-5, atol=1e-7)
    assert not torch.equal(network.features[0].weight, first)
    assert not torch.equal(network.features[1].running_mean, running)
    exported = training.average.state_dict()
    for name, value in training.model.state_dict().items():
        assert torch.equal(exported[name], value)


def test_rates_fall_to_a_tenth_after_epochs_40_and_80(
    videos: Dataset, weights: Path, batch: Batch
) -> None:
    training = trainer(videos, weights, total=100_000)
    taken = [0, 39_999, 40_000, 79_999, 80_000, 99_999]
    falls = [training.rate(steps / training.total) for steps in taken]
    assert falls == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])
    training.steps = 40_000
    training.step(batch)
    groups = training.state().optimiser["param_groups"]
    assert sorted(group["lr"] for group in groups) == pytest.approx([1e-5, 1e-4])
