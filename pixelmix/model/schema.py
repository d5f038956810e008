"""What ``model.json`` says, format version 1.

::

    {
      "format": 1,
      "name": "music-small",            letters, digits, "_", "-" and "."
      "summary": "...",                 one line for `pixelmix models`
      "front_end": {                    types.FrontEnd, field by field
        "rate": 11025, "window_samples": 65535, "n_fft": 1022, "hop": 256,
        "rows": 256, "warp_base": 21.0, "log_floor": 1e-10},
      "vision": {                       types.Vision, field by field
        "short_side": 224, "stride": 16, "mean": [r, g, b], "std": [r, g, b],
        "frames_per_window": 3, "frame_spacing": 3.0},
      "k": 32,                          components
      "activations": {"image": "sigmoid", "sound": "none", "mask": "sigmoid"},
      "mask": {"type": "binary", "threshold": 0.5},
      "training": "...",                what it was trained on, and how
      "licence": "...",                 of the weights and of the data behind them
      "scores": {"SDR": 8.3},           measured, by name; may be empty
      "files": {"vision.onnx": {"sha256": "64 hex digits", "bytes": 123}, ...}
    }

``warp_base`` may be null (linear frequency), and so may the mask's ``threshold``: masks are then
used as they come, between 0 and 1. All other keys are required; unknown ones are ignored. The
image and mask activations are inside the graphs; pooling is a plain maximum, so the image
activation never decreases.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pixelmix.errors import ModelError
from pixelmix.fields import Fields, Json
from pixelmix.types import FloatArray, FrontEnd, Vision

FORMAT = 1
DESCRIPTION_FILE = "model.json"
CARD_FILE = "MODEL_CARD.md"
VISION_FILE = "vision.onnx"
AUDIO_FILE = "audio.onnx"
SYNTHESIZER_FILE = "synthesizer.onnx"
NETWORK_FILES = (VISION_FILE, AUDIO_FILE, SYNTHESIZER_FILE)

MaskType = Literal["binary", "ratio"]
ImageActivation = Literal["sigmoid", "relu", "none"]

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What a file of the bundle must be."""

    sha256: str
    """Checksum, 64 hexadecimal digits in lower case."""
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Everything ``model.json`` says but the files: what the networks alone cannot tell."""

    name: str
    summary: str
    """One line for lists of models."""
    front_end: FrontEnd
    vision: Vision
    k: int
    mask_type: MaskType
    mask_threshold: float | None
    """Where a binary mask is cut, 0 to 1; None uses it as it comes, like a ratio mask."""
    training: str
    """What the model was trained on, and how."""
    licence: str
    """Of the weights, and of the data behind them."""
    scores: Mapping[str, float]
    """Measured scores by name."""
    image_activation: ImageActivation = "sigmoid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle(Description):
    """A model bundle whose description has been checked; its files have not been read yet."""

    path: Path
    """The bundle's folder."""
    files: Mapping[str, FileRecord]
    """By file name; always the three networks."""

    @property
    def id(self) -> str:
        """Short hash over the checksums: the same networks have the same id, whatever the name."""
        lines = sorted(f"{name}:{record.sha256}" for name, record in self.files.items())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_ID_DIGITS]

    @property
    def bytes(self) -> int:
        """Size of its files."""
        return sum(record.bytes for record in self.files.values())

    def cut(self, masks: FloatArray) -> FloatArray:
        """Return masks (any shape) as they are to be used: 0 or 1 where a threshold cuts them."""
        if self.mask_type == "ratio" or self.mask_threshold is None:
            return masks
        return (masks > self.mask_threshold).astype(np.float32)


