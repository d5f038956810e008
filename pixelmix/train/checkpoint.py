"""The state of a training run, in one file that PyTorch reads with ``weights_only=True``.

A run's ``last.pt`` is a dictionary: ``model`` and ``average`` are the state dicts of the model and
of its moving average (which is exported), ``optimiser`` the optimiser's, ``step`` the steps taken,
``seconds`` the time they took. State dict keys begin with ``vision.``, ``audio.``, ``syn.`` or
``emb.``, see `model.Separator`.
"""

import os
import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pixelmix.errors import ModelError, OutputError

FILE = "last.pt"
State = Mapping[str, Tensor]
DAMAGES = (
    pickle.UnpicklingError, struct.error, RuntimeError, EOFError, LookupError, ValueError,
    TypeError, AttributeError, AssertionError,
)  # fmt: skip
"""What PyTorch raises, besides OSError, when a file is not one of its own or is damaged."""


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """Everything that a run needs to go on."""

    model: State
    average: State
    optimiser: dict[str, object]
    step: int
    seconds: float


def save(checkpoint: Checkpoint, run: Path) -> None:
    """Replace the run's checkpoint, in one step, so that a stopped run has the old or the new.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    partial = run / f".{FILE}.partial"
    content = {
        "model": checkpoint.model,
        "average": checkpoint.average,
        "optimiser": checkpoint.optimiser,
        "step": checkpoint.step,
        "seconds": checkpoint.seconds,
    }
    try:
        with partial.open("wb") as file:
            torch.save(content, file)
            file.flush()
            # Renamed only when it is on the disk, or a power cut could leave an empty file.
            os.fsync(file.fileno())
        partial.replace(run / FILE)
    except (OSError, RuntimeError) as error:
        raise OutputError(f"{run / FILE}: cannot be written ({_line(error)})") from error


def load(run: Path) -> Checkpoint:
    """Read the checkpoint of a run.

    Raises
    ------
    ModelError
        If there is none, it is damaged, or it holds objects that could run code.
    """
    file = run / FILE
    try:
        # weights_only admits tensors and plain containers; other pickles could run code.
        content: object = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"{run}: holds no checkpoint ({FILE}) yet; train it first") from error
    except (OSError, *DAMAGES) as error:
        raise ModelError(f"{file}: cannot be read ({_line(error)})") from error
    if not isinstance(content, dict):
        raise ModelError(f"{file}: is no checkpoint of a training run")
    optimiser, step, seconds = (content.get(key) for key in ("optimiser", "step", "seconds"))
    if not (isinstance(optimiser, dict) and isinstance(step, int) and isinstance(seconds, float)):
        raise ModelError(f"{file}: is no checkpoint of a training run")
    model, average = (_state(content.get(key), file) for key in ("model", "average"))
    return Checkpoint(model, average, optimiser, step, seconds)


def _state(value: object, file: Path) -> State:
    if not isinstance(value, Mapping) or not all(isinstance(t, Tensor) for t in value.values()):
        raise ModelError(f"{file}: is no checkpoint of a training run")
    return value


def _line(error: Exception) -> str:
    text = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return (text.splitlines() or [type(error).__name__])[0]
