"""The vision backbone's weights, and the projection of a frozen backbone's feature maps."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torchvision
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pixelmix.errors import ModelError
from pixelmix.train.checkpoint import DAMAGES
from pixelmix.train.nets import NetworkSizes, around, dilated_features, pad_like_tensorflow
from pixelmix.train.recipe import Recipe
from pixelmix.types import ByteArray

PREFIX = "features."
"""Of the backbone's layers among a torchvision model's weights (not of a ResNet's)."""
IMAGENET = "imagenet"
"""Instead of a file: torchvision's own weights, which it downloads once."""
_TORCHVISION = ("0.485,0.456,0.406", "0.229,0.224,0.225")
_PLUS_MINUS, _SAME = "rgb/127.5-1", "TF SAME"
_MINUS_ONE_TO_ONE = ("0.5,0.5,0.5", "0.5,0.5,0.5")


@dataclass(frozen=True, slots=True, eq=False)
class Backbone:
    """A pretrained backbone at stride 16, in evaluation mode."""

    network: nn.Sequential
    checksum: str
    """Of its weights."""


class Projection(NamedTuple):
    """Backbone channels to fewer, nearly white ones: ``(cells - mean) @ matrix``."""

    mean: Tensor
    """(channels,)"""
    matrix: Tensor
    """(channels, projected)"""

    def apply(self, maps: Tensor) -> Tensor:
        """Project ``(n, channels, rows, cols)`` to ``(n, rows, cols, projected)``."""
        return (maps.permute(0, 2, 3, 1) - self.mean) @ self.matrix


def expected_input(weights: str) -> tuple[str, ...]:
    """Return the recipe's settings that weights ask for (see `load_backbone`).

    That is torchvision's preprocessing, unless a safetensors file says otherwise in its metadata:
    ``input: rgb/127.5-1`` and ``padding: TF SAME ...``, as weights that come from TensorFlow do.

    Raises
    ------
    ModelError
        If the file cannot be read.
    """
    about: Mapping[str, str] = {}
    if weights.endswith(".safetensors"):
        try:
            with safe_open(weights, "pt") as file:
                about = file.metadata() or {}
        except (OSError, SafetensorError) as error:
            raise _unreadable(weights, error) from error
    mean, std = _MINUS_ONE_TO_ONE if about.get("input") == _PLUS_MINUS else _TORCHVISION
    same = str(about.get("padding", "").startswith(_SAME)).lower()
    return (f"image_mean={mean}", f"image_std={std}", f"sizes.same_padding={same}")


def stated_input(recipe: Recipe) -> dict[str, str]:
    """Return the metadata by which `expected_input` knows a recipe's preprocessing again."""
    means = ",".join(str(value) for value in recipe.image_mean)
    about = {"input": _PLUS_MINUS} if means == _MINUS_ONE_TO_ONE[0] else {}
    return about | ({"padding": _SAME} if recipe.sizes.same_padding else {})


def load_backbone(weights: Path | None, sizes: NetworkSizes) -> Backbone:
    """Return the backbone with pretrained weights: of a file, or (None) torchvision's.

    The file is a state dict of the whole torchvision model or of its feature layers, as
    safetensors or as PyTorch saves it. torchvision downloads its weights when it does not have
    them yet.

    Raises
    ------
    ModelError
        If the weights cannot be read or do not fit the backbone that ``sizes`` names.
    """
    network = dilated_features(sizes.backbone)
    state = _read(weights) if weights else _torchvision_weights(sizes.backbone)
    layers = _layers(state, sizes.backbone)
    try:
        network.load_state_dict(layers)
    except RuntimeError as error:
        raise ModelError(
            f"{weights or IMAGENET}: these are no weights of {sizes.backbone}"
        ) from error
    return _ready(network, sizes)


def restore_backbone(state: Mapping[str, Tensor], sizes: NetworkSizes) -> Backbone:
    """Return the backbone whose layers a run kept (`layers_of`).

    Raises
    ------
    ModelError
        If they are those of another backbone than ``sizes`` names.
    """
    network = dilated_features(sizes.backbone)
    try:
        network.load_state_dict(dict(state))
    except RuntimeError as error:
        raise ModelError(
            f"the run's frozen backbone is no {sizes.backbone}; use a new folder for it"
        ) from error
    return _ready(network, sizes)


def layers_of(backbone: Backbone, sizes: NetworkSizes) -> dict[str, Tensor]:
    """Return a backbone's weights by the names that `restore_backbone` takes."""
    plain = dilated_features(sizes.backbone).state_dict()
    return dict(zip(plain, backbone.network.state_dict().values(), strict=True))


def _ready(network: nn.Sequential, sizes: NetworkSizes) -> Backbone:
    checksum = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        checksum.update(name.encode() + value.numpy().tobytes())
    if sizes.same_padding:  # renames layers, so only now
        pad_like_tensorflow(network)
    network.eval().requires_grad_(requires_grad=False)
    return Backbone(network.to(memory_format=torch.channels_last), checksum.hexdigest())


def _layers(state: Mapping[str, Tensor], backbone: str) -> dict[str, Tensor]:
    named = {
        key.removeprefix(PREFIX): value for key, value in state.items() if key.startswith(PREFIX)
    }
    if not named:
        # A ResNet's feature layers have names of their own; here they stand in order.
        model = torchvision.models.get_model(backbone, weights=None)
        places = {name: str(i) for i, (name, _) in enumerate(model.named_children())}
        named = {
            ".".join([places.get(first, first), *rest]): value
            for (first, *rest), value in ((key.split("."), v) for key, v in state.items())
            if first not in ("fc", "classifier")
        }
    return {k: v.float() if v.is_floating_point() else v for k, v in named.items()}


def _read(file: Path) -> Mapping[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        # weights_only admits tensors and plain containers; other pickles could run code.
        state: object = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, *DAMAGES) as error:
        raise _unreadable(file, error) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ModelError(f"{file}: holds no state dict; save the model's state_dict() alone")
    return state


def _unreadable(file: Path | str, error: Exception) -> ModelError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return ModelError(f"{file}: the backbone's weights cannot be read ({reason})")


def _torchvision_weights(backbone: str) -> Mapping[str, Tensor]:
    try:
        model = torchvision.models.get_model(backbone, weights="DEFAULT")
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"torchvision's weights of {backbone} cannot be had ({error}); download them elsewhere "
            "and give the file to --vision-weights"
        ) from error
    state: Mapping[str, Tensor] = model.state_dict()
    return state


