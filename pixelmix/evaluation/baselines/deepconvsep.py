"""An audio-only convolutional network that knows the kinds, in the manner of DeepConvSep.

Chandna, Miron, Janer and Gomez, "Monoaural Audio Source Separation Using Deep Convolutional Neural
Networks" (LVA/ICA 2017): a vertical and a horizontal convolution, a narrow dense layer, a dense
layer for every source, and the two convolutions transposed, with the weights of the first two.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixelmix.evaluation.baselines import learning
from pixelmix.evaluation.baselines.learning import Learner, Mixtures, Plan, logs
from pixelmix.evaluation.baselines.solos import Solos
from pixelmix.evaluation.baselines.spectra import TINY, level, magnitudes, ratio_masks
from pixelmix.evaluation.examples import Example
from pixelmix.evaluation.methods import apply_masks
from pixelmix.types import FloatArray, FrontEnd

PLAN = Plan("deepconvsep", steps=600, batch=32, frames=32, learning_rate=3e-3)
FILTERS, ROWS, STRIDE = 30, 30, 4
"""Filters of both convolutions; height of the vertical ones, and rows between them."""
FRAMES = 9
"""Width of the horizontal ones."""
NARROW = 128
"""Units of the narrow layer."""


class DeepConvSep(Learner):
    """Magnitudes of sources from the mixture's; a dense layer for every kind, the rest shared.

    All layers work on every frame alike, so that mixtures may have any length.
    """

    def __init__(self, rows: int, kinds: int) -> None:
        super().__init__()
        self.vertical = nn.Conv2d(1, FILTERS, (ROWS, 1), stride=(STRIDE, 1))
        self.horizontal = nn.Conv2d(FILTERS, FILTERS, (1, FRAMES), padding=(0, FRAMES // 2))
        bands, self.left_over = divmod(rows - ROWS, STRIDE)
        units = FILTERS * (bands + 1)
        self.narrow = nn.Conv1d(units, NARROW, 1)
        self.norm, self.narrow_norm = nn.BatchNorm2d(FILTERS), nn.BatchNorm1d(NARROW)
        self.wide = nn.Parameter(torch.randn(kinds, units, NARROW) / NARROW**0.5)
        self.wide_bias = nn.Parameter(torch.zeros(kinds, units, 1))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, mixture: Tensor, kinds: Tensor) -> Tensor:
        """Return the magnitude of a source of every kind asked for, above zero.

        ``mixture (b, rows, frames), kinds (b, sources) -> (b, sources, rows, frames)``.
        """
        seen = logs(mixture)[:, None]
        found = self.norm(self.horizontal(self.vertical(seen)))
        narrow = self.narrow_norm(self.narrow(found.flatten(1, 2))).relu()[:, None]
        wide = (self.wide[kinds] @ narrow + self.wide_bias[kinds]).relu()
        across = F.conv_transpose2d(
            wide.reshape(-1, *found.shape[1:]), self.horizontal.weight, padding=(0, FRAMES // 2)
        )
        down = F.conv_transpose2d(
            across,
            self.vertical.weight,
            stride=(STRIDE, 1),
            output_padding=(self.left_over, 0),
        )
        return F.softplus(down + self.bias).reshape(*kinds.shape, *mixture.shape[1:])

    def cost(self, batch: Mixtures) -> Tensor:
        """Return the mean distance of the masked mixture from its sources.

        That is the masks' error (masks as in `ratio_masks`), weighted by the mixture's magnitude.
        """
        found: Tensor = self(batch.mixture, batch.kinds) + TINY
        masks = found / found.sum(dim=1, keepdim=True)
        return (masks * batch.mixture[:, None] - batch.parts).abs().mean()


def train(
    solos: Solos, fe: FrontEnd, seed: int, steps: int | None, say: Callable[[str], None]
) -> "DeepConvSepMethod":
    """Train a network from scratch on mixtures of solos."""
    kinds = solos.kinds
    network = learning.train(
        lambda: DeepConvSep(fe.rows, len(kinds)), solos, fe, PLAN.lasting(steps), seed, say
    )
    return DeepConvSepMethod(network, kinds, fe)


class DeepConvSepMethod:
    """The network as a method: masks of the example's kinds, which sum to one."""

    name = PLAN.name

    def __init__(self, network: DeepConvSep, kinds: tuple[str, ...], fe: FrontEnd) -> None:
        self._network, self._kinds, self._fe = network, kinds, fe

    @torch.no_grad()
    def separate(self, example: Example) -> FloatArray:
        """Return the stems ``(sources, samples)``."""
        mixture = magnitudes(example.mixture / level(example.mixture), self._fe)
        kinds = torch.tensor([[self._kinds.index(kind) for kind in example.kinds]])
        parts: FloatArray = self._network(torch.from_numpy(mixture)[None], kinds)[0].numpy()
        return apply_masks(self._fe, ratio_masks(parts, example.kinds), example.mixture)
