"""The folder of a training run: what was trained, on what, and how far.

``recipe.json`` (see `settings`), ``data.json`` (`Data`), ``vision.safetensors`` (a frozen
backbone's layers and the projection of its maps), ``last.pt`` (`checkpoint`), ``log.jsonl`` and
``tensorboard/``.
"""

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pixelmix.data.dataset import Dataset
from pixelmix.errors import ModelError, OutputError
from pixelmix.train import checkpoint, settings
from pixelmix.train.backbone import (
    PREFIX,
    Backbone,
    Projection,
    layers_of,
    load_projection,
    stated_input,
)
from pixelmix.train.features import PROJECTION
from pixelmix.train.mixtures import Mixer
from pixelmix.train.recipe import Recipe

_RECIPE, _DATA, _VISION = "recipe.json", "data.json", "vision.safetensors"
LOG, BOARD = "log.jsonl", "tensorboard"
_PROJECTION = "projection."


@dataclass(frozen=True, slots=True)
class Data:
    """What a run was trained on."""

    dataset: str
    """Name of its folder."""
    kinds: tuple[str, ...]
    """Classes, in the order of the class vectors."""
    recordings: int
    minutes: float
    pictures: int
    licences: Mapping[str, int]
    """How many recordings and stills have which licence."""
    started_from: str = ""
    """The model that the training began with, if any."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder."""

    folder: Path

    def has_checkpoint(self) -> bool:
        """Tell whether there is something to go on from."""
        return (self.folder / checkpoint.FILE).exists()

    def create(self) -> None:
        """Make the folder.

        Raises
        ------
        OutputError
            If it cannot be made.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def clear(self) -> None:
        """Forget what was trained before.

        Raises
        ------
        OutputError
            If it cannot be removed.
        """
        try:
            for name in (checkpoint.FILE, LOG):
                (self.folder / name).unlink(missing_ok=True)
            shutil.rmtree(self.folder / BOARD, ignore_errors=True)
        except OSError as error:
            raise self._unwritable(error) from error

    def begin(
        self,
        recipe: Recipe,
        dataset: Dataset,
        mixer: Mixer,
        backbone: Backbone | None,
        features: Path | None,
        started_from: str = "",
    ) -> None:
        """Write what `recipe`, `data` and `vision` read.

        Raises
        ------
        OutputError
            If the folder cannot be written.
        """
        try:
            (self.folder / _RECIPE).write_text(settings.dump(recipe), encoding="utf-8")
            about = json.dumps(asdict(_about(dataset, mixer, started_from)), indent=2)
            (self.folder / _DATA).write_text(about + "\n", encoding="utf-8")
            if features and backbone:
                layers = layers_of(backbone, recipe.sizes)
                projection = load_projection(features / PROJECTION)
                tensors = {PREFIX + name: value.contiguous() for name, value in layers.items()}
                tensors |= {_PROJECTION + k: v for k, v in projection._asdict().items()}
                save_file(tensors, self.folder / _VISION, stated_input(recipe))
        except (OSError, SafetensorError) as error:
            raise self._unwritable(error) from error

    def recipe(self) -> Recipe:
        """Return the recipe of a run that has begun; ModelError if there is none."""
        return settings.load(self._read(_RECIPE), str(self.folder / _RECIPE))

    def data(self) -> Data:
        """Return what the run was trained on; ModelError if that is not known."""
        try:
            values = json.loads(self._read(_DATA))
            return Data(**{**values, "kinds": tuple(values["kinds"])})
        except (ValueError, TypeError, KeyError) as error:
            raise ModelError(f"{self.folder / _DATA}: is damaged ({error})") from error

    def vision(self) -> tuple[dict[str, Tensor], Projection]:
        """Return a frozen backbone's layers and the projection; ModelError if damaged."""
        file = self.folder / _VISION
        try:
            tensors = load_file(file)
            projection = Projection(*(tensors[_PROJECTION + name] for name in Projection._fields))
        except (OSError, SafetensorError, KeyError) as error:
            raise ModelError(f"{file}: cannot be read ({error})") from error
        layers = {
            name.removeprefix(PREFIX): value
            for name, value in tensors.items()
            if name.startswith(PREFIX)
        }
        return layers, projection

    def _read(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ModelError(
                f"{self.folder}: is no training run ({name} cannot be read); `pixelmix train` "
                "makes one"
            ) from error

    def _unwritable(self, error: Exception) -> OutputError:
        reason = getattr(error, "strerror", None) or error
        return OutputError(f"{self.folder}: cannot be written ({reason})")


def _about(dataset: Dataset, mixer: Mixer, started_from: str) -> Data:
    stills = [still for still in dataset.stills if still.split == "train"]
    stated = [s.licence for s in mixer.sounds] + [still.licence for still in stills]
    licences = Counter(licence or "not stated" for licence in stated)
    return Data(
        dataset=dataset.folder.absolute().name,
        kinds=mixer.kinds,
        recordings=len(mixer.sounds),
        minutes=round(sum(sound.samples for sound in mixer.sounds) / dataset.rate / 60, 1),
        pictures=len(stills) + sum(sound.pictures for sound in mixer.sounds),
        licences=dict(licences.most_common()),
        started_from=started_from,
    )