def normalised(images: Tensor, recipe: Recipe) -> Tensor:
    """Turn pictures ``(n, height, width, 3)`` uint8 into the network's input."""
    mean, std = (
        torch.tensor(values, device=images.device)
        for values in (recipe.image_mean, recipe.image_std)
    )
    channels_last = (images.float() / 255 - mean) / std
    return channels_last.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def feature_maps(network: nn.Module, pictures: Sequence[ByteArray], recipe: Recipe) -> Tensor:
    """Return ``(n, channels, rows, cols)`` for pictures ``(height, width, 3)`` of one size.

    As the head takes them: averaged over `NetworkSizes.head_context` cells.
    """
    images = normalised(torch.from_numpy(np.stack(pictures)), recipe)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        maps: Tensor = network(images)
    averaged: Tensor = around(recipe.sizes)(maps.float())
    return averaged


def principal(cells: Tensor, size: int, floor: float) -> Projection:
    """Return the projection of ``cells (n, channels)`` on their ``size`` largest components."""
    mean = cells.mean(0)
    variances, axes = torch.linalg.eigh(torch.cov((cells - mean).T))
    deviations = variances.flip(0)[:size].clamp(min=0).sqrt()
    return Projection(mean, (axes.flip(1)[:, :size] / (deviations + floor)).contiguous())


def save_projection(projection: Projection, file: Path) -> None:
    """Write a projection; `load_projection` reads it back."""
    save_file({"mean": projection.mean, "matrix": projection.matrix}, file)


def load_projection(file: Path) -> Projection:
    """Read a projection.

    Raises
    ------
    ModelError
        If the file is missing or damaged.
    """
    try:
        tensors = load_file(file)
        mean, matrix = tensors["mean"], tensors["matrix"]
    except (OSError, SafetensorError, KeyError) as error:
        raise ModelError(f"{file}: holds no projection ({error})") from error
    return Projection(mean.float(), matrix.float())
