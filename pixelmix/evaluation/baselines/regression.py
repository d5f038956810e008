"""Spectral regression: the U-Net answers with the source's spectrogram instead of a mask.

An ablation of "The Sound of Pixels" (Zhao et al., ECCV 2018, section 5). The vision side is a
learnt vector of each kind, so that it never errs: an upper bound for what pictures could give.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pixelmix.evaluation.baselines import learning
from pixelmix.evaluation.baselines.learning import FLOOR, Learner, Mixtures, Plan, logs
from pixelmix.evaluation.baselines.solos import Solos
from pixelmix.evaluation.baselines.spectra import level, magnitudes, with_phase_of
from pixelmix.evaluation.examples import Example
from pixelmix.train.nets import AudioNetwork, NetworkSizes, Synthesizer
from pixelmix.types import FloatArray, FrontEnd

PLAN = Plan("spectral-regression", steps=1000, batch=16, frames=64, learning_rate=5e-3)
SIZES = NetworkSizes(k=16, unet_width=8, unet_levels=6)


class Regression(Learner):
    """Log magnitudes of sources from the mixture's and the sources' kinds."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.audio = AudioNetwork(SIZES)
        self.synthesizer = Synthesizer(SIZES.k)
        self.vectors = nn.Embedding(kinds, SIZES.k)

    def forward(self, mixture: Tensor, kinds: Tensor) -> Tensor:
        """Return ``log(magnitude + FLOOR)`` of a source of every kind asked for.

        ``mixture (b, rows, frames), kinds (b, sources) -> (b, sources, rows, frames)``.
        """
        rows, frames = mixture.shape[1:]
        size = 2**SIZES.unet_levels
        seen = F.pad(logs(mixture), (0, -frames % size, 0, -rows % size), value=math.log(FLOOR))
        components = self.audio(seen[:, None])[..., :rows, :frames]
        vectors: Tensor = self.vectors(kinds)
        return self.synthesizer.paired(vectors, components)

    def cost(self, batch: Mixtures) -> Tensor:
        """Return the mean distance of log magnitudes."""
        found: Tensor = self(batch.mixture, batch.kinds)
        return (found - logs(batch.parts)).abs().mean()


def train(
    solos: Solos, fe: FrontEnd, seed: int, steps: int | None, say: Callable[[str], None]
) -> "RegressionMethod":
    """Train a network from scratch on mixtures of solos."""
    kinds = solos.kinds
    network = learning.train(
        lambda: Regression(len(kinds)), solos, fe, PLAN.lasting(steps), seed, say
    )
    return RegressionMethod(network, kinds, fe)


class RegressionMethod:
    """The network as a method: its magnitudes with the mixture's phase."""

    name = PLAN.name

    def __init__(self, network: Regression, kinds: tuple[str, ...], fe: FrontEnd) -> None:
        self._network, self._kinds, self._fe = network, kinds, fe

    @torch.no_grad()
    def separate(self, example: Example) -> FloatArray:
        """Return the stems ``(sources, samples)``."""
        loudness = level(example.mixture)
        mixture = torch.from_numpy(magnitudes(example.mixture / loudness, self._fe))
        kinds = torch.tensor([[self._kinds.index(kind) for kind in example.kinds]])
        found = (self._network(mixture[None], kinds)[0].exp() - FLOOR).clamp(min=0.0)
        return with_phase_of(example.mixture, found.numpy() * loudness, self._fe)
