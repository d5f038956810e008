"""Turning sources into one dataset: what is new is read in parallel and added in order."""

import os
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pixelmix.data.dataset import INDEX, Dataset, LeftOut, Sound, Still
from pixelmix.data.items import Item, Options, Photo, printable
from pixelmix.data.reading import Reading, read
from pixelmix.data.sources import find
from pixelmix.data.store import DatasetWriter, Settings
from pixelmix.data.workers import Workers
from pixelmix.errors import InputError, OutputError
from pixelmix.media.atomic import remove_stale

__all__ = ["KindSummary", "Options", "Progress", "Summary", "prepare"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a preparation is."""

    done: int
    """Sources looked at, those of earlier runs included."""
    total: int


@dataclass(frozen=True, slots=True)
class KindSummary:
    """What a dataset holds of one class."""

    kind: str
    sounds: int
    seconds: float
    pictures: int
    """Own pictures of the sounds, and stills."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a dataset holds, and what this run did."""

    added: int
    """Sounds and stills added by this run."""
    sounds: int
    seconds: float
    pictures: int
    splits: dict[str, int]
    """Sounds of each split."""
    kinds: tuple[KindSummary, ...]
    left_out: tuple[LeftOut, ...]
    changed: tuple[str, ...]
    """Sources that have changed since they were taken, and stay as they were then."""
    bytes: int
    """Size of the dataset on disk."""


def prepare(
    sources: Sequence[Path],
    target: Path,
    options: Options,
    watch: Callable[[Progress], None] = lambda _: None,
) -> Summary:
    """Make a dataset of sources, or add to it what is new in them, and say what it holds.

    An interrupted preparation goes on where it was when it is called again. Sources that were
    left out are tried again when their files have changed. The dataset does not depend on
    ``options.jobs``.

    Raises
    ------
    InputError
        If a source does not exist or holds nothing, no sound can be used, or `target` is
        something else or was made with another rate or side.
    OutputError
        If the dataset cannot be written.
    UsageError
        If different sources would have the same name.
    """
    items = find(sources, options)
    with DatasetWriter(target, Settings(options.rate, options.side)) as writer:
        stamps = {item.name: _stamp(item) for item in items}
        differing = {name for name in stamps if writer.stamps.get(name) != stamps[name]}
        taken = writer.done - writer.left_out
        changed = tuple(name for name in stamps if name in taken and name in differing)
        fresh = [item for item in items if item.name in differing and item.name not in taken]
        done = len(items) - len(fresh)
        watch(Progress(done, len(items)))
        # Closed in any case: whatever goes wrong here, its processes end.
        with closing(_outcomes(fresh, options, target)) as outcomes:
            for item, outcome in outcomes:
                _add(writer, item, outcome, stamps[item.name])
                done += 1
                watch(Progress(done, len(items)))
        added = len(writer.done - writer.left_out) - len(taken)
        finished = not fresh and (target / INDEX).exists()
        dataset = Dataset.open(target) if finished else writer.finish()
    return _summary(dataset, added, changed)


def _stamp(item: Item | LeftOut) -> str:
    return item.stamp if isinstance(item, Item) else item.reason


def _outcomes(
    items: Sequence[Item | LeftOut], options: Options, target: Path
) -> Generator[tuple[Item | LeftOut, Reading | LeftOut], None, None]:
    """Yield every item with what it holds, or why it is left out; in order."""
    readable = [item for item in items if isinstance(item, Item)]
    jobs = max(1, min(options.jobs, len(readable)))
    # What was read waits for its turn on disk: a few long videos would fill the memory.
    with _parts(target) as parts, Workers(partial(_read_aside, options, parts), jobs) as workers:
        results = workers.results(readable)
        for item in items:
            if isinstance(item, LeftOut):
                yield item, item
                continue
            _, result = next(results)
            if isinstance(result, InputError):
                reason = str(result).removeprefix(f"{item.path}: ")
                yield item, LeftOut(name=item.name, reason=printable(reason))
            else:
                yield item, Reading.load(result)
                result.unlink()


def _read_aside(options: Options, parts: Path, item: Item) -> Path:
    """Read an item into a new file of the folder `parts`."""
    reading = read(item, options)
    file = parts / secrets.token_hex(16)
    try:
        reading.save(file)
    except OSError as error:
        raise OutputError(f"{parts}: cannot be written ({error.strerror or error})") from error
    return file


@contextmanager
def _parts(target: Path) -> Iterator[Path]:
    """Give a folder for the time of the block; those that killed runs left are removed."""
    remove_stale(target / "parts")
    folder = target / f".parts.partial-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        folder.mkdir()
        yield folder
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _add(
    writer: DatasetWriter, item: Item | LeftOut, outcome: Reading | LeftOut, stamp: str
) -> None:
    if isinstance(outcome, LeftOut):
        writer.leave_out(outcome, stamp)
    elif isinstance(item, Photo):
        still = Still(
            name=item.name,
            kind=item.kind,
            split=item.split,
            source=item.source,
            licence=item.licence,
            picture=0,
        )
        writer.add_still(still, outcome.pictures[0], stamp)
    elif isinstance(item, Item):
        sound = Sound(
            name=item.name,
            kind=item.kind,
            split=item.split,
            source=item.source,
            licence=item.licence,
            start=0,
            samples=0,
            frame_rate=outcome.frame_rate,
        )
        writer.add_sound(sound, outcome.samples, outcome.pictures, stamp)


def _summary(dataset: Dataset, added: int, changed: tuple[str, ...]) -> Summary:
    kinds = {row.kind for row in dataset.sounds} | {row.kind for row in dataset.stills}
    return Summary(
        added=added,
        sounds=len(dataset.sounds),
        seconds=_seconds(dataset, dataset.sounds),
        pictures=len(dataset.stills) + sum(row.pictures for row in dataset.sounds),
        splits={
            split: len(dataset.split(split))
            for split in sorted({row.split for row in dataset.sounds})
        },
        kinds=tuple(_kind(dataset, kind) for kind in sorted(kinds)),
        left_out=dataset.left_out,
        changed=changed,
        bytes=sum(file.stat().st_size for file in dataset.folder.iterdir() if file.is_file()),
    )


def _kind(dataset: Dataset, kind: str) -> KindSummary:
    sounds = [row for row in dataset.sounds if row.kind == kind]
    stills = sum(row.kind == kind for row in dataset.stills)
    return KindSummary(
        kind=kind,
        sounds=len(sounds),
        seconds=_seconds(dataset, sounds),
        pictures=stills + sum(row.pictures for row in sounds),
    )


def _seconds(dataset: Dataset, sounds: Sequence[Sound]) -> float:
    return sum(row.samples for row in sounds) / dataset.rate
