"""Model bundles: finding, reading and checking them (the format is in `schema`)."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from pixelmix.errors import ModelError
from pixelmix.fields import read_json
from pixelmix.model.schema import DESCRIPTION_FILE, Bundle, FileRecord, parse

_LARGEST_DESCRIPTION = 1_000_000
"""Bytes; a ``model.json`` has a few thousand."""


def load_bundle(path: Path) -> Bundle:
    """Read and check a bundle's description; the networks are checked when they are used.

    Raises
    ------
    ModelError
        If the folder or its ``model.json`` is missing, damaged or not understood.
    """
    if not path.is_dir():
        reason = "is not a folder" if path.exists() else "does not exist"
        raise ModelError(f"model bundle {path} {reason}; `pixelmix models` lists what there is")
    file = path / DESCRIPTION_FILE
    if not file.exists():
        raise ModelError(f"{path} is no model bundle: it has no {file.name}")
    return parse(read_json(file, _LARGEST_DESCRIPTION, ModelError), path)


def verify(bundle: Bundle) -> None:
    """Compare every file of the bundle with its recorded size and checksum.

    Raises
    ------
    ModelError
        If one is missing or differs.
    """
    for name in bundle.files:
        read_checked(bundle, name)


def read_checked(bundle: Bundle, name: str) -> bytes:
    """Return a file's content after comparing its size and SHA-256 with the record.

    What is returned is what was checked, whatever happens to the file afterwards.

    Raises
    ------
    ModelError
        If the file is missing or differs.
    """
    file = bundle.path / name
    record = bundle.files[name]
    try:
        size = file.stat().st_size
        content = file.read_bytes() if size == record.bytes else b""
    except OSError as error:
        raise ModelError(
            f"{file} cannot be read ({error.strerror}); install the model again"
        ) from error
    if size != record.bytes:
        raise ModelError(
            f"{file} has {size} bytes where {DESCRIPTION_FILE} says {record.bytes}: "
            "it is incomplete or was changed; install the model again"
        )
    if hashlib.sha256(content).hexdigest() != record.sha256:
        raise ModelError(
            f"{file} does not match its checksum in {DESCRIPTION_FILE}: "
            "it is damaged or was changed; install the model again"
        )
    return content


def record_file(file: Path) -> FileRecord:
    """Return the size and checksum to be written into ``model.json``."""
    with file.open("rb") as stream:
        checksum = hashlib.file_digest(stream, "sha256").hexdigest()
    return FileRecord(checksum, file.stat().st_size)


def find_bundle(name_or_path: str) -> Path:
    """Return the folder of a bundle given by name or by path.

    A plain name is looked up among the bundles that came with pixelmix first, so that a folder
    that happens to be called the same cannot take its place; ``./name`` means the folder.

    Raises
    ------
    ModelError
        If there is no such bundle; the message lists the names there are.
    """
    known = {folder.name: folder for folder in list_bundles()}
    if name_or_path in known:
        return known[name_or_path]
    folder = Path(name_or_path).expanduser()
    if name_or_path and folder.is_dir():
        return folder
    names = ", ".join(known) or "none is installed"
    raise ModelError(
        f"no model named {name_or_path!r} and no such folder; models: {names} "
        "(a path to a bundle's folder works too)"
    )


def list_bundles() -> tuple[Path, ...]:
    """Return the folders of the bundles that came with pixelmix, sorted by name."""
    found: dict[str, Path] = {}
    for root in _roots():
        for file in root.glob(f"*/{DESCRIPTION_FILE}"):
            found.setdefault(file.parent.name, file.parent)
    return tuple(found[name] for name in sorted(found))


def _roots() -> Iterator[Path]:
    package = Path(__file__).resolve().parents[1]
    yield package / "bundles"
    # A source checkout keeps its bundles beside the package; wheels have them inside it.
    if (package.parent / "pyproject.toml").is_file():
        yield package.parent / "models"
