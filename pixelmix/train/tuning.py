"""A backbone taught to name what is where, before it is frozen.

Trained weights know the world's objects, but from pictures of lone ones. Here the upper layers
learn the classes of a dataset in made-up views (`compositions`), as a classifier with one output
per class at every cell: in the box of an object its class must be found somewhere, outside of all
boxes nothing. The classifier is thrown away.
"""

import copy
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from pixelmix.data.dataset import SCENES, Dataset
from pixelmix.errors import InputError, OutputError
from pixelmix.media.atomic import partial_path
from pixelmix.train.backbone import Backbone, layers_of, normalised, restore_backbone
from pixelmix.train.compositions import Composer
from pixelmix.train.features import Say
from pixelmix.train.looks import training_stills
from pixelmix.train.nets import around
from pixelmix.train.recipe import Recipe

_BATCH = 32
_LOWEST = 4
"""Layers before this one stay as they are: they see edges, and cost most."""
_HEAD_RATE = 2e-3
_WEIGHT_DECAY = 0.05
_DROPOUT = 0.2
_WARMUP = 100
_AVERAGE = 0.998
_WAY = 0.75
"""How far the weights go from where they were to where the steps led: part of the way holds better
on pictures of other kinds (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022)."""
_TOP = 6
"""An object is where its class is likeliest: in so many cells of its box."""
_SMOOTHING = 0.05
_PRESENT, _NOTHING = 0.5, 2.0
"""Weights of: each class is present or not; nothing is outside of all boxes."""
_NEVER = -30.0
"""Logit of what cannot be."""
_LOG = 100


def tuned_backbone(dataset: Dataset, recipe: Recipe, backbone: Backbone, say: Say) -> Backbone:
    """Return the backbone after ``recipe.tuning_steps``; it is kept beside the dataset's maps.

    Where the training pictures are not of two classes or more, it stays as it is.

    Raises
    ------
    InputError
        If what was kept is damaged.
    OutputError
        If the result cannot be kept.
    """
    draws = composer(dataset, recipe.short_side)
    if draws.kinds < 2:
        say("pictures: without two classes there is nothing to learn; the backbone stays as it is")
        return backbone
    file = dataset.folder / "features" / f"backbone-{_key(recipe, backbone)}.safetensors"
    if file.is_file():
        try:
            return restore_backbone(load_file(file), recipe.sizes)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{file}: cannot be read ({error}); delete it") from error
    tuned = _tune(dataset, recipe, backbone, draws.kinds, say)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with partial_path(file) as partial:
            layers = layers_of(tuned, recipe.sizes)
            save_file({name: value.contiguous() for name, value in layers.items()}, partial)
        return restore_backbone(load_file(file), recipe.sizes)
    except OSError as error:
        raise OutputError(f"{file}: cannot be written ({error.strerror or error})") from error


def composer(dataset: Dataset, side: int) -> Composer:
    """Return what draws views of a dataset's training pictures."""
    kinds = training_stills(dataset)
    for sound in dataset.split("train"):
        if sound.kind and sound.pictures:
            pictures = range(sound.first_picture, sound.first_picture + sound.pictures)
            kinds.setdefault(sound.kind, []).extend(pictures)
    scenes = kinds.pop(SCENES, [])
    return Composer(kinds, scenes, lambda n: Image.fromarray(dataset.picture(n)), side)


def cost(logits: Tensor, kinds: Tensor, cells: Tensor) -> Tensor:
    """Return what a classifier's ``(n, classes, rows, cols)`` costs on views (`View`)."""
    classes = logits.shape[1]
    each = logits.flatten(2)
    outside = ~cells.any(1).flatten(1)
    nothing = (F.softplus(each).mean(1) * outside).sum() / outside.sum().clamp(min=1)
    there = kinds >= 0
    if not bool(there.any()):
        return _NOTHING * nothing
    within = each[:, None].masked_fill(~cells.flatten(2)[:, :, None], _NEVER)
    best = within.topk(min(_TOP, each.shape[2]), -1).values
    known = best > _NEVER
    found = (best * known).sum(-1) / known.sum(-1).clamp(min=1)
    found, wanted = found[there], kinds[there]
    named = F.cross_entropy(found, wanted, label_smoothing=_SMOOTHING)
    ones = F.one_hot(wanted, classes) * (1 - 2 * _SMOOTHING) + _SMOOTHING / 2
    present = F.binary_cross_entropy_with_logits(found, ones, reduction="none").sum(1).mean()
    return named + _PRESENT * present + _NOTHING * nothing


