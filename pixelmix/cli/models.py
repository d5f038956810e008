"""`pixelmix models`: list and verify model bundles."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from pixelmix.cli.batch import Document
from pixelmix.cli.console import Console
from pixelmix.cli.options import Debug, Json, Quiet
from pixelmix.errors import ModelError

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME|PATH]...", help="Only these bundles.")
]


def models(
    names: Names = None,
    *,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,  # noqa: ARG001 - read by main()
) -> None:
    """List models and verify their files.

    Compares every file with its checksum. Exits with 1 if a bundle is damaged, or none is found.
    """
    from pixelmix.model.bundle import find_bundle, list_bundles, load_bundle, verify

    console = Console(json, quiet)
    folders = [find_bundle(name) for name in names] if names else list_bundles()
    if not folders:
        raise ModelError("no model bundle is installed; install pixelmix again, or use --model")
    rows: list[Document] = []
    for folder in folders:
        row = {"name": folder.name, "path": str(folder)}
        try:
            bundle = load_bundle(folder)
            verify(bundle)
        except ModelError as error:
            rows.append({**row, "ok": False, "error": str(error)})
            console.warn(str(error))
            continue
        rows.append(
            {
                **row,
                "name": bundle.name,
                "ok": True,
                "id": bundle.id,
                "bytes": bundle.bytes,
                "rate": bundle.front_end.rate,
                "k": bundle.k,
                "summary": bundle.summary,
                "licence": bundle.licence,
                "scores": dict(bundle.scores),
            }
        )
        megabytes = f"{bundle.bytes / 1e6:5.1f} MB"
        console.say(f"{bundle.name:<16} {bundle.id}  {megabytes}  ok  {bundle.summary}")
        _tell_scores(bundle.scores, folder, console)
    console.document({"models": rows})
    if not all(row["ok"] for row in rows):
        raise typer.Exit(1)


def _tell_scores(scores: Mapping[str, float], folder: Path, console: Console) -> None:
    for name, value in scores.items():
        console.say(f"  {name}: {value:g}")
    console.say(f"  {folder}")
