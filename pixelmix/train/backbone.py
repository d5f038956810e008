"""The frozen backbone and the projection of its feature maps."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pixelmix.errors import ModelError
from pixelmix.train.checkpoint import read_tensors
from pixelmix.train.nets import NetworkSizes, dilated_features, pad_like_tensorflow
from pixelmix.types import ByteArray

PREFIX = "features."
"""Of the backbone's layers among a torchvision model's weights."""

MEAN = STD = (0.5, 0.5, 0.5)
"""Pictures reach the backbone as ``(rgb / 255 - MEAN) / STD``, that is, in -1..1."""


class Projection(NamedTuple):
    """Backbone channels to fewer, nearly white ones: ``(cells - mean) @ matrix``."""

    mean: Tensor
    """(channels,)"""
    matrix: Tensor
    """(channels, projected)"""

    def apply(self, maps: Tensor) -> Tensor:
        """Project ``(n, channels, rows, cols)`` to ``(n, rows, cols, projected)``."""
        return (maps.permute(0, 2, 3, 1) - self.mean) @ self.matrix


def load_backbone(weights: Path, sizes: NetworkSizes) -> nn.Sequential:
    """Return the backbone's layers at stride 16 in evaluation mode, with weights from a file.

    Raises
    ------
    ModelError
        If the file cannot be read or does not fit the backbone that ``sizes`` names.
    """
    try:
        state = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{weights}: the backbone's weights cannot be read ({error})") from error
    layers = {
        key.removeprefix(PREFIX): value.float()
        for key, value in state.items()
        if key.startswith(PREFIX)
    }
    features = dilated_features(sizes.backbone)
    try:
        features.load_state_dict(layers)
    except RuntimeError as error:
        raise ModelError(f"{weights}: these are no weights of {sizes.backbone}") from error
    if sizes.same_padding:  # renames layers, so only now
        pad_like_tensorflow(features)
    features.eval().requires_grad_(requires_grad=False)
    return features.to(memory_format=torch.channels_last)


def feature_maps(features: nn.Module, pictures: Sequence[ByteArray]) -> Tensor:
    """Return ``(n, channels, rows, cols)`` for pictures ``(height, width, 3)`` of one size."""
    images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        maps: Tensor = features(images)
    return maps.float()


def principal(cells: Tensor, size: int, floor: float) -> Projection:
    """Return the projection of ``cells (n, channels)`` on their ``size`` largest components."""
    mean = cells.mean(0)
    variances, axes = torch.linalg.eigh(torch.cov((cells - mean).T))
    deviations = variances.flip(0)[:size].clamp(min=0).sqrt()
    return Projection(mean, (axes.flip(1)[:, :size] / (deviations + floor)).contiguous())


def save_projection(projection: Projection, file: Path) -> None:
    """Write a projection; `load_projection` reads it back."""
    torch.save({"mu": projection.mean, "P": projection.matrix}, file)


def load_projection(file: Path) -> Projection:
    """Read a projection, a file with the tensors ``mu`` and ``P``."""
    tensors = read_tensors(file)
    mean, matrix = tensors.get("mu"), tensors.get("P")
    if not (
        isinstance(mean, Tensor)
        and isinstance(matrix, Tensor)
        and mean.ndim == 1
        and matrix.ndim == 2
        and len(mean) == len(matrix)
    ):
        raise ModelError(f"{file}: holds no projection (tensors 'mu' and 'P')")
    return Projection(mean.float(), matrix.float())
