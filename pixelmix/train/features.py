"""A frozen backbone's work, done once: feature maps of augmented views, projected and kept.

They lie in ``DATASET/features/<key>/``, where the key stands for everything they depend on, so
that several runs share them. A file per view appears when it is complete.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from pixelmix.data.dataset import SCENES, Dataset
from pixelmix.errors import InputError, OutputError
from pixelmix.media.atomic import partial_path
from pixelmix.train.backbone import (
    Backbone,
    Projection,
    feature_maps,
    load_projection,
    principal,
    save_projection,
)
from pixelmix.train.pictures import augment, crop_and_flip
from pixelmix.train.recipe import Recipe
from pixelmix.types import ByteArray

Say = Callable[[str], None]
"""Takes one line for whoever is watching."""
Maps = npt.NDArray[np.float16]

PROJECTION = "projection.safetensors"
_PICTURES = "pictures.json"
_BATCH = 32
_PROJECTION_PICTURES = 800
_PROJECTION_STEP = 7
"""Every so many cells are used to measure the projection; neighbouring cells are nearly alike."""
_VERSION = 2
"""Of the augmentation; part of the key."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Projected maps of the training pictures."""

    rows: dict[int, int]
    """Where in the maps a picture of the dataset is."""
    views: tuple[Maps, ...]
    """(pictures, rows, cols, projected) each; read from disk when they are asked for."""

    @classmethod
    def open(cls, folder: Path, count: int) -> "Features":
        """Open the first ``count`` views of what `prepare_features` wrote."""
        pictures: list[int] = json.loads((folder / _PICTURES).read_text())
        # Another run may have made more.
        views = tuple(np.load(file, mmap_mode="r") for file in _view_files(folder, count))
        rows = {picture: row for row, picture in enumerate(pictures)}
        return cls(rows, views)


def training_pictures(dataset: Dataset, recipe: Recipe) -> list[int]:
    """Return which pictures of the training split a frozen backbone looks at."""
    stills = [still.picture for still in dataset.stills if still.split == "train"]
    own: list[int] = []
    for sound in dataset.split("train"):
        count = min(sound.pictures, recipe.looks_per_sound)
        places = (np.arange(count) + 0.5) * (sound.pictures / max(count, 1))
        own += [sound.first_picture + int(place) for place in places]
    return sorted(stills + own)


def prepare_features(dataset: Dataset, recipe: Recipe, backbone: Backbone, say: Say) -> Path:
    """Make what is missing of a dataset's feature maps and return their folder.

    Raises
    ------
    InputError
        If a picture is damaged, or there is none.
    OutputError
        If the folder cannot be written.
    """
    pictures = training_pictures(dataset, recipe)
    if not pictures:
        raise InputError(
            f"{dataset.folder}: has no pictures in the training split; prepare videos, or pictures "
            "of the classes beside the sounds"
        )
    folder = dataset.folder / "features" / _key(pictures, recipe, backbone)
    names = _view_files(folder, recipe.views)
    if (folder / _PICTURES).is_file() and all(name.is_file() for name in names):
        return folder
    views = _Views(dataset, pictures, recipe, backbone.network)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / PROJECTION).is_file():
            projection = views.projection()
            with partial_path(folder / PROJECTION) as partial:
                save_projection(projection, partial)
        projection = load_projection(folder / PROJECTION)
        for index, name in enumerate(names):
            if not name.is_file():
                with partial_path(name) as partial:
                    views.write(partial, projection, index)
                say(f"pictures: view {index + 1} of {len(names)}, {len(pictures)} pictures")
        with partial_path(folder / _PICTURES, overwrite=True) as partial:
            partial.write_text(json.dumps(pictures))
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from error
    return folder


def _view_files(folder: Path, count: int) -> list[Path]:
    return [folder / f"view-{view:02}.npy" for view in range(count)]


def _key(pictures: Sequence[int], recipe: Recipe, backbone: Backbone) -> str:
    about: tuple[object, ...] = (
        _VERSION, backbone.checksum, recipe.seed, recipe.short_side, recipe.picture_changes,
        recipe.image_mean, recipe.image_std, recipe.projection_size, recipe.projection_floor,
        list(pictures), _PROJECTION_PICTURES, _PROJECTION_STEP,
    )  # fmt: skip
    if not recipe.sizes.same_padding:  # the weights are the same either way
        about += ("padded evenly",)
    if recipe.sizes.head_context != 1:
        about += (f"averaged over {recipe.sizes.head_context}",)
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:12]


class _Views:
    """Augmented views of pictures, through the backbone."""

    def __init__(
        self, dataset: Dataset, pictures: Sequence[int], recipe: Recipe, network: nn.Module
    ) -> None:
        self._dataset = dataset
        self._pictures = pictures
        self._recipe = recipe
        self._network = network
        scenes = [still.picture for still in dataset.stills if still.kind == SCENES]
        self._scenes = [picture for picture in scenes if picture in set(pictures)]

    def projection(self) -> Projection:
        recipe = self._recipe
        rng = np.random.default_rng((recipe.seed, 0))
        count = min(_PROJECTION_PICTURES, len(self._pictures))
        chosen = [int(i) for i in rng.choice(self._pictures, count, replace=False)]
        cells = [
            maps.permute(0, 2, 3, 1).flatten(0, 2)[::_PROJECTION_STEP]
            for maps in self._maps(chosen, rng)
        ]
        return principal(torch.cat(cells), recipe.projection_size, recipe.projection_floor)

    def write(self, file: Path, projection: Projection, view: int) -> None:
        # A generator per view: a view is the same whether or not others were made before.
        rng = np.random.default_rng((self._recipe.seed, 1 + view))
        target: Maps | None = None
        done = 0
        for maps in self._maps(self._pictures, rng):
            projected = projection.apply(maps).half().numpy()
            if target is None:
                shape = (len(self._pictures), *projected.shape[1:])
                target = np.lib.format.open_memmap(file, "w+", np.float16, shape)
            target[done : done + len(projected)] = projected
            done += len(projected)

    def _maps(self, pictures: Sequence[int], rng: np.random.Generator) -> Iterator[torch.Tensor]:
        for start in range(0, len(pictures), _BATCH):
            views = [self._view(picture, rng) for picture in pictures[start : start + _BATCH]]
            yield feature_maps(self._network, views, self._recipe)

    def _view(self, picture: int, rng: np.random.Generator) -> ByteArray:
        return look(self._dataset, picture, self._scenes, self._recipe, rng)


def look(
    dataset: Dataset,
    picture: int,
    scenes: Sequence[int],
    recipe: Recipe,
    rng: np.random.Generator,
) -> ByteArray:
    """Return an augmented view ``(side, side, 3)`` of a picture, perhaps over one of ``scenes``."""
    scene = int(rng.choice(scenes)) if len(scenes) else picture
    image = Image.fromarray(dataset.picture(picture))
    if recipe.picture_changes == "crop":
        return crop_and_flip(image, recipe.short_side, rng)
    return augment(image, Image.fromarray(dataset.picture(scene)), recipe.short_side, rng)
