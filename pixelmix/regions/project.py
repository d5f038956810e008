"""The project file: the regions that were found in a video, kept beside it.

::

    {
      "pixelmix_project": 1,            version of the format
      "input": "duet.mp4",              file name of the video, in the same folder
      "fingerprint": "64 hex digits",   of the video's size and its first and last MiB
      "audio_track": 1,                 stream index of the sound that was looked at
      "model": "default",               name of the bundle whose features these are
      "model_id": "3f1c...",            and its `Bundle.id`
      "width": 1280, "height": 720,     of the picture as a player shows it, pixels
      "regions": [{
        "name": "region1",
        "colour": "#da772d",
        "box": [x, y, width, height],   pixels, around all places
        "places": [[x, y, width, height], ...],
        "share": 0.41,                  of the sound's energy
        "confidence": 0.8,              as the mask meter has it
        "spans": [[0.0, 12.5], ...],    when it sounds, seconds from the start of the file
        "feature": [0.1, ...]           what its mask is made of; null looks into the box
      }, ...]
    }

All keys are required; unknown ones are ignored.
"""

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pixelmix.errors import InputError, UsageError
from pixelmix.fields import Fields, Json, read_json, render
from pixelmix.regions.parse import check_name
from pixelmix.types import Box, FoundRegion, Region

SUFFIX = ".pixelmix.json"

_FORMAT = 1
_MEBIBYTE = 2**20
_LARGEST = 16 * _MEBIBYTE
_WIDEST = 2**16
_MOST_REGIONS, _MOST_PLACES, _MOST_FEATURES, _MOST_SPANS = 100, 1_000, 4_096, 100_000
_LISTED = 10
"""Project files that a message names, at most."""
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Project:
    """What was found in a video, and by which model."""

    input: str
    """File name of the video, without its folder."""
    fingerprint: str
    """Of the video, see `fingerprint`."""
    audio_track: int
    """Stream index in the container."""
    model: str
    """Name of the bundle."""
    model_id: str
    width: int
    """Of the picture as a player shows it, pixels."""
    height: int
    regions: tuple[FoundRegion, ...]


def project_path(video: Path) -> Path:
    """Return where the project of a video is kept: ``IN.pixelmix.json`` beside it."""
    return video.with_name(video.stem + SUFFIX)


def find_project(folder: Path) -> Path:
    """Return the one project file in a folder.

    Raises
    ------
    UsageError
        If there is none, or several (the message names them).
    """
    found = sorted(path for path in folder.glob(f"*{SUFFIX}") if path.is_file())
    if not found:
        raise UsageError(
            f"no video was given, and {folder.absolute()} has no project file (*{SUFFIX}); "
            "give a video, or make one with `pixelmix regions VIDEO`"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:_LISTED])
        more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        raise UsageError(
            f"no video was given, and {folder.absolute()} has several project files: "
            f"{names}{more}; say which video is meant"
        )
    return found[0]


