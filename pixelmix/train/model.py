"""What is trained: a head on projected features, the audio network, the synthesizer."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixelmix.train.nets import AudioNetwork, Synthesizer
from pixelmix.train.recipe import Recipe


class Head(nn.Module):
    """Projected features to K activations; two layers, each a 1x1 convolution when exported."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.a = nn.Linear(recipe.projection_size, recipe.sizes.head_width)
        self.b = nn.Linear(recipe.sizes.head_width, recipe.sizes.k)
        self.drop = nn.Dropout(recipe.dropout)
        nn.init.constant_(self.b.bias, recipe.head_bias)

    def forward(self, cells: Tensor) -> Tensor:
        """Return ``(..., k)`` in 0..1, the maximum over ``(..., cells, projected)``."""
        logits: Tensor = self.b(self.drop(F.relu(self.a(cells))))
        return logits.amax(-2).sigmoid()


class Separator(nn.Module):
    """The trained networks and a vector for every class, by the names a checkpoint has."""

    def __init__(self, recipe: Recipe, classes: int) -> None:
        super().__init__()
        k = recipe.sizes.k
        self.head = Head(recipe)
        self.audio = AudioNetwork(recipe.sizes)
        self.syn = Synthesizer(k)
        self.emb = nn.Embedding(classes + 1, k)
        """Before the sigmoid; the last is for scenes without instruments."""
        nn.init.normal_(self.emb.weight, *recipe.class_start)
        nn.init.constant_(self.emb.weight[-1], recipe.silent_start)
        nn.init.constant_(self.syn.bias, recipe.mask_bias)
        self.to(memory_format=torch.channels_last)
