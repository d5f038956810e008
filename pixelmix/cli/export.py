"""`pixelmix export`: a training run as a model bundle."""

from pathlib import Path
from typing import Annotated

import typer

from pixelmix.cli.console import Console
from pixelmix.cli.extra import training_extra
from pixelmix.cli.options import Debug, Json, NewBundle, Overwrite, Quiet

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A folder of `pixelmix train`.")]
Summary = Annotated[
    str, typer.Option("--summary", metavar="TEXT", help="One line about the model.")
]
Licence = Annotated[str, typer.Option("--licence", metavar="TEXT", help="Licence of the weights.")]
Scores = Annotated[
    list[Path] | None,
    typer.Option(
        "--scores",
        metavar="FILE",
        help="What `pixelmix evaluate --json` printed, for the model card; repeatable.",
    ),
]


def export(
    run: RunFolder,
    output: NewBundle,
    *,
    summary: Summary = "",
    licence: Licence = "",
    scores: Scores = None,
    overwrite: Overwrite = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - read by main()
) -> None:
    """Make a model of a training run.

    Writes the averaged weights in half precision and compares the result with PyTorch.
    """
    with training_extra("to export a model"):
        from pixelmix.train.assemble import Words, export_run
        from pixelmix.train.run import Run
        from pixelmix.train.scores import read_scores

    console = Console(json, quiet)
    bundle, parity = export_run(
        Run(run),
        output,
        Words(summary, licence, read_scores(scores or ())),
        overwrite=overwrite,
    )
    console.say(
        f"{output}: model {bundle.name} ({bundle.id}); masks differ from PyTorch's by "
        f"{parity.masks:.1e}, by {parity.rounding:.1e} with the storage in half precision"
    )
    console.document(
        {
            "output": str(output),
            "model": bundle.name,
            "model_id": bundle.id,
            "parity": parity.masks,
            "rounding": parity.rounding,
        }
    )
