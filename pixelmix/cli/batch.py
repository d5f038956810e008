"""Doing one thing to many files: a bad file does not stop the others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import typer

from pixelmix.cli.console import Console, JsonValue
from pixelmix.errors import InputError, PixelmixError, UsageError
from pixelmix.media.containers import VIDEO_SUFFIXES

Document = Mapping[str, JsonValue]


def expand(inputs: Sequence[Path] | None) -> list[Path]:
    """Replace folders by the videos directly in them, sorted by name.

    No inputs stand for the video of the one project file in the current folder.

    Raises
    ------
    InputError
        If a folder holds no video, or the project file is damaged.
    UsageError
        If there are no inputs, and no project file or several.
    """
    if not inputs:
        from pixelmix.regions.project import find_project, load

        project = find_project(Path())
        return [project.with_name(load(project).input)]
    return [file for path in inputs for file in (_videos(path) if path.is_dir() else [path])]


def _videos(folder: Path) -> Iterator[Path]:
    found = sorted(f for f in folder.iterdir() if f.suffix.lower() in VIDEO_SUFFIXES)
    if not found:
        raise InputError(f"{folder}: no video in this folder; name a file or another folder")
    return iter(found)


def output_for(source: Path, ending: str, output: Path | None, *, many: bool) -> Path:
    """Return where the result of `source` goes.

    Without ``-o`` beside the input as ``<stem><ending>``; with several inputs ``-o`` is a folder.

    Raises
    ------
    UsageError
        If there are several inputs and ``-o`` is not a folder.
    """
    if output is None:
        return source.with_name(source.stem + ending)
    if many and not output.is_dir():
        raise UsageError(f"-o {output} must be an existing folder when there are several inputs")
    return output / (source.stem + ending) if many else output


def run_all(
    files: Sequence[Path], work: Callable[[Path], Document | None], console: Console
) -> None:
    """Do `work` on every file, print the JSON documents, and exit with 1 if any file failed.

    `work` returns a document, or None for a file that was left out. With a single file its error
    is raised as it is.
    """
    if len(files) == 1:
        document = work(files[0])
        console.document(
            {"input": str(files[0]), "skipped": True} if document is None else document
        )
        return
    done: list[Document] = []
    failed: list[Document] = []
    for file in files:
        try:
            document = work(file)
        except PixelmixError as error:
            console.warn(str(error))
            failed.append({"input": str(file), "error": str(error)})
        else:
            if document is not None:
                done.append(document)
    console.document({"results": done, "failed": failed})
    skipped = len(files) - len(done) - len(failed)
    console.note(f"{len(done)} done, {skipped} skipped, {len(failed)} failed")
    if failed:
        raise typer.Exit(1)
