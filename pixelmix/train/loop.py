"""The training loop: by the wall clock, with checkpoints that a later start goes on from."""

import copy
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from pixelmix.errors import ModelError, OutputError
from pixelmix.train import checkpoint
from pixelmix.train.batches import Batch, batches, class_names
from pixelmix.train.cache import Say
from pixelmix.train.losses import Losses, losses
from pixelmix.train.model import Separator
from pixelmix.train.recipe import Recipe


class Trainer:
    """A model, its moving average and its optimiser, one step at a time."""

    def __init__(self, recipe: Recipe, classes: int) -> None:
        self.recipe = recipe
        self.model = Separator(recipe, classes)
        self.average = copy.deepcopy(self.model)
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), weight_decay=recipe.weight_decay, betas=recipe.betas
        )
        self.seconds = 0.0
        """Trained so far, over all starts."""
        self.steps = 0

    def step(self, batch: Batch, progress: float) -> Losses:
        """Learn from a batch; ``progress`` is the share of the training done, 0 to 1."""
        found = losses(self.model, batch, progress, self.recipe)
        rate = self.learning_rate(progress)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        torch.autograd.backward(found.total)
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        if not math.isfinite(float(found.total.detach() + norm)):
            raise ModelError(
                f"the loss is no longer finite at step {self.steps + 1}; start again from the "
                "last checkpoint, and with a lower learning rate if it happens again"
            )
        self.optimiser.step()
        self.steps += 1
        self._follow()
        return found

    def learning_rate(self, progress: float) -> float:
        """Return the rate: a short rise over steps, then a cosine over time."""
        rise = min(1.0, self.steps / self.recipe.warmup_steps)
        cosine = 0.5 * (1 + math.cos(math.pi * progress)) + self.recipe.last_rate
        return self.recipe.learning_rate * rise * cosine

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

    def save(self, run: Path) -> None:
        """Write the checkpoint of a run."""
        state = checkpoint.Checkpoint(
            model=self.model.state_dict(),
            average=self.average.state_dict(),
            optimiser=self.optimiser.state_dict(),
            seconds=self.seconds,
            step=self.steps,
        )
        checkpoint.save(state, run)

    def resume(self, run: Path) -> None:
        """Go on from the checkpoint of a run, if there is one."""
        if not (run / checkpoint.FILE).exists():
            return
        state = checkpoint.load(run)
        try:
            self.model.load_state_dict(state.model)
            self.average.load_state_dict(state.average)
            self.optimiser.load_state_dict(state.optimiser)
        except (RuntimeError, ValueError, KeyError) as error:
            raise ModelError(
                f"{run / checkpoint.FILE}: was made with another recipe or other classes; "
                "use a new folder"
            ) from error
        self.seconds, self.steps = state.seconds, state.step


def train(
    cache: Path,
    run: Path,
    recipe: Recipe,
    minutes: float,
    say: Say = print,
    clock: Callable[[], float] = time.monotonic,
) -> Trainer:
    """Train for ``minutes`` in all, counting earlier starts on the folder ``run``.

    ``clock`` returns seconds.

    Raises
    ------
    InputError
        If the cache lacks pictures of a class, or has too few classes.
    ModelError
        If the run's checkpoint does not fit, or the loss is no longer finite.
    OutputError
        If the run's folder cannot be written.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{run}: cannot be made ({error.strerror or error})") from error
    torch.manual_seed(recipe.seed)
    trainer = Trainer(recipe, len(class_names(cache, recipe)))
    trainer.resume(run)
    torch.manual_seed(recipe.seed + trainer.steps)
    watch = _Watch(trainer, run, say, trainer.seconds - clock(), clock)
    half, full = recipe.half_window, recipe.front_end.window_samples
    total = 60 * minutes
    _stretch(trainer, watch, total, recipe.full_from, lambda: _mixtures(cache, trainer, half))
    _stretch(trainer, watch, total, 1.0, lambda: _mixtures(cache, trainer, full))
    trainer.save(run)
    return trainer


def _mixtures(cache: Path, trainer: Trainer, samples: int) -> Iterator[Batch]:
    return batches(cache, trainer.recipe, samples, trainer.steps)


def _stretch(
    trainer: Trainer,
    watch: "_Watch",
    total: float,
    until: float,
    mixtures: Callable[[], Iterator[Batch]],
) -> None:
    """Train until the share ``until`` of ``total`` seconds is over."""
    if watch.elapsed() >= until * total:
        return
    # Time goes on while the first batch is made; hence the second look in the loop.
    for batch in mixtures():
        progress = watch.elapsed() / total
        if progress >= until:
            return
        watch.note(trainer.step(batch, progress), progress, batch.waves.shape[-1])


class _Watch:
    """Keeps the time of a run, its log and its checkpoints."""

    def __init__(
        self, trainer: Trainer, run: Path, say: Say, zero: float, clock: Callable[[], float]
    ) -> None:
        self._trainer = trainer
        self._run = run
        self._say = say
        self._zero = zero
        self._clock = clock
        self._recent: list[tuple[float, ...]] = []
        self._saved = self._logged = trainer.seconds

    def elapsed(self) -> float:
        """Seconds trained, over all starts."""
        self._trainer.seconds = self._zero + self._clock()
        return self._trainer.seconds

    def note(self, found: Losses, progress: float, samples: int) -> None:
        """Take the losses of a step; log and save when it is time."""
        trainer, recipe = self._trainer, self._trainer.recipe
        self._recent.append(tuple(float(value.detach()) for value in found))
        if trainer.steps % recipe.log_steps == 0:
            _, masks, silent, vision = (
                sum(values) / len(values) for values in zip(*self._recent, strict=True)
            )
            pace = (trainer.seconds - self._logged) / (len(self._recent) * recipe.batch)
            self._say(
                f"step {trainer.steps}, {progress:.1%}: masks {masks:.4f}, silent {silent:.4f}, "
                f"vision {vision:.4f}, {samples} samples, {1000 * pace:.0f} ms per mixture"
            )
            self._recent.clear()
            self._logged = trainer.seconds
        if trainer.seconds - self._saved >= recipe.save_seconds:
            trainer.save(self._run)
            self._saved = trainer.seconds
