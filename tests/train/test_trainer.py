import copy
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from pixelmix.data.dataset import Dataset
from pixelmix.errors import ModelError
from pixelmix.train import checkpoint
from pixelmix.train.backbone import Backbone, restore_backbone
from pixelmix.train.checkpoint import State
from pixelmix.train.mixtures import Batch, Mixer, Source
from pixelmix.train.model import Separator
from pixelmix.train.recipe import Recipe
from pixelmix.train.trainer import Trainer
from tests.data.tiny_dataset import KINDS
from tests.train.tiny_recipe import TINY, TUNED, random_layers


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    return Fabric(accelerator="cpu", devices=1)


@pytest.fixture(scope="module")
def batches(kit: Dataset, features: Path) -> list[Batch]:
    mixer = Mixer(Source(kit.folder, features, TINY, TINY.steps))
    return [mixer.draw(step) for step in range(4)]


def trained(
    fabric: Fabric, recipe: Recipe, batches: list[Batch], backbone: Backbone | None = None
) -> Trainer:
    trainer = Trainer(fabric, recipe, len(KINDS), recipe.steps, backbone)
    for batch in batches:
        trainer.step(batch)
    return trainer


def bare(fabric: Fabric, **changes: object) -> Trainer:
    recipe = replace(TINY, **changes)  # type: ignore[arg-type]
    return Trainer(fabric, recipe, len(KINDS), recipe.steps, None)


def rates(trainer: Trainer) -> list[float]:
    found = []
    for step in range(trainer.total + 1):
        trainer.steps = step
        found.append(trainer.rate(trainer.progress))
    return found


def assert_same(ours: State, theirs: State) -> None:
    assert list(ours) == list(theirs)
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


# The learning rate


def test_the_rate_rises_and_falls_like_a_cosine(fabric: Fabric) -> None:
    found = rates(bare(fabric, steps=200, warmup_steps=20, last_rate=0.01))
    assert found[0] == 0
    assert found[:19] == sorted(found[:19])
    for step in (0, 7, 20, 50, 100, 150, 200):
        cosine = 0.5 * (1 + math.cos(math.pi * step / 200)) + 0.01
        assert found[step] == pytest.approx(min(1, step / 20) * cosine)
    assert found[-1] == pytest.approx(0.01)
    assert found[20:] == sorted(found[20:], reverse=True)


def test_the_rate_falls_in_steps(fabric: Fabric) -> None:
    found = rates(bare(fabric, schedule="steps", steps=10, rate_drops=(0.4, 0.8), warmup_steps=0))
    assert found == pytest.approx([1] * 4 + [0.1] * 4 + [0.01] * 3)
    warm = rates(bare(fabric, schedule="steps", steps=10, rate_drops=(), warmup_steps=5))
    assert warm == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, *[1.0] * 6])


def test_every_step_is_taken_at_its_rate(fabric: Fabric, batches: list[Batch]) -> None:
    recipe = replace(
        TINY, optimiser="sgd", learning_rate=0.5, schedule="steps", rate_drops=(0.25,),
        warmup_steps=0, weight_decay=0.0, betas=(0.0, 0.0), clip_norm=1e-3,
    )  # fmt: skip
    trainer = Trainer(fabric, recipe, len(KINDS), 4, None)
    moved = []
    for batch in batches:
        before = copy.deepcopy(trainer.model)
        trainer.step(batch)
        moved.append(distance(before, trainer.model))
    # The gradient's norm is the same in every step.
    assert moved == pytest.approx([0.5e-3, 0.5e-4, 0.5e-4, 0.5e-4], rel=0.02)


def distance(first: nn.Module, second: nn.Module) -> float:
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return math.sqrt(sum(float((a - b).detach().square().sum()) for a, b in pairs))


