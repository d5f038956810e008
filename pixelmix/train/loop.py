"""`pixelmix train`: from a dataset to a run with checkpoints that a later start goes on from."""

import os
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy

from pixelmix.data.dataset import Dataset
from pixelmix.errors import DeviceError, UsageError
from pixelmix.model.schema import Bundle
from pixelmix.train import checkpoint
from pixelmix.train.backbone import IMAGENET, Backbone, load_backbone, restore_backbone
from pixelmix.train.checks import check
from pixelmix.train.features import Say, prepare_features
from pixelmix.train.journal import Journal
from pixelmix.train.mixtures import Mixer, Source, batches, trainable
from pixelmix.train.recipe import Recipe
from pixelmix.train.run import Run
from pixelmix.train.trainer import Trainer
from pixelmix.train.tuning import tuned_backbone
from pixelmix.train.warm import picture_side, sound_side

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Launch:
    """Where to train."""

    device: Device = "auto"
    processes: int = 1
    """On every machine: one per GPU, or several on the CPU."""
    nodes: int = 1
    threads: int | None = None
    """Of the CPU, for every process; None leaves the choice to PyTorch."""


def train(
    folder: Path,
    run: Run,
    recipe: Recipe,
    weights: str | None,
    launch: Launch,
    say: Say,
    *,
    start: Bundle | None = None,
    fresh: bool = False,
) -> Trainer:
    """Train on the dataset in ``folder``.

    It goes on from the run's checkpoint if there is one, unless it is to start ``fresh``.

    ``weights`` of the backbone are a file or `IMAGENET`, see `load_backbone`; with None a backbone
    that is tuned starts at random. A new run takes its sound side, and a frozen backbone, from the
    bundle ``start``, if there is one, see `warm`. Started by ``torchrun`` or as one of several
    processes of ``launch``, every process trains on its share of each batch; what they learn
    together is what one process would.

    Raises
    ------
    DeviceError
        If the device cannot be had.
    InputError
        If the dataset lacks what the recipe needs, or is damaged.
    ModelError
        If weights or the checkpoint do not fit, or the training diverges.
    OutputError
        If the run's folder cannot be written.
    UsageError
        If the recipe cannot be trained, a batch cannot be divided by the processes, or a frozen
        backbone has no weights.
    """
    check(recipe)
    fabric = open_fabric(launch)
    first = fabric.global_rank == 0
    tell: Say = say if first else _nothing
    if recipe.batch % fabric.world_size:
        raise UsageError(
            f"a batch of {recipe.batch} cannot be shared by {fabric.world_size} processes; set "
            "batch to a multiple"
        )
    dataset = Dataset.open(folder)
    if fresh and first:
        run.clear()
    fabric.barrier()
    backbone = _backbone(run, recipe, weights)
    features = None
    if recipe.vision == "frozen" and backbone:
        # One process tunes it and makes the maps, the others find them.
        with fabric.rank_zero_first():
            if start and not run.has_checkpoint():
                backbone = picture_side(start, backbone, recipe.sizes)
            if recipe.tuning_steps and not run.has_checkpoint():
                backbone = tuned_backbone(dataset, recipe, backbone, tell)
            features = prepare_features(dataset, recipe, backbone, tell)
    source = Source(folder, features, recipe, recipe.total_steps(len(trainable(dataset))))
    mixer = Mixer(source)
    trainer = Trainer(fabric, recipe, len(mixer.kinds), source.steps, backbone)
    if run.has_checkpoint():
        trainer.restore(checkpoint.load(run.folder), str(run.folder / checkpoint.FILE))
    elif start:
        trainer.begin(sound_side(start, dataset, mixer, recipe))
    if first:
        named = f"{start.name} ({start.id})" if start else ""
        begun = run.data().started_from if run.has_checkpoint() else named
        run.begin(recipe, dataset, mixer, backbone, features, begun)
    tell(_opening(mixer, trainer, fabric))
    if recipe.vision == "tuned" and not (weights or trainer.steps):
        tell("the backbone starts at random; --vision-weights gives it trained weights")
    _steps(fabric, trainer, source, run, tell)
    return trainer


def _steps(fabric: Fabric, trainer: Trainer, source: Source, run: Run, tell: Say) -> None:
    recipe = trainer.recipe
    first = fabric.global_rank == 0
    journal = Journal(run.folder, trainer, tell) if first else None
    share = recipe.batch // fabric.world_size
    drawn = batches(source, trainer.steps, fabric.global_rank * share, share)
    while trainer.steps < trainer.total:
        began = time.monotonic()
        batch = next(drawn)
        waited = time.monotonic() - began
        found = trainer.step(batch)
        if journal is None:
            continue
        journal.note(found, waited)
        done = trainer.steps == trainer.total
        if trainer.steps % recipe.sample_steps == 0 or done:
            journal.show(batch, fabric.device)
        if trainer.steps % recipe.save_steps == 0 or done:
            checkpoint.save(trainer.state(), run.folder)
    if journal:
        journal.close()
    fabric.barrier()


def open_fabric(launch: Launch) -> Fabric:
    """Start the processes (or join those that ``torchrun`` started).

    Raises
    ------
    DeviceError
        If the device cannot be had.
    UsageError
        If ``torchrun`` started another number of processes.
    """
    if launch.device == "cuda" and not torch.cuda.is_available():
        raise DeviceError("PyTorch finds no usable CUDA device here; leave out --device cuda")
    if launch.threads:
        torch.set_num_threads(launch.threads)
    wanted = launch.processes * launch.nodes
    started = int(os.environ.get("WORLD_SIZE", wanted))
    if started != wanted:
        raise UsageError(
            f"{started} processes were started, but --processes {launch.processes} and --nodes "
            f"{launch.nodes} make {wanted}; give the numbers that torchrun was given"
        )
    fabric = Fabric(
        accelerator=launch.device,
        devices=launch.processes,
        num_nodes=launch.nodes,
        # Others wait while the first makes the feature maps; that may take hours.
        strategy=DDPStrategy(timeout=timedelta(days=1)) if wanted > 1 else "auto",
    )
    fabric.launch()
    return fabric


def _backbone(run: Run, recipe: Recipe, weights: str | None) -> Backbone | None:
    if recipe.vision == "frozen" and run.has_checkpoint():
        return restore_backbone(run.vision()[0], recipe.sizes)
    if weights:
        return load_backbone(None if weights == IMAGENET else Path(weights), recipe.sizes)
    if recipe.vision == "tuned":
        return None
    raise UsageError(
        f"the recipe keeps the backbone {recipe.sizes.backbone} as it is, so it has to be a "
        f"trained one: give --vision-weights FILE or --vision-weights {IMAGENET}"
    )


def _opening(mixer: Mixer, trainer: Trainer, fabric: Fabric) -> str:
    count = sum(p.numel() for p in trainer.model.parameters())
    begun = f"going on at step {trainer.steps}" if trainer.steps else "starting"
    kinds = f" of {len(mixer.kinds)} classes" if mixer.kinds else ""
    where = f"{fabric.world_size} x {fabric.device.type}"
    return (
        f"{len(mixer.sounds)} recordings{kinds}, {count / 1e6:.1f} M weights, "
        f"{trainer.total} steps of {trainer.recipe.batch} mixtures on {where}; {begun}"
    )


def _nothing(_: str) -> None:
    return None
