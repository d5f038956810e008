"""Doing one thing to many files: a bad file does not stop the others."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import typer

from pixelmix.cli.console import Console, JsonValue
from pixelmix.errors import InputError, PixelmixError, UsageError
from pixelmix.media.containers import VIDEO_SUFFIXES

_RESULTS = (".remix", ".stems", ".heatmap")
"""End the names, before the suffix, that results get beside their inputs."""

Document = Mapping[str, JsonValue]


def expand(inputs: Sequence[Path] | None, output: Path | None) -> list[Path]:
    """Replace folders by the videos directly in them, sorted by name.

    What earlier runs made of them is left out, so that a second run does what the first did. No
    inputs stand for the video of the one project file in the current folder.

    Raises
    ------
    InputError
        If a folder holds no video or cannot be read, or the project file is damaged.
    UsageError
        If there are no inputs, and no project file or several; or if there are several inputs and
        ``-o`` is not a folder.
    """
    if not inputs:
        from pixelmix.regions.project import find_project, load

        project = find_project(Path())
        return [project.with_name(load(project).input)]
    files = [file for path in inputs for file in (_videos(path) if path.is_dir() else [path])]
    if len(files) > 1 and output is not None and not output.is_dir():
        raise UsageError(f"-o {output} must be an existing folder when there are several inputs")
    return files


def _videos(folder: Path) -> Iterator[Path]:
    try:
        videos = sorted(f for f in folder.iterdir() if f.suffix.lower() in VIDEO_SUFFIXES)
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror or error}") from error
    found = [f for f in videos if not f.stem.endswith(_RESULTS)]
    if not found:
        raise InputError(f"{folder}: no video in this folder; name a file or another folder")
    return iter(found)


def output_for(source: Path, ending: str, output: Path | None, *, many: bool) -> Path:
    """Return where the result of `source` goes.

    Without ``-o`` beside the input as ``<stem><ending>``; with several inputs ``-o`` is a folder.
    """
    if output is None:
        return source.with_name(source.stem + ending)
    return output / (source.stem + ending) if many else output


Work = Callable[[Path, Console], Document | None]
"""Does it with one file, and says so on the console it is given; None for a file left out."""


def run_all(files: Sequence[Path], work: Work, console: Console, jobs: int = 1) -> None:
    """Do `work` on every file, print the JSON documents, and exit with 1 if any file failed.

    `jobs` files are worked on at a time, one per core at most; what each says comes in the order
    of the files. With a single file its error is raised as it is.
    """
    if len(files) == 1:
        document = work(files[0], console)
        console.document(
            {"input": str(files[0]), "skipped": True} if document is None else document
        )
        return
    done: list[Document] = []
    failed: list[Document] = []
    for file, outcome in _outcomes(files, work, console, jobs):
        if isinstance(outcome, PixelmixError):
            console.warn(str(outcome))
            failed.append({"input": str(file), "error": str(outcome)})
        elif outcome is not None:
            done.append(outcome)
    console.document({"results": done, "failed": failed})
    skipped = len(files) - len(done) - len(failed)
    console.note(f"{len(done)} done, {skipped} skipped, {len(failed)} failed")
    if failed:
        raise typer.Exit(1)


Outcome = Document | PixelmixError | None


def _outcomes(
    files: Sequence[Path], work: Work, console: Console, jobs: int
) -> Iterator[tuple[Path, Outcome]]:
    """Yield what became of each file, in their order."""
    if jobs == 1:
        yield from ((file, _outcome(work, file, console)) for file in files)
        return
    from pixelmix.model.session import usable_cores

    stop = threading.Event()
    consoles = [console.apart(stop) for _ in files]
    with (
        ThreadPoolExecutor(min(jobs, usable_cores())) as pool,
        console.counting(f"{len(files)} files") as count,
    ):
        try:
            asked = [
                pool.submit(_outcome, work, file, own)
                for file, own in zip(files, consoles, strict=True)
            ]
            for number, (file, own, one) in enumerate(zip(files, consoles, asked, strict=True), 1):
                outcome = one.result()
                own.release()
                count(number, len(files))
                yield file, outcome
        finally:
            # Interrupted: those at work give up at their next window and clean up.
            stop.set()
            pool.shutdown(cancel_futures=True)


def _outcome(work: Work, file: Path, console: Console) -> Outcome:
    try:
        return work(file, console)
    except PixelmixError as error:
        return error