def test_the_backbone_has_a_rate_of_its_own(fabric: Fabric, kit: Dataset) -> None:
    recipe = replace(TUNED, batch=2, backbone_rate=0.0, weight_decay=0.0, warmup_steps=0)
    backbone = restore_backbone(random_layers(TUNED.sizes.backbone), TUNED.sizes)
    batch = Mixer(Source(kit.folder, None, recipe, recipe.steps)).draw(0)
    trainer = Trainer(fabric, recipe, len(KINDS), recipe.steps, backbone)
    before = copy.deepcopy(trainer.model.state_dict())
    trainer.step(batch)
    for name, weight in trainer.model.named_parameters():
        still = name.startswith("vision.network.features.")
        assert torch.equal(weight, before[name]) == still, name
        assert weight.requires_grad
    groups = trainer.state().optimiser["param_groups"]
    assert isinstance(groups, list)
    rates = [group["full_rate"] for group in groups]
    assert rates == [recipe.learning_rate, recipe.kernel_rate, 0.0]


# The moving average


def test_the_average_follows_the_weights(fabric: Fabric, batches: list[Batch]) -> None:
    recipe = replace(TINY, average_decay=0.25, warmup_steps=0)
    trainer = trained(fabric, recipe, [])
    wanted = copy.deepcopy(trainer.model.state_dict())
    for step, batch in enumerate(batches[:3], 1):
        trainer.step(batch)
        decay = min(0.25, (1 + step) / (10 + step))
        for name, value in trainer.model.state_dict().items():
            if value.is_floating_point():
                wanted[name] = decay * wanted[name] + (1 - decay) * value
            else:
                wanted[name] = value.clone()
    average = trainer.average.state_dict()
    for name, value in wanted.items():
        torch.testing.assert_close(average[name], value)
    assert not torch.equal(average["vision.a.weight"], trainer.model.vision.a.weight)  # type: ignore[arg-type]
    assert int(average["audio.bn0.num_batches_tracked"]) == 3
    assert not any(p.requires_grad for p in trainer.average.parameters())


def test_without_averaging_the_last_weights_are_exported(
    fabric: Fabric, batches: list[Batch]
) -> None:
    trainer = trained(fabric, replace(TINY, average_decay=0.0), batches[:2])
    assert_same(trainer.average.state_dict(), trainer.model.state_dict())


# Going on


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_a_restored_training_goes_on_bit_for_bit(
    fabric: Fabric, batches: list[Batch], tmp_path: Path, optimiser: str
) -> None:
    recipe = replace(TINY, optimiser=optimiser)  # type: ignore[arg-type]
    trainer = trained(fabric, recipe, batches[:2])
    checkpoint.save(trainer.state(), tmp_path)
    trainer.step(batches[2])
    other = Trainer(fabric, replace(recipe, seed=5), len(KINDS), recipe.steps, None)
    other.restore(checkpoint.load(tmp_path), "last.pt")
    assert (other.steps, other.seconds) == (2, checkpoint.load(tmp_path).seconds)
    other.step(batches[2])
    assert other.steps == trainer.steps == 3
    assert_same(other.model.state_dict(), trainer.model.state_dict())
    assert_same(other.average.state_dict(), trainer.average.state_dict())


def test_the_same_seed_starts_and_trains_the_same(fabric: Fabric, batches: list[Batch]) -> None:
    first, again = (trained(fabric, TINY, batches[:1]) for _ in range(2))
    assert_same(first.model.state_dict(), again.model.state_dict())
    other = trained(fabric, replace(TINY, seed=1), [])
    assert not torch.equal(other.model.emb.weight, trained(fabric, TINY, []).model.emb.weight)


@pytest.mark.parametrize(
    "other",
    [
        replace(TINY, projection_size=6),
        replace(TINY, sizes=replace(TINY.sizes, k=4)),
        replace(TINY, sizes=replace(TINY.sizes, unet_width=3)),
        replace(TINY, sizes=replace(TINY.sizes, unet_levels=6)),
        TUNED,
    ],
)
def test_another_recipes_checkpoint_is_refused(fabric: Fabric, other: Recipe) -> None:
    state = trained(fabric, TINY, []).state()
    trainer = Trainer(fabric, other, len(KINDS), TINY.steps, None)
    with pytest.raises(ModelError, match=r"^run/last\.pt: was made with another recipe") as caught:
        trainer.restore(state, "run/last.pt")
    assert "\n" not in str(caught.value)


def test_other_classes_are_refused(fabric: Fabric) -> None:
    trainer = Trainer(fabric, TINY, len(KINDS) + 1, TINY.steps, None)
    with pytest.raises(ModelError, match="other classes"):
        trainer.restore(trained(fabric, TINY, []).state(), "last.pt")


