"""What there is to prepare: videos, published lists and kits, each as a list of items.

Names begin with the name of the source's folder, so that what a dataset holds keeps its name
whatever is added later. The split of a video without one is decided by its name alone.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pixelmix.data.dataset import LeftOut
from pixelmix.data.items import SPLITS, Item, Options, Video, printable
from pixelmix.data.lists import PICTURES, SOLOS, read_kit, read_list, read_table
from pixelmix.errors import InputError, UsageError
from pixelmix.media.containers import VIDEO_SUFFIXES

ATTRIBUTION = "sources.csv"


def find(sources: Sequence[Path], options: Options) -> list[Item | LeftOut]:
    """Return everything in the sources, in their order; rows that make no sense as `LeftOut`.

    A folder with ``solos.csv`` or ``pictures.csv`` is a kit, any other a folder of videos; a
    ``.csv`` file is a published list, any other file a video. The same file found twice is taken
    once.

    Raises
    ------
    InputError
        If a source does not exist, holds nothing, or one of its lists cannot be read.
    UsageError
        If different files would have the same name.
    """
    found: dict[str, Item | LeftOut] = {}
    for source in sources:
        for item in _find(source, options):
            other = found.setdefault(item.name, item)
            if other is not item and not _same(item, other):
                raise UsageError(
                    f"{source}: another source holds a different {item.name} already; rename "
                    "one of their folders"
                )
    return list(found.values())


def _same(one: Item | LeftOut, other: Item | LeftOut) -> bool:
    if not (isinstance(one, Item) and isinstance(other, Item)):
        return True
    return one.path.resolve() == other.path.resolve()


def _find(source: Path, options: Options) -> Iterator[Item | LeftOut]:
    if not source.exists():
        raise InputError(f"{source}: no such file or folder; check the spelling")
    # As the user wrote it: links keep their names, "." and ".." do not stay.
    source = Path(os.path.abspath(source))  # noqa: PTH100 - resolve() would follow links
    if source.name in (SOLOS, PICTURES):
        raise InputError(f"{source}: is a list of a kit; give the folder it lies in")
    if source.is_file():
        if source.suffix.lower() == ".csv":
            yield from read_list(source, options.list_frame_rate)
        else:
            yield _video(source.parent, source, options, {})
    elif (source / SOLOS).exists() or (source / PICTURES).exists():
        yield from read_kit(source)
    else:
        credits_of = _attribution(source)
        files = sorted(
            _videos(source, frozenset()), key=lambda file: file.relative_to(source).parts
        )
        if not files:
            raise InputError(f"{source}: no video in this folder; name a file or another folder")
        for file in files:
            yield _video(source, file, options, credits_of)


def _videos(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Videos in a folder and those in it; links are followed, but not round in circles."""
    real = folder.resolve()
    if real in above:
        return
    for entry in folder.iterdir():
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _videos(entry, above | {real})
        elif entry.suffix.lower() in VIDEO_SUFFIXES:
            yield entry


def _video(
    folder: Path, file: Path, options: Options, credits_of: dict[str, tuple[str, str]]
) -> Video:
    relative = file.relative_to(folder)
    path = printable(relative.as_posix())
    # A folder that names a split names no class.
    folders = [part for part in relative.parts[:-1] if part not in SPLITS]
    stated = [part for part in relative.parts[:-1] if part in SPLITS]
    source, licence = credits_of.get(path, (path, ""))
    return Video(
        name=printable(f"{folder.name}/{path}"),
        path=file,
        kind=printable(folders[-1]) if folders else "",
        split=stated[0] if stated else _split(path, options.val),
        source=source,
        licence=licence,
    )


def _split(path: str, val: float) -> str:
    """Decide between ``train`` and ``val`` by the name alone."""
    number = int.from_bytes(hashlib.sha256(path.encode()).digest()[:8])
    return "val" if number / 2**64 < val else "train"


def _attribution(folder: Path) -> dict[str, tuple[str, str]]:
    """Read source and licence of every path that ``sources.csv`` lists, if there is one."""
    file = folder / ATTRIBUTION
    if not file.exists():
        return {}
    rows = read_table(file, ("path",))
    return {
        row["path"]: (row.get("source") or row["path"], row.get("licence") or "") for row in rows
    }
