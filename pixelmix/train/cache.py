"""What is worked out once before training: decoded sounds and projected feature maps.

A cache folder holds ``sounds.npy`` (all solos end to end, 16 bits) with ``sounds.json``,
``pca.pt`` (the projection), ``pictures.json`` and a ``view-NN.npy`` per augmented view of all
pictures. Every file appears when it is complete, so that a stopped preparation goes on where it
was; a finished one is taken as it is.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from pixelmix.errors import InputError, OutputError
from pixelmix.media.mono import read_mono
from pixelmix.train import backbone
from pixelmix.train.kit import SCENES, WEIGHTS, Entry, solos, training_pictures
from pixelmix.train.pictures import augment
from pixelmix.train.recipe import Recipe
from pixelmix.train.sounds import QUIETEST, SoundPool
from pixelmix.types import ByteArray

Say = Callable[[str], None]
"""Takes one line for whoever is watching."""
Maps = npt.NDArray[np.float16]

PROJECTION = "pca.pt"
_SOUNDS, _SOUND_LIST, _PICTURE_LIST = "sounds.npy", "sounds.json", "pictures.json"
_SECONDS_OFF = 0.5
"""A sound may differ from its stated length by this much; more means that part of it is lost."""


def prepare(kit: Path, cache: Path, recipe: Recipe, say: Say = print) -> None:
    """Fill the folder ``cache`` with everything `training_sounds` and `picture_views` return.

    Raises
    ------
    InputError
        If a file of the kit is missing, cannot be decoded or holds nothing; its name is said.
    ModelError
        If the backbone's weights do not fit.
    OutputError
        If the cache cannot be written.
    """
    try:
        cache.mkdir(parents=True, exist_ok=True)
        if not (cache / _SOUND_LIST).is_file():
            _decode_sounds(kit, cache, recipe.front_end.rate, say)
        _project_pictures(kit, cache, recipe, say)
    except OSError as error:
        raise OutputError(f"{cache}: cannot be written ({error.strerror or error})") from error


def training_sounds(cache: Path, rate: int) -> SoundPool:
    """Return the solos of the training split; the samples stay on disk until they are used."""
    rows = [row for row in json.loads((cache / _SOUND_LIST).read_text()) if row[2] == "train"]
    return SoundPool(
        samples=np.load(cache / _SOUNDS, mmap_mode="r"),
        starts=np.array([row[3] for row in rows]),
        lengths=np.array([row[4] for row in rows]),
        classes=tuple(row[1] for row in rows),
        rate=rate,
    )


def picture_views(cache: Path) -> tuple[tuple[str, ...], tuple[Maps, ...]]:
    """Return the class of every picture and all views ``(pictures, rows, cols, projected)``."""
    kinds = tuple(row[1] for row in json.loads((cache / _PICTURE_LIST).read_text()))
    return kinds, tuple(np.load(file, mmap_mode="r") for file in sorted(cache.glob("view-*.npy")))


def _decode_sounds(kit: Path, cache: Path, rate: int, say: Say) -> None:
    parts: list[npt.NDArray[np.int16]] = []
    rows: list[tuple[str, str, str, int, int]] = []
    position = 0
    for solo in solos(kit):
        samples = _decode(kit, solo, rate)
        rows.append((solo.path, solo.kind, solo.split, position, len(samples)))
        parts.append(samples)
        position += len(samples)
    with _written(cache / _SOUNDS) as file:
        np.save(file, np.concatenate(parts))
    with _written(cache / _SOUND_LIST) as file:
        file.write_text(json.dumps(rows))
    say(f"sounds: {len(rows)} files, {position / rate / 60:.1f} minutes")


def _decode(kit: Path, solo: Entry, rate: int) -> npt.NDArray[np.int16]:
    file = kit / solo.path
    samples = read_mono(file, rate)
    seconds = len(samples) / rate
    if abs(seconds - solo.seconds) > _SECONDS_OFF:
        raise InputError(
            f"{file}: {seconds:.2f} s could be decoded, but the list of solos says "
            f"{solo.seconds:.2f} s; the file may be cut off"
        )
    # Written so that a NaN is refused too.
    if not float(np.sqrt(np.mean(samples * samples))) > QUIETEST:
        raise InputError(f"{file}: is (nearly) silent and would teach nothing; take it out")
    return (np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16)


def _project_pictures(kit: Path, cache: Path, recipe: Recipe, say: Say) -> None:
    names = [cache / f"view-{view:02}.npy" for view in range(recipe.views)]
    if (cache / _PICTURE_LIST).is_file() and all(name.is_file() for name in names):
        return
    pictures = training_pictures(kit)
    views = _Views(kit, pictures, backbone.load_backbone(kit / WEIGHTS, recipe.sizes))
    if not (cache / PROJECTION).is_file():
        projection = views.projection(recipe)
        with _written(cache / PROJECTION) as file:
            backbone.save_projection(projection, file)
    projection = backbone.load_projection(cache / PROJECTION)
    for index, name in enumerate(names):
        if name.is_file():
            continue
        # A generator per view: a view is the same whether or not others were made before.
        rng = np.random.default_rng((recipe.seed, 1 + index))
        with _written(name) as file:
            views.write(file, projection, recipe.picture_batch, rng)
        say(f"pictures: view {index + 1} of {len(names)}, {len(pictures)} pictures")
    with _written(cache / _PICTURE_LIST) as file:
        file.write_text(json.dumps([(row.path, row.kind) for row in pictures]))


class _Views:
    """Augmented views of a kit's pictures, through the backbone."""

    def __init__(self, kit: Path, pictures: Sequence[Entry], features: nn.Module) -> None:
        self._files = [kit / row.path for row in pictures]
        self._scenes = [kit / row.path for row in pictures if row.kind == SCENES]
        self._features = features

    def projection(self, recipe: Recipe) -> backbone.Projection:
        rng = np.random.default_rng((recipe.seed, 0))
        count = min(recipe.projection_pictures, len(self._files))
        chosen = [self._files[i] for i in rng.choice(len(self._files), count, replace=False)]
        cells = [
            maps.permute(0, 2, 3, 1).flatten(0, 2)[:: recipe.projection_step]
            for maps in self._maps(chosen, recipe.picture_batch, rng)
        ]
        return backbone.principal(torch.cat(cells), recipe.projection_size, recipe.projection_floor)

    def write(
        self, file: Path, projection: backbone.Projection, batch: int, rng: np.random.Generator
    ) -> None:
        target: Maps | None = None
        done = 0
        for maps in self._maps(self._files, batch, rng):
            projected = projection.apply(maps).half().numpy()
            if target is None:
                shape = (len(self._files), *projected.shape[1:])
                target = np.lib.format.open_memmap(file, "w+", np.float16, shape)
            target[done : done + len(projected)] = projected
            done += len(projected)

    def _maps(
        self, files: Sequence[Path], batch: int, rng: np.random.Generator
    ) -> Iterator[torch.Tensor]:
        for start in range(0, len(files), batch):
            some = files[start : start + batch]
            yield backbone.feature_maps(self._features, [self._view(file, rng) for file in some])

    def _view(self, file: Path, rng: np.random.Generator) -> ByteArray:
        scene = self._scenes[int(rng.integers(len(self._scenes)))]
        return augment(_open(file), _open(scene), rng)


def _open(file: Path) -> Image.Image:
    try:
        with Image.open(file) as picture:
            return picture.convert("RGB")
    except OSError as error:
        raise InputError(f"{file}: cannot be read as a picture ({error})") from error


@contextmanager
def _written(file: Path) -> Iterator[Path]:
    """Give a temporary sibling that becomes ``file`` when the block ends well."""
    partial = file.with_name(f".partial-{file.name}")
    yield partial
    partial.replace(file)