class _Views(IterableDataset[tuple[Tensor, Tensor, Tensor]]):
    """Batches of pixels, classes and cells, see `View`; drawn from the seed and the step alone."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self._folder, self._recipe = folder, recipe

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        draws = composer(Dataset.open(self._folder), self._recipe.short_side)
        for step in range(self._recipe.tuning_steps):
            rng = np.random.default_rng((self._recipe.seed, 2, step))
            pixels, kinds, cells = zip(*(draws.draw(rng) for _ in range(_BATCH)), strict=True)
            yield (
                torch.from_numpy(np.stack(pixels)),
                torch.from_numpy(np.stack(kinds)),
                torch.from_numpy(np.stack(cells)),
            )


def _tune(dataset: Dataset, recipe: Recipe, backbone: Backbone, classes: int, say: Say) -> Backbone:
    steps = recipe.tuning_steps
    network = copy.deepcopy(backbone.network)
    # Normalisation keeps its statistics: the views are not what the network will see.
    network.eval()[_LOWEST:].requires_grad_()
    torch.manual_seed(recipe.seed)
    channels = _channels(network)
    top = nn.Conv2d(channels, classes, 1)
    nn.init.normal_(top.weight, 0.0, 0.005)
    nn.init.constant_(top.bias, -3.0)  # type: ignore[arg-type]
    head = nn.Sequential(around(recipe.sizes), nn.Dropout2d(_DROPOUT), top)
    average = copy.deepcopy(network).requires_grad_(requires_grad=False)
    learning = [p for p in network.parameters() if p.requires_grad]
    rates = (recipe.tuning_rate, _HEAD_RATE)
    groups: list[dict[str, object]] = [{"params": learning}, {"params": head.parameters()}]
    optimiser = torch.optim.AdamW(groups, weight_decay=_WEIGHT_DECAY)
    views = DataLoader(
        _Views(dataset.folder, recipe), batch_size=None, num_workers=min(1, recipe.workers)
    )
    spent = 0.0
    for step, (pixels, kinds, cells) in enumerate(views):
        share = min(1.0, step / _WARMUP) * (0.5 * (1 + math.cos(math.pi * step / steps)) + 0.005)
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * share
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bf16"):
            logits = head(network(normalised(pixels, recipe)))
        loss = cost(logits.float(), kinds, cells)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([*learning, *head.parameters()], 1.0)
        optimiser.step()
        _follow(average, network, min(_AVERAGE, (1 + step) / (10 + step)))
        spent += loss.item()
        if (step + 1) % _LOG == 0 or step + 1 == steps:
            count = (step % _LOG) + 1
            say(f"pictures: learning classes, step {step + 1} of {steps}: {spent / count:.3f}")
            spent = 0.0
    _follow(average, backbone.network, _WAY)
    return Backbone(average, "")


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    for mean, current in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(current, 1 - decay)


def _channels(network: nn.Module) -> int:
    with torch.no_grad():
        return int(network(torch.zeros(1, 3, 64, 64)).shape[1])


def _key(recipe: Recipe, backbone: Backbone) -> str:
    about: Mapping[str, object] = {
        "backbone": backbone.checksum,
        "steps": recipe.tuning_steps,
        "rate": recipe.tuning_rate,
        "seed": recipe.seed,
        "side": recipe.short_side,
        "context": recipe.sizes.head_context,
        "input": (recipe.image_mean, recipe.image_std, recipe.sizes.same_padding),
    }
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:12]
