"""What a training run says: lines for people, ``log.jsonl`` for programs, TensorBoard for both."""

import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from pixelmix.dsp.warp import unwarp_matrix
from pixelmix.train.features import Say
from pixelmix.train.losses import Losses, examples, spectrograms
from pixelmix.train.mixtures import Batch
from pixelmix.train.run import BOARD, LOG
from pixelmix.train.sounds import waves
from pixelmix.train.trainer import Trainer


class Journal:
    """Keeps the losses of a run and, now and then, pictures and sounds of a mixture."""

    def __init__(self, run: Path, trainer: Trainer, say: Say) -> None:
        self._trainer = trainer
        self._say = say
        self._recent: list[Losses] = []
        self._waited = 0.0
        self._began = time.monotonic()
        self._log = run / LOG
        _cut(self._log, trainer.steps)
        self._board = SummaryWriter(str(run / BOARD), purge_step=trainer.steps + 1)

    def note(self, found: Losses, waited: float) -> None:
        """Take the losses of a step, and the seconds it had to wait for its batch."""
        trainer, recipe = self._trainer, self._trainer.recipe
        self._recent.append(Losses(*(value.detach() for value in found)))
        self._waited += waited
        if trainer.steps % recipe.log_steps and trainer.steps != trainer.total:
            return
        values = [float(torch.stack(row).mean()) for row in zip(*self._recent, strict=True)]
        means = dict(zip(Losses._fields, values, strict=True))
        took = time.monotonic() - self._began
        pace = took / len(self._recent)
        left = pace * (trainer.total - trainer.steps) / 60
        shown = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
        self._say(
            f"step {trainer.steps} of {trainer.total}: {shown}; {pace:.2f} s a step, "
            f"waited {self._waited / took:.0%}, {left:.0f} min left"
        )
        line = {"step": trainer.steps, **means, "seconds_per_step": pace,
                "waited": self._waited / took, "rate": trainer.rate(trainer.progress)}  # fmt: skip
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        for name, value in line.items():
            self._board.add_scalar(name, value, trainer.steps)
        self._recent.clear()
        self._waited = 0.0
        self._began = time.monotonic()

    @torch.no_grad()
    def show(self, batch: Batch, device: torch.device) -> None:
        """Keep the first mixture of a batch: spectrogram, masks, sounds."""
        trainer, recipe = self._trainer, self._trainer.recipe
        batch = batch.each(lambda value: value[:1].to(device))
        example = examples(batch, recipe)
        model = trainer.average.eval()
        vectors = model.vision(batch.looks)
        components = model.audio(example.log_magnitude)
        masks = model.syn.paired(vectors.sigmoid(), components)[0].sigmoid()
        mixture = waves(batch.sounds, batch.samples, recipe)[0].sum(0)
        step = trainer.steps
        self._picture("mixture", example.log_magnitude[0, 0], step)
        self._sound("mixture", mixture, step)
        for slot, mask in enumerate(masks):
            self._picture(f"mask {slot}", mask, step)
            self._picture(f"mask {slot}, wanted", example.targets[0, slot], step)
            self._sound(f"stem {slot}", self._stem(mixture, mask), step)

    def _stem(self, mixture: Tensor, mask: Tensor) -> Tensor:
        fe = self._trainer.recipe.front_end
        linear = torch.tensor(unwarp_matrix(fe), device=mask.device) @ mask
        spectrum = spectrograms(mixture[None], fe)[0] * linear
        window = torch.hann_window(fe.n_fft, device=mask.device)
        return torch.istft(spectrum, fe.n_fft, fe.hop, window=window, length=len(mixture))

    def _picture(self, name: str, values: Tensor, step: int) -> None:
        low, high = values.aminmax()
        shown = ((values - low) / (high - low).clamp(min=1e-6)).flip(0)
        self._board.add_image(name, shown.cpu().numpy(), step, dataformats="HW")

    def _sound(self, name: str, samples: Tensor, step: int) -> None:
        peak = float(samples.abs().max())
        audible = np.asarray((samples / max(peak, 1e-6)).cpu())
        rate = self._trainer.recipe.front_end.rate
        self._board.add_audio(name, audible[None], step, rate)

    def close(self) -> None:
        """Finish the files."""
        self._board.close()


def _cut(log: Path, steps: int) -> None:
    """Take out lines after the step that a run goes on from."""
    if log.exists():
        lines = log.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= steps]
        log.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
