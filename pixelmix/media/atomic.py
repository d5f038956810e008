"""Outputs that appear under their name only when they are complete."""

import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pixelmix.errors import InputError, OutputError
from pixelmix.media.opening import why_unwritable


@contextmanager
def partial_path(
    target: Path, *, overwrite: bool = False, inputs: tuple[Path, ...] = ()
) -> Iterator[Path]:
    """Give a temporary name beside `target`; it is renamed to `target` when the block succeeds.

    The name is ``.<stem>.partial-<pid>-<random><suffix>``. When the block fails or is interrupted
    the temporary is removed. Temporaries of runs that were killed are removed first.

    Raises
    ------
    OutputError
        The target exists (and `overwrite` is False), is one of `inputs`, its folder is missing or
        not writable, or the disk fills up.
    InputError
        One of `inputs` changed while the block ran.
    """
    check_target(target, overwrite, inputs)
    remove_stale(target)
    partial, before = _partial_name(target), [_stamp(path) for path in inputs]
    try:
        with _about(target, partial):
            yield partial
        _check_inputs(inputs, before)
        if not overwrite and target.exists():
            raise OutputError(_exists(target))
        partial.replace(target)
    except OSError as error:
        raise OutputError(why_unwritable(target, error)) from error
    finally:
        _remove(partial)


@contextmanager
def partial_folder(
    folder: Path, names: tuple[str, ...], *, overwrite: bool = False, inputs: tuple[Path, ...] = ()
) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; its files appear there when the block succeeds.

    A new `folder` appears whole. An existing one is kept with all else that is in it: only the
    files called `names` are replaced, and only with `overwrite`.

    Raises
    ------
    OutputError
        One of the files exists (and `overwrite` is False), `folder` is a file, its parent is
        missing or not writable, or the disk fills up.
    InputError
        One of `inputs` changed while the block ran.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: this is a file; give a folder with -o")
    for target in [folder / name for name in names] if folder.is_dir() else [folder]:
        check_target(target, overwrite, ())
    remove_stale(folder)
    partial, before = _partial_name(folder), [_stamp(path) for path in inputs]
    try:
        partial.mkdir()
        with _about(folder, partial):
            yield partial
        _check_inputs(inputs, before)
        if folder.is_dir():
            for name in names:
                (partial / name).replace(folder / name)
        else:
            partial.replace(folder)
    except OSError as error:
        raise OutputError(why_unwritable(folder, error)) from error
    finally:
        _remove(partial)


@contextmanager
def _about(target: Path, partial: Path) -> Iterator[None]:
    """Let errors inside the block speak of the target and not of its temporary name."""
    try:
        yield
    except OutputError as error:
        raise OutputError(str(error).replace(str(partial), str(target))) from error


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when somebody writes to a file; None for one that is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _check_inputs(inputs: tuple[Path, ...], before: list[tuple[int, int, int] | None]) -> None:
    for path, known in zip(inputs, before, strict=True):
        now = _stamp(path)
        # One that was deleted could be read to its end all the same.
        if now is not None and now != known:
            raise InputError(
                f"{path}: changed while it was read; try again when nothing writes to it any more"
            )


def remove_stale(target: Path) -> None:
    """Remove what runs that no longer live left behind while writing `target`."""
    stem, suffix = re.escape(target.stem), re.escape(target.suffix)
    pattern = re.compile(rf"\.{stem}\.partial-(\d+)-[0-9a-f]{{8}}{suffix}")
    with suppress(OSError):
        for sibling in target.parent.iterdir():
            match = pattern.fullmatch(sibling.name)
            # In a container the next run often has the number of the one that was killed.
            if match and (int(match[1]) == os.getpid() or not _alive(int(match[1]))):
                _remove(sibling)


def check_target(target: Path, overwrite: bool, inputs: tuple[Path, ...]) -> None:
    """Refuse a target that could not be written.

    Raises
    ------
    OutputError
        For the reasons that `partial_path` gives.
    """
    for source in inputs:
        if _same_file(source, target):
            raise OutputError(
                f"{target}: the output would replace the input; choose another name with -o"
            )
    if not target.parent.is_dir():
        raise OutputError(f"{target}: the folder does not exist; make it first")
    if target.is_dir():
        raise OutputError(f"{target}: this is a folder; give a file name")
    if target.exists() and not overwrite:
        raise OutputError(_exists(target))
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{target}: not allowed to write here; choose another place with -o")


def _partial_name(target: Path) -> Path:
    random = secrets.token_hex(4)
    return target.with_name(f".{target.stem}.partial-{os.getpid()}-{random}{target.suffix}")


def _exists(target: Path) -> str:
    return f"{target}: already exists; use -y to overwrite it or choose another name with -o"


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.absolute() == other.absolute()


def _alive(pid: int) -> bool:
    if sys.platform == "win32":
        # There, sending signal 0 would end the process instead of asking after it.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
