"""`pixelmix import-checkpoint`: the published checkpoints as a bundle."""

from pathlib import Path
from typing import Annotated

import typer

from pixelmix.cli.console import Console
from pixelmix.cli.extra import training_extra
from pixelmix.cli.options import Debug, Json, NewBundle, Overwrite, Quiet

Frame = Annotated[
    Path, typer.Option("--frame", metavar="A.pth", help="State dict of the vision network.")
]
Sound = Annotated[
    Path, typer.Option("--sound", metavar="B.pth", help="State dict of the audio network.")
]
SynthesizerFile = Annotated[
    Path, typer.Option("--synthesizer", metavar="C.pth", help="State dict of the synthesizer.")
]
Half = Annotated[
    bool, typer.Option("--half", help="Store weights in 16 bits: half the size, masks near 1e-3.")
]


def import_checkpoint(
    frame: Frame,
    sound: Sound,
    synthesizer: SynthesizerFile,
    output: NewBundle,
    *,
    half: Half = False,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - read by main()
) -> None:
    """Make a model of published checkpoints.

    Turns the three state dicts that the published PixelPlayer code saves into a model bundle.
    """
    with training_extra("to read checkpoints"):
        from pixelmix.train.official import import_checkpoint as convert

    console = Console(json, quiet)
    result = convert(frame, sound, synthesizer, output, half=half, overwrite=overwrite)
    console.say(f"{output}: model {result.name}")
    console.document({"output": str(output), "model": result.name, "model_id": result.id})