@pytest.mark.parametrize("optimiser", [{}, {"state": {}, "param_groups": []}])
def test_a_checkpoint_without_its_optimiser_is_refused(
    fabric: Fabric, optimiser: dict[str, object]
) -> None:
    trainer = trained(fabric, TINY, [])
    with pytest.raises(ModelError, match="last"):
        trainer.restore(replace(trainer.state(), optimiser=optimiser), "last.pt")


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("name", ["syn.bias", "audio.bn0.running_mean"])
def test_weights_that_are_no_longer_finite_are_not_kept(
    fabric: Fabric, name: str, value: float
) -> None:
    trainer = trained(fabric, TINY, [])
    trainer.state()
    trainer.model.state_dict()[name].fill_(value)
    with pytest.raises(ModelError, match=f"{name} is no longer finite at step 0") as caught:
        trainer.state()
    assert "\n" not in str(caught.value)


# The model


@pytest.mark.parametrize(("recipe", "vision"), [(TINY, "vision.a."), (TUNED, "vision.network.")])
def test_checkpoints_have_the_documented_keys(recipe: Recipe, vision: str) -> None:
    keys = list(Separator(recipe, len(KINDS)).state_dict())
    assert {key.split(".")[0] for key in keys} == {"vision", "audio", "syn", "emb"}
    assert any(key.startswith(vision) for key in keys)


def test_networks_start_as_the_recipe_says() -> None:
    recipe = replace(
        TINY, sizes=replace(TINY.sizes, k=64), class_start=(-0.5, 1.2), silent_start=-4.0,
        head_bias=-1.0, mask_bias=-0.5,
    )  # fmt: skip
    torch.manual_seed(0)
    model = Separator(recipe, 50)
    classes = model.emb.weight[:-1].detach()
    assert float(classes.mean()) == pytest.approx(-0.5, abs=0.1)
    assert float(classes.std()) == pytest.approx(1.2, abs=0.1)
    assert bool((model.emb.weight[-1] == -4).all())
    assert bool((model.syn.bias == -0.5).all())
    assert bool((model.vision.b.bias == -1).all())  # type: ignore[union-attr]
    tuned = Separator(replace(TUNED, head_bias=-1.0), 2)
    assert bool((tuned.vision.network.fc.bias == -1).all())  # type: ignore[union-attr]


def test_the_audio_network_may_start_otherwise() -> None:
    recipe = replace(TINY, sizes=replace(TINY.sizes, unet_width=8), audio_start=(0.01, 0.3))
    torch.manual_seed(0)
    audio = Separator(recipe, 2).audio
    kernels = [m.weight.detach() for m in audio.modules() if isinstance(m, nn.Conv2d)]
    scales = [m.weight.detach() for m in audio.modules() if isinstance(m, nn.BatchNorm2d)]
    assert float(torch.cat([w.flatten() for w in kernels]).std()) == pytest.approx(0.01, rel=0.1)
    assert float(torch.cat(scales).mean()) == pytest.approx(1, abs=0.05)
    assert float(torch.cat(scales).std()) == pytest.approx(0.3, rel=0.15)
    assert not any(m.bias.any() for m in audio.modules() if isinstance(m, nn.BatchNorm2d))


def test_a_mixture_looks_at_the_strongest_cell() -> None:
    model = Separator(TINY, 2).eval()
    cells = torch.randn(2, 3, 10, TINY.projection_size)
    with torch.inference_mode():
        found = model.vision(cells)
        alone = torch.stack([model.vision(cells[:, :, i : i + 1]) for i in range(10)])
    torch.testing.assert_close(found, alone.amax(0))
    tuned = Separator(TUNED, 2).eval()
    pictures = torch.randint(0, 256, (2, 2, 3, 64, 64, 3), dtype=torch.uint8)
    with torch.inference_mode():
        found = tuned.vision(pictures)
        alone = torch.stack([tuned.vision(pictures[:, :, i : i + 1]) for i in range(3)])
    assert found.shape == (2, 2, TUNED.sizes.k)
    torch.testing.assert_close(found, alone.amax(0), rtol=1e-3, atol=1e-4)
