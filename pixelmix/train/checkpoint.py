"""Files of tensors, and the state of a training run.

A run's ``last.pt`` is a dictionary: ``m`` the model's state dict, ``e`` that of its moving
average (which is exported), ``o`` the optimiser's, ``el`` seconds trained, ``step`` steps taken.
State dict keys begin with ``head.``, ``audio.``, ``syn.`` or ``emb.``, see `model.Separator`.
"""

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from pixelmix.errors import ModelError, OutputError

FILE = "last.pt"
State = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that a run needs to go on."""

    model: State
    average: State
    optimiser: dict[str, object]
    seconds: float
    step: int


def save(checkpoint: Checkpoint, run: Path) -> None:
    """Replace the run's checkpoint, in one step, so that a stopped run has the old or the new."""
    partial = run / f".{FILE}.partial"
    content = {
        "m": checkpoint.model,
        "e": checkpoint.average,
        "o": checkpoint.optimiser,
        "el": checkpoint.seconds,
        "step": checkpoint.step,
    }
    try:
        torch.save(content, partial)
        partial.replace(run / FILE)
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{run / FILE}: cannot be written ({_line(error)})") from error


def load(run: Path) -> Checkpoint:
    """Read the checkpoint of a run.

    Raises
    ------
    ModelError
        If there is none, or it is damaged.
    """
    file = run / FILE
    content = read_tensors(file)
    optimiser, seconds, step = (content.get(key) for key in ("o", "el", "step"))
    if not (
        isinstance(optimiser, dict) and isinstance(seconds, float | int) and isinstance(step, int)
    ):
        raise ModelError(f"{file}: is no checkpoint of a training run")
    model, average = (_state(content.get(key), file) for key in ("m", "e"))
    return Checkpoint(model, average, optimiser, float(seconds), step)


def read_tensors(file: Path) -> Mapping[str, object]:
    """Read a dictionary of tensors and plain values that PyTorch saved.

    Raises
    ------
    ModelError
        If the file is missing, damaged, or holds objects that could run code.
    """
    try:
        # weights_only admits tensors and plain containers; other pickles could run code.
        content: object = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, pickle.UnpicklingError, RuntimeError, EOFError, LookupError) as error:
        raise ModelError(f"{file}: cannot be read ({_line(error)})") from error
    if not isinstance(content, dict):
        raise ModelError(f"{file}: holds a {type(content).__name__}, not a dictionary")
    return cast(Mapping[str, object], content)


def _state(value: object, file: Path) -> State:
    if not isinstance(value, Mapping) or not all(isinstance(t, Tensor) for t in value.values()):
        raise ModelError(f"{file}: is no checkpoint of a training run")
    return value


def _line(error: Exception) -> str:
    text = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return (text.splitlines() or [type(error).__name__])[0]