def parse(data: Json, path: Path) -> Bundle:
    """Check the content of a ``model.json`` and return the bundle it describes.

    Raises
    ------
    ModelError
        At the first thing that is missing, has the wrong type or lies outside its range.
    """
    fields = Fields(data, path / DESCRIPTION_FILE, ModelError)
    version = fields.integer("format", 1)
    if version != FORMAT:
        raise ModelError(
            f"{path / DESCRIPTION_FILE}: format {version} is unknown to this version "
            f"(it reads format {FORMAT}); update pixelmix"
        )
    activations = fields.inner("activations")
    activations.choice("sound", ("none",))
    activations.choice("mask", ("sigmoid",))
    mask = fields.inner("mask")
    return Bundle(
        path=path,
        files=_files(fields.inner("files")),
        name=check_name(fields.text("name"), fields.where),
        summary=fields.text("summary", empty=True),
        front_end=_front_end(fields.inner("front_end")),
        vision=_vision(fields.inner("vision")),
        k=fields.integer("k", 1, 4096),
        mask_type=mask.choice("type", ("binary", "ratio")),
        mask_threshold=mask.number_or_none("threshold", 0.0, 1.0),
        training=fields.text("training"),
        licence=fields.text("licence"),
        scores=fields.inner("scores").numbers(),
        image_activation=activations.choice("image", ("sigmoid", "relu", "none")),
    )


def compose(about: Description, files: Mapping[str, FileRecord]) -> dict[str, Json]:
    """Return the content of ``model.json``; `parse` reads it back to the same values."""
    vision: dict[str, Json] = {**asdict(about.vision)}
    vision["mean"], vision["std"] = list(about.vision.mean), list(about.vision.std)
    return {
        "format": FORMAT,
        "name": about.name,
        "summary": about.summary,
        "front_end": {**asdict(about.front_end)},
        "vision": vision,
        "k": about.k,
        "activations": {"image": about.image_activation, "sound": "none", "mask": "sigmoid"},
        "mask": {"type": about.mask_type, "threshold": about.mask_threshold},
        "training": about.training,
        "licence": about.licence,
        "scores": {**about.scores},
        "files": {name: {**asdict(record)} for name, record in files.items()},
    }


def check_name(name: str, where: str) -> str:
    """Return a name of a model or file that is safe as a plain file name.

    Raises
    ------
    ModelError
        If it has separators, starts with a dot or dash, or is longer than 100 characters.
    """
    if not _SAFE_NAME.fullmatch(name):
        raise ModelError(
            f"{where}: {name!r} is no safe name; use letters, digits, '_', '-' and '.', "
            "starting with a letter or digit"
        )
    return name


def check_front_end(front_end: FrontEnd, where: str) -> None:
    """Say whether a bundle could have this front end.

    Raises
    ------
    ModelError
        If a value is out of its range; ``where`` names it.
    """
    _front_end(Fields({**asdict(front_end)}, Path(where), ModelError))


def _front_end(fields: Fields) -> FrontEnd:
    front_end = FrontEnd(
        rate=fields.integer("rate", 1_000, 384_000),
        window_samples=fields.integer("window_samples", 64, 2**24),
        n_fft=fields.integer("n_fft", 16, 2**16),
        hop=fields.integer("hop", 1, 2**16),
        rows=fields.integer("rows", 1, 2**14),
        warp_base=fields.number_or_none("warp_base", 1.0 + 1e-6, 1e9),
        log_floor=fields.number("log_floor", 1e-30, 1.0),
    )
    if front_end.n_fft % 2 or front_end.hop > front_end.n_fft // 2:
        raise ModelError(f"{fields.where}: 'n_fft' must be even and at least twice 'hop'")
    if front_end.window_samples < front_end.n_fft or front_end.frames < 2:
        raise ModelError(f"{fields.where}: 'window_samples' must hold 'n_fft' and two frames")
    return front_end


def _vision(fields: Fields) -> Vision:
    return Vision(
        short_side=fields.integer("short_side", 16, 4096),
        stride=fields.integer("stride", 1, 128),
        mean=fields.triple("mean", -1e3, 1e3),
        std=fields.triple("std", 1e-6, 1e3),
        frames_per_window=fields.integer("frames_per_window", 1, 64),
        frame_spacing=fields.number("frame_spacing", 0.0, 60.0),
    )


def _files(fields: Fields) -> dict[str, FileRecord]:
    records: dict[str, FileRecord] = {}
    for name in fields.names():
        record = fields.inner(check_name(name, fields.where))
        checksum = record.text("sha256")
        if not _SHA256.fullmatch(checksum):
            raise ModelError(f"{record.where}: 'sha256' must be 64 lower-case hex digits")
        records[name] = FileRecord(checksum, record.integer("bytes", 1))
    for name in NETWORK_FILES:
        if name not in records:
            raise ModelError(f"{fields.where}: {name!r} is missing")
    return records
