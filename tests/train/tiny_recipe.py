"""Recipes that train on the tiny dataset in seconds, and random weights of a backbone."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from pixelmix.train.backbone import Backbone
from pixelmix.train.nets import NetworkSizes, dilated_features
from pixelmix.train.recipe import Recipe
from pixelmix.types import FrontEnd
from tests.data.tiny_dataset import RATE

TINY = Recipe(
    front_end=FrontEnd(
        rate=RATE,
        window_samples=64 * 64 - 1,
        n_fft=254,
        hop=64,
        rows=64,
        warp_base=21.0,
        log_floor=1e-10,
    ),
    sizes=NetworkSizes(
        backbone="mobilenet_v2",
        k=3,
        unet_width=2,
        unet_levels=5,
        head_kernel=1,
        head_width=6,
        same_padding=True,
    ),
    short_side=64,
    tuning_steps=0,
    views=2,
    looks_per_sound=2,
    projection_size=5,
    batch=4,
    workers=0,
    steps=8,
    warmup_steps=1,
    precision="fp32",
    log_steps=2,
    sample_steps=4,
    save_steps=3,
)
"""A frozen backbone; its weights are those of `write_weights`."""

TUNED = replace(
    TINY,
    vision="tuned",
    sizes=replace(TINY.sizes, backbone="mobilenet_v3_small"),
    frames=2,
    picture_changes="crop",
)
"""A backbone that is trained too, from a random start."""

CELLS = (TINY.short_side // 16) ** 2
"""Of one picture's map."""


def random_layers(backbone: str = "mobilenet_v2") -> dict[str, Tensor]:
    """Return a state dict of a torchvision model's feature layers, the same every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = dilated_features(backbone).state_dict()
        return {key: _like_trained(value) for key, value in layers.items()}


def write_weights(file: Path, layers: Mapping[str, Tensor] | None = None) -> Path:
    """Write feature layers (random ones) by torchvision's names, to be used as `TINY` does."""
    layers = layers or random_layers()
    about = {"input": "rgb/127.5-1", "padding": "TF SAME"}
    save_file({f"features.{key}": value for key, value in layers.items()}, file, about)
    return file


class _MeanColours(nn.Module):
    def __init__(self, batches: int) -> None:
        super().__init__()
        self.left = batches

    def forward(self, images: Tensor) -> Tensor:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return nn.functional.avg_pool2d(images, 16)


def mean_colours(batches: int = 1_000, checksum: str = "mean colours") -> Backbone:
    """Return a backbone of three channels that is interrupted after so many batches."""
    return Backbone(nn.Sequential(_MeanColours(batches)), checksum)


def _like_trained(value: Tensor) -> Tensor:
    # Some spread in the normalisation, so that mistakes in restoring it would show.
    if value.ndim == 1 and value.is_floating_point():
        return value + 0.1 * torch.rand(value.shape)
    return value.contiguous()
