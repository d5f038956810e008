"""How the networks among the baselines learn: mixtures of two solos of different kinds."""

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from pixelmix.errors import ModelError
from pixelmix.evaluation.baselines.solos import Solos
from pixelmix.evaluation.baselines.spectra import magnitudes
from pixelmix.types import FrontEnd

SOURCES = 2
REPORTS = 10
FLOOR = 0.1
"""Added to magnitudes (of mixtures at level one) before the logarithm; far below their median."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and on what a network is trained."""

    name: str
    """Of the baseline."""
    steps: int
    batch: int
    """Mixtures per step."""
    frames: int
    """STFT frames of a mixture (a whole window's, if that has less)."""
    learning_rate: float
    """At first; it falls to zero along a quarter of a cosine."""

    def lasting(self, steps: int | None) -> "Plan":
        """Return the plan with another number of steps, if one is given."""
        return self if steps is None else replace(self, steps=steps)


class Mixtures(NamedTuple):
    """A batch of mixtures at level one; magnitudes at the front end's rows."""

    kinds: Tensor
    """(b, sources) int64, indices into the kinds."""
    mixture: Tensor
    """(b, rows, frames)."""
    parts: Tensor
    """(b, sources, rows, frames)."""


def logs(magnitude: Tensor) -> Tensor:
    """Return the logarithm of magnitudes, bounded from below."""
    return (magnitude + FLOOR).log()


class Learner(nn.Module):
    """A network that says what a batch costs it."""

    @abstractmethod
    def cost(self, batch: Mixtures) -> Tensor:
        """Return the scalar that is descended."""


_Learner = TypeVar("_Learner", bound=Learner)


def train(
    make: Callable[[], _Learner],
    solos: Solos,
    fe: FrontEnd,
    plan: Plan,
    seed: int,
    say: Callable[[str], None],
) -> _Learner:
    """Make a network and train it with Adam on freshly drawn mixtures; the seed decides both.

    Raises
    ------
    ModelError
        If the loss is no longer finite.
    """
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]), _deterministic():
        torch.manual_seed(seed)
        network = make().train()
        optimiser = torch.optim.Adam(network.parameters(), plan.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: math.cos(math.pi / 2 * step / plan.steps)
        )
        every, costs = math.ceil(plan.steps / REPORTS), list[float]()
        for step in range(1, plan.steps + 1):
            cost = network.cost(draw(solos, fe, plan, rng))
            optimiser.zero_grad()
            torch.autograd.backward(cost)
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            costs.append(float(cost.detach()))
            if not math.isfinite(costs[-1]):
                raise ModelError(
                    f"{plan.name}: the loss is no longer finite at step {step}; use another seed, "
                    "or leave this baseline out"
                )
            if step % every == 0:
                say(f"{plan.name}: step {step} of {plan.steps}, loss {np.mean(costs[-every:]):.3f}")
    return network.eval()


@contextmanager
def _deterministic() -> Iterator[None]:
    """Make sums come out the same every time, also with several threads."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(mode=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def draw(solos: Solos, fe: FrontEnd, plan: Plan, rng: np.random.Generator) -> Mixtures:
    """Draw a batch."""
    samples = (min(plan.frames, fe.frames) - 1) * fe.hop
    drawn = [solos.mixture(SOURCES, samples, rng) for _ in range(plan.batch)]
    waves = np.stack([sounds for _, sounds in drawn])
    return Mixtures(
        torch.tensor([kinds for kinds, _ in drawn]),
        torch.from_numpy(magnitudes(waves.sum(axis=1), fe)),
        torch.from_numpy(magnitudes(waves, fe)),
    )
