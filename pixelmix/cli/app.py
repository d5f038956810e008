"""The list of commands, one file each. Heavy imports happen inside command bodies."""

from typing import Annotated

import typer

from pixelmix.cli.doctor import doctor
from pixelmix.cli.evaluate import evaluate
from pixelmix.cli.export import export
from pixelmix.cli.heatmap import heatmap
from pixelmix.cli.import_checkpoint import import_checkpoint
from pixelmix.cli.models import models
from pixelmix.cli.options import Debug
from pixelmix.cli.prepare import prepare
from pixelmix.cli.quantise import quantise
from pixelmix.cli.regions import regions
from pixelmix.cli.remix import remix
from pixelmix.cli.separate import separate
from pixelmix.cli.train import train

app = typer.Typer(
    help="Remix a video's sound by where it comes from in the picture.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from pixelmix import __version__

        print(f"pixelmix {__version__}")
        raise typer.Exit


@app.callback()
def pixelmix(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
    debug: Debug = False,
) -> None:
    """Remix a video's sound by where it comes from in the picture."""


app.command()(remix)
app.command()(separate)
app.command()(regions)
app.command()(heatmap)
app.command()(models)
app.command()(doctor)
app.command()(prepare)
app.command()(train)
app.command()(evaluate)
app.command()(export)
app.command()(quantise)
app.command("import-checkpoint")(import_checkpoint)
