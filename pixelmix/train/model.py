"""What is trained: the vision side, the audio network, the synthesizer, the class vectors."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixelmix.train.backbone import Backbone, normalised
from pixelmix.train.nets import AudioNetwork, Synthesizer, VisionNetwork
from pixelmix.train.recipe import Recipe


class FrozenVision(nn.Module):
    """A head on a frozen backbone's projected cells.

    Two layers, each a 1x1 convolution when exported.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.a = nn.Linear(recipe.projection_size, recipe.sizes.head_width)
        self.b = nn.Linear(recipe.sizes.head_width, recipe.sizes.k)
        nn.init.constant_(self.b.bias, recipe.head_bias)

    def forward(self, cells: Tensor) -> Tensor:
        """Return logits ``(..., k)``, the maximum over ``(..., cells, projected)``."""
        logits: Tensor = self.b(F.relu(self.a(cells.to(self.a.weight.dtype))))
        return logits.amax(-2)


class TunedVision(nn.Module):
    """The whole vision network, its maximum taken over space and time (paper section 3.2)."""

    def __init__(self, recipe: Recipe, backbone: Backbone | None) -> None:
        super().__init__()
        self.network = VisionNetwork(recipe.sizes)
        self._recipe = recipe
        if backbone:
            self.network.features = backbone.network.train().requires_grad_()
        if recipe.head_bias:
            nn.init.constant_(self.network.fc.bias, recipe.head_bias)  # type: ignore[arg-type]

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits ``(b, slots, k)`` of ``(b, slots, frames, height, width, 3)`` uint8."""
        maps: Tensor = self.network(normalised(pictures.flatten(0, 2), self._recipe))
        return maps.amax((2, 3)).reshape(*pictures.shape[:3], -1).amax(2)


class Separator(nn.Module):
    """The trained networks and a vector for every class, by the names a checkpoint has."""

    def __init__(self, recipe: Recipe, classes: int, backbone: Backbone | None = None) -> None:
        super().__init__()
        self.vision: nn.Module = (
            FrozenVision(recipe) if recipe.vision == "frozen" else TunedVision(recipe, backbone)
        )
        self.audio = AudioNetwork(recipe.sizes)
        if recipe.audio_start:
            _start(self.audio, *recipe.audio_start)
        self.syn = Synthesizer(recipe.sizes.k)
        self.emb = nn.Embedding(classes + 1, recipe.sizes.k)
        """Before the sigmoid; the last is for scenes."""
        nn.init.normal_(self.emb.weight, *recipe.class_start)
        nn.init.constant_(self.emb.weight[-1], recipe.silent_start)
        nn.init.constant_(self.syn.bias, recipe.mask_bias)
        self.to(memory_format=torch.channels_last)


def _start(network: nn.Module, kernels: float, scales: float) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, 0.0, kernels)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, scales)
            nn.init.zeros_(module.bias)