def fingerprint(video: Path) -> str:
    """Return the SHA-256 of a file's size and its first and last MiB, 64 hex digits.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    try:
        with video.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            head = stream.read(_MEBIBYTE)
            stream.seek(max(0, size - _MEBIBYTE))
            tail = stream.read(_MEBIBYTE)
    except OSError as error:
        raise InputError(f"{video}: cannot be read ({error.strerror})") from error
    return hashlib.sha256(b"%d\n" % size + head + tail).hexdigest()


def dump(project: Project) -> str:
    """Return the text of a project file; `load` reads it back to the same, rounded values."""
    document: dict[str, Json] = {
        "pixelmix_project": _FORMAT,
        "input": project.input,
        "fingerprint": project.fingerprint,
        "audio_track": project.audio_track,
        "model": project.model,
        "model_id": project.model_id,
        "width": project.width,
        "height": project.height,
        "regions": [_compose(found) for found in project.regions],
    }
    return render(document) + "\n"


def load(path: Path) -> Project:
    """Read a project file.

    Raises
    ------
    InputError
        If it cannot be read or does not hold what it must; the message names file and field.
    """
    fields = Fields(read_json(path, _LARGEST, InputError), path, InputError)
    version = fields.integer("pixelmix_project", 1)
    if version != _FORMAT:
        raise InputError(
            f"{path}: project format {version} is unknown to this version "
            f"(it reads format {_FORMAT}); update pixelmix"
        )
    width, height = fields.integer("width", 1, _WIDEST), fields.integer("height", 1, _WIDEST)
    regions = tuple(
        _region(entry, width, height) for entry in fields.objects("regions", _MOST_REGIONS)
    )
    _check_together(fields, [found.region for found in regions])
    return Project(
        input=_file_name(fields, "input"),
        fingerprint=_pattern(fields, "fingerprint", _FINGERPRINT, "64 lower-case hex digits"),
        audio_track=fields.integer("audio_track", 0, 2**31),
        model=_pattern(fields, "model", _MODEL, "letters, digits, '_', '-' and '.'"),
        model_id=_pattern(fields, "model_id", _MODEL, "letters, digits, '_', '-' and '.'"),
        width=width,
        height=height,
        regions=regions,
    )


def _region(fields: Fields, width: int, height: int) -> FoundRegion:
    try:
        name = check_name(fields.text("name"))
    except UsageError as error:
        raise fields.wrong("name", str(error)) from error
    (box,) = _boxes(fields, "box", [fields.vector("box", 0.0, _WIDEST, 4)], width, height)
    places = fields.vectors("places", 4, 0.0, _WIDEST, _MOST_PLACES)
    if not places:
        raise fields.wrong("places", "has no box; it needs at least one")
    spans = tuple((start, end) for start, end in fields.vectors("spans", 2, -1e9, 1e9, _MOST_SPANS))
    times = [time for span in spans for time in span]
    if times != sorted(times):
        raise fields.wrong("spans", "must be from start to end, one after the other")
    feature = None if fields.is_null("feature") else _feature(fields)
    return FoundRegion(
        region=Region(name, box, feature),
        places=_boxes(fields, "places", places, width, height),
        share=fields.number("share", 0.0, 1.0),
        confidence=fields.number("confidence", 0.0, 1.0),
        spans=spans,
        colour=_pattern(fields, "colour", _COLOUR, "'#' and 6 lower-case hex digits"),
    )


def _feature(fields: Fields) -> tuple[float, ...]:
    # Within single precision, which the networks compute in.
    feature = fields.vector("feature", -1e30, 1e30, _MOST_FEATURES)
    if not feature:
        raise fields.wrong("feature", "is empty")
    return feature


def _boxes(
    fields: Fields, key: str, vectors: Sequence[tuple[float, ...]], width: int, height: int
) -> tuple[Box, ...]:
    boxes = []
    for vector in vectors:
        if len(vector) != 4:
            raise fields.wrong(key, f"must be x, y, width and height, not {len(vector)} numbers")
        box = Box(*vector)
        # A hair of tolerance: a sum of two rounded numbers need not be round.
        if box.x + box.width > width + 1e-6 or box.y + box.height > height + 1e-6:
            raise fields.wrong(key, f"leaves the picture, which is {width} x {height} pixels")
        boxes.append(box)
    return tuple(boxes)


def _check_together(fields: Fields, regions: Sequence[Region]) -> None:
    names = {region.name.casefold() for region in regions}
    if len(names) < len(regions):
        raise fields.wrong("regions", "two have the same name; give each its own")
    lengths = {len(region.feature) for region in regions if region.feature is not None}
    if len(lengths) > 1:
        raise fields.wrong("regions", "their features differ in length")


def _file_name(fields: Fields, key: str) -> str:
    """Return a text that leads to no other folder."""
    name = fields.text(key)
    if Path(name).name != name or name == ".." or "\0" in name:
        raise fields.wrong(key, f"{name[:80]!r} must be the name of a file, without folders")
    return name


def _pattern(fields: Fields, key: str, pattern: re.Pattern[str], wanted: str) -> str:
    text = fields.text(key)
    if not pattern.fullmatch(text):
        raise fields.wrong(key, f"must be {wanted}")
    return text


def _compose(found: FoundRegion) -> dict[str, Json]:
    feature = found.region.feature
    return {
        "name": found.region.name,
        "colour": found.colour,
        "box": _edges(found.region.box),
        "places": [_edges(place) for place in found.places],
        "share": _rounded(found.share, 4),
        "confidence": _rounded(found.confidence, 4),
        "spans": [[_rounded(time, 3) for time in span] for span in found.spans],
        "feature": None if feature is None else [float(f"{value:.6g}") + 0.0 for value in feature],
    }


def _edges(box: Box) -> list[Json]:
    """Return ``[x, y, width, height]`` whose edges, not whose extents, are rounded.

    What was inside the picture, or inside another box, stays so.
    """
    x, y = _rounded(box.x, 2), _rounded(box.y, 2)
    right, bottom = _rounded(box.x + box.width, 2), _rounded(box.y + box.height, 2)
    return [x, y, _rounded(right - x, 2), _rounded(bottom - y, 2)]


def _rounded(value: float, digits: int) -> float:
    return round(float(value), digits) + 0.0  # no minus zero
