"""One training step after another: the model, its moving average and its optimiser."""

import copy
import math
import time
from collections.abc import Mapping

import torch
from lightning_fabric import Fabric
from torch import nn

from pixelmix.errors import ModelError
from pixelmix.train.backbone import Backbone
from pixelmix.train.checkpoint import Checkpoint, State
from pixelmix.train.losses import Losses, Objective
from pixelmix.train.mixtures import Batch
from pixelmix.train.model import Separator
from pixelmix.train.muon import Muon
from pixelmix.train.nets import AudioNetwork
from pixelmix.train.parallel import synchronise
from pixelmix.train.recipe import Recipe


class Trainer:
    """A model in training, alone or as one of several processes that share it."""

    def __init__(
        self, fabric: Fabric, recipe: Recipe, classes: int, total: int, backbone: Backbone | None
    ) -> None:
        self.recipe = recipe
        self.total = total
        """Steps of the whole training."""
        self.steps = 0
        """Steps taken."""
        self.seconds = 0.0
        """What they took, over all starts."""
        self._fabric = fabric
        # The same start in every process.
        torch.manual_seed(recipe.seed)
        model = Separator(recipe, classes, backbone)
        self.average = copy.deepcopy(model).to(fabric.device).requires_grad_(requires_grad=False)
        """Moving average of the weights, which gets exported."""
        if fabric.world_size > 1:
            synchronise(model, fabric.device)
        self.model = model.to(fabric.device)
        if recipe.compile:
            self.model.audio.compile()
        self._objective, self._optimiser = fabric.setup(
            Objective(self.model, recipe), _optimiser(self.model, recipe)
        )

    @property
    def leads(self) -> bool:
        """Whether this process is the one that speaks and writes."""
        return bool(self._fabric.global_rank == 0)

    def _here(self, batch: Batch) -> Batch:
        return batch.each(lambda value: value.to(self._fabric.device, non_blocking=True))

    @property
    def progress(self) -> float:
        """Share of the training done, 0 to 1."""
        return self.steps / self.total

    def step(self, batch: Batch) -> Losses:
        """Learn from this process's share of a batch."""
        began = time.monotonic()
        found: Losses = self._objective(self._here(batch), self.progress)
        for group in self._optimiser.param_groups:
            group["lr"] = group["full_rate"] * self.rate(self.progress)
        self._optimiser.zero_grad()
        self._fabric.backward(found.total)
        if self.recipe.clip_norm:
            self._fabric.clip_gradients(
                self._objective,
                self._optimiser,
                max_norm=self.recipe.clip_norm,
                error_if_nonfinite=False,
            )
        self._optimiser.step()
        self.steps += 1
        self._follow()
        self.seconds += time.monotonic() - began
        return found

    def rate(self, progress: float) -> float:
        """Return the learning rate at a share of the training, as a share of the full one."""
        recipe = self.recipe
        rise = min(1.0, self.steps / recipe.warmup_steps) if recipe.warmup_steps else 1.0
        if recipe.schedule == "steps":
            return rise * float(0.1 ** sum(progress >= drop for drop in recipe.rate_drops))
        return rise * (0.5 * (1 + math.cos(math.pi * progress)) + recipe.last_rate)

    @torch.no_grad()
    def _follow(self) -> None:
        # Early on the average forgets faster, or it would keep the random start for long.
        decay = min(self.recipe.average_decay, (1 + self.steps) / (10 + self.steps))
        pairs = zip(
            self.average.state_dict().values(), self.model.state_dict().values(), strict=True
        )
        for average, current in pairs:
            if average.is_floating_point():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(current)

    def state(self) -> Checkpoint:
        """Return everything that `restore` needs to go on exactly.

        Raises
        ------
        ModelError
            If a weight is no longer finite.
        """
        for name, value in self.model.state_dict().items():
            if value.is_floating_point() and not bool(value.isfinite().all()):
                raise ModelError(
                    f"{name} is no longer finite at step {self.steps}; go on from the last "
                    "checkpoint with a lower learning rate (--set learning_rate=...)"
                )
        return Checkpoint(
            model=self.model.state_dict(),
            average=self.average.state_dict(),
            optimiser=self._optimiser.state_dict(),
            step=self.steps,
            seconds=self.seconds,
        )

    def begin(self, state: State) -> None:
        """Begin with these weights instead of random ones, as far as they go."""
        for model in (self.model, self.average):
            model.load_state_dict(state, strict=False)

    def restore(self, state: Checkpoint, where: str) -> None:
        """Go on from a checkpoint.

        Raises
        ------
        ModelError
            If it does not fit; ``where`` names it.
        """
        try:
            self.model.load_state_dict(state.model)
            self.average.load_state_dict(state.average)
            self._load_optimiser(state.optimiser)
        except (RuntimeError, ValueError, KeyError) as error:
            raise ModelError(
                f"{where}: was made with another recipe or other classes; use a new folder"
            ) from error
        self.steps, self.seconds = state.step, state.seconds

    def _load_optimiser(self, state: dict[str, object]) -> None:
        own = [_settings(group) for group in self._optimiser.param_groups]
        self._optimiser.load_state_dict(state)
        # Rates and decay are the recipe's, which may have changed; the moments stay.
        for group, settings in zip(self._optimiser.param_groups, own, strict=True):
            if {*_settings(group)} != {*settings}:
                raise ValueError("these are the moments of another optimiser")
            group.update(settings)


def _settings(group: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in group.items() if name != "params"}


def _optimiser(model: Separator, recipe: Recipe) -> torch.optim.Optimizer:
    kernels = _kernels(model.audio) if recipe.optimiser == "muon" else []
    backbone: list[nn.Parameter] = []
    if recipe.vision == "tuned":
        backbone = list(model.vision.network.features.parameters())  # type: ignore[union-attr]
    apart = {*kernels, *backbone}
    groups: list[dict[str, object]] = [
        {"params": [p for p in model.parameters() if p not in apart],
         "full_rate": recipe.learning_rate},
    ]  # fmt: skip
    if kernels:
        groups.append({"params": kernels, "kernels": True, "full_rate": recipe.kernel_rate})
    if backbone:
        groups.append({"params": backbone, "full_rate": recipe.backbone_rate})
    rate, decay, betas = recipe.learning_rate, recipe.weight_decay, recipe.betas
    if recipe.optimiser == "muon":
        return Muon(groups, rate, weight_decay=decay, betas=betas)
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(groups, rate, momentum=betas[0], weight_decay=decay)
    return torch.optim.AdamW(groups, rate, weight_decay=decay, betas=betas)


def _kernels(network: AudioNetwork) -> list[nn.Parameter]:
    """Return the kernels between two layers; the first has a single input."""
    return [weight for weight in network.parameters() if weight.ndim == 4 and weight.shape[1] > 1]
