"""The ends of the scale: doing nothing, and the best that masks could do."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pixelmix.evaluation.baselines.spectra import magnitudes, ratio_masks
from pixelmix.evaluation.examples import Example
from pixelmix.evaluation.methods import apply_masks
from pixelmix.types import FloatArray, FrontEnd


@dataclass(frozen=True, slots=True)
class Mixture:
    """Every stem is the mixture: what all gains are counted from."""

    name: str = "mixture"

    def separate(self, example: Example) -> FloatArray:
        """Return the mixture for every source, ``(sources, samples)``."""
        return np.repeat(example.mixture[None], len(example.waves), axis=0)


@dataclass(frozen=True, slots=True)
class IdealMask:
    """Masks made from the true sources (paper section 3.2), at the resolution of the model's.

    Nothing that answers with masks of ``fe.rows x fe.frames`` cells, binary or ratio, does much
    better: what is lost here is lost to that resolution and to the mixture's phase.
    """

    fe: FrontEnd
    type: Literal["binary", "ratio"]

    @property
    def name(self) -> str:
        """Name in reports."""
        return f"ideal-{self.type}"

    def separate(self, example: Example) -> FloatArray:
        """Return the stems ``(sources, samples)``."""
        parts = magnitudes(example.waves, self.fe)
        if self.type == "ratio":
            masks = ratio_masks(parts)
        else:
            sources = np.arange(len(parts))[:, None, None]
            masks = (parts.argmax(axis=0) == sources).astype(np.float32)
        return apply_masks(self.fe, masks, example.mixture)
