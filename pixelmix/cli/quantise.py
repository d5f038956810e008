"""`pixelmix quantise`: a model that computes in 8 bits."""

from typing import Annotated

import typer

from pixelmix.cli.console import Console
from pixelmix.cli.export import Licence, Scores, Summary
from pixelmix.cli.extra import training_extra
from pixelmix.cli.options import Debug, Json, NewBundle, Overwrite, Prepared, Quiet

Original = Annotated[str, typer.Argument(metavar="MODEL", help="A model's name or folder.")]


def quantise(
    model: Original,
    dataset: Prepared,
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
    """Make a model that computes in 8 bits.

    On processors with instructions for it its networks take less than half of the time. A
    prepared dataset shows how large the numbers in the networks get. Example:

    pixelmix quantise mine mydata -o mine-fast
    """
    with training_extra("to quantise a model"):
        from pixelmix.data.dataset import Dataset
        from pixelmix.model.bundle import find_bundle, load_bundle
        from pixelmix.train.assemble import Words
        from pixelmix.train.quantise import quantise as convert
        from pixelmix.train.scores import read_scores

    console = Console(json, quiet)
    bundle, gap = convert(
        load_bundle(find_bundle(model)),
        Dataset.open(dataset),
        output,
        Words(summary, licence, read_scores(scores or ())),
        overwrite=overwrite,
    )
    console.say(
        f"{output}: model {bundle.name} ({bundle.id}), {bundle.bytes / 1e6:.1f} MB; "
        f"masks differ from {model}'s by {gap:.3f} on average"
    )
    console.document(
        {
            "output": str(output),
            "model": bundle.name,
            "model_id": bundle.id,
            "difference": gap,
        }
    )
