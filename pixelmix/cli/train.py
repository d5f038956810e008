"""`pixelmix train`: Mix-and-Separate on a prepared dataset."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pixelmix.cli.console import Console
from pixelmix.cli.extra import training_extra
from pixelmix.cli.options import Debug, Json, Prepared, Quiet, Threads
from pixelmix.errors import OutputError, UsageError

RunFolder = Annotated[Path, typer.Option("-o", "--output", metavar="RUN", help="The run's folder.")]
Preset = Annotated[
    str, typer.Option("--preset", metavar="default|paper", help="The recipe to begin with.")
]
Steps = Annotated[
    int | None, typer.Option("--steps", min=1, metavar="N", help="Steps of the whole training.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Change a value of the recipe; docs/training.md."
    ),
]
VisionWeights = Annotated[
    str | None,
    typer.Option(
        "--vision-weights",
        metavar="FILE|imagenet",
        help="Trained weights of the backbone: a state dict, or torchvision's (downloaded).",
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--start-from",
        metavar="NAME|PATH",
        help="Begin with a model's weights instead of random ones; all but its vision head.",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")]
Fresh = Annotated[
    bool, typer.Option("-y", "--overwrite", help="Start anew in a folder that holds a run.")
]
Where = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option("--device", metavar="auto|cpu|cuda", help="Where to train."),
]
Processes = Annotated[
    int,
    typer.Option(
        "--processes", min=1, metavar="N", help="Processes on this machine, such as one per GPU."
    ),
]
Nodes = Annotated[int, typer.Option("--nodes", min=1, metavar="N", help="Machines; with torchrun.")]


def train(
    dataset: Prepared,
    output: RunFolder,
    *,
    preset: Preset = "default",
    steps: Steps = None,
    settings: Settings = None,
    vision_weights: VisionWeights = None,
    start_from: Start = None,
    resume: Resume = False,
    overwrite: Fresh = False,
    device: Where = "auto",
    processes: Processes = 1,
    nodes: Nodes = 1,
    threads: Threads = None,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - read by main()
) -> None:
    """Train a model on a prepared dataset.

    Interrupted at any moment, the same command with --resume goes on as if nothing had happened.
    """
    with training_extra("to train"):
        from pixelmix.model.bundle import find_bundle, load_bundle
        from pixelmix.train import recipe as recipes
        from pixelmix.train.backbone import expected_input
        from pixelmix.train.loop import Launch
        from pixelmix.train.loop import train as train_networks
        from pixelmix.train.run import Run
        from pixelmix.train.settings import override

    console = Console(json, quiet)
    if resume and overwrite:
        raise UsageError("--resume goes on and --overwrite starts anew: give one of them")
    run = Run(output)
    if run.has_checkpoint() and not (resume or overwrite):
        raise OutputError(
            f"{output}: holds a training run already; go on with --resume, start anew with "
            "--overwrite, or name another folder"
        )
    run.create()
    # What the weights were trained to see, unless told otherwise.
    changes = [*(expected_input(vision_weights) if vision_weights else ()), *(settings or ())]
    changes += [f"steps={steps}"] if steps else []
    begun = run.recipe() if resume and run.has_checkpoint() else recipes.preset(preset)
    try:
        trainer = train_networks(
            dataset,
            run,
            override(begun, changes),
            vision_weights,
            Launch(device, processes, nodes, threads),
            console.note,
            start=load_bundle(find_bundle(start_from)) if start_from else None,
            fresh=overwrite,
        )
    except KeyboardInterrupt:
        console.note(f"{output}: goes on from its last checkpoint with --resume")
        raise
    if not trainer.leads:
        return
    console.say(f"{output}: trained {trainer.steps} steps in {trainer.seconds / 60:.1f} minutes")
    console.document({"run": str(output), "steps": trainer.steps, "seconds": trainer.seconds})
