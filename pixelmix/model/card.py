"""Writing the two texts of a bundle: ``model.json`` for the program, a card for people."""

import json
from collections.abc import Mapping
from pathlib import Path

from pixelmix.model.bundle import record_file
from pixelmix.model.schema import (
    CARD_FILE,
    DESCRIPTION_FILE,
    NETWORK_FILES,
    Bundle,
    Description,
    FileRecord,
    compose,
    parse,
)


def write_texts(folder: Path, about: Description) -> Bundle:
    """Write ``model.json`` and ``MODEL_CARD.md`` beside the three networks in ``folder``.

    Returns
    -------
    Bundle
        Read back from what was written, so a description that would be refused later is
        refused now.

    Raises
    ------
    ModelError
        If a value is outside what the format allows.
    """
    files = {name: record_file(folder / name) for name in NETWORK_FILES}
    data = compose(about, files)
    bundle = parse(data, folder)
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / DESCRIPTION_FILE).write_text(text + "\n", encoding="utf-8")
    (folder / CARD_FILE).write_text(_card(about, files), encoding="utf-8")
    return bundle


def _card(about: Description, files: Mapping[str, FileRecord]) -> str:
    front_end, vision = about.front_end, about.vision
    seconds = front_end.window_samples / front_end.rate
    scale = "linear" if front_end.warp_base is None else f"log (base {front_end.warp_base:g})"
    megabytes = sum(record.bytes for record in files.values()) / 1e6
    scores = [f"| {name} | {value:g} |" for name, value in about.scores.items()]
    lines = [
        f"# {about.name}",
        "",
        about.summary,
        "",
        "## What goes in and out",
        "",
        f"- Sound: {seconds:.2f} s windows at {front_end.rate} Hz, {front_end.n_fft}-point STFT, "
        f"hop {front_end.hop}, {front_end.rows} rows of {scale} frequency.",
        f"- Pictures: short side {vision.short_side} px, {vision.frames_per_window} per window, "
        f"{vision.frame_spacing:g} s apart; one feature vector per {vision.stride} px.",
        f"- K = {about.k} components; {about.mask_type} masks, {_use(about)}.",
        f"- Size: {megabytes:.1f} MB.",
        "",
        "## Training",
        "",
        about.training,
        "",
        "## Licence",
        "",
        about.licence,
        "",
        "## Measured",
        "",
        *(["| score | value |", "|---|---|", *scores] if scores else ["No scores recorded."]),
        "",
        "## Limits",
        "",
        "The model hears nothing above half its sampling rate and separates only what looks and "
        "sounds like its training data; two sources that look alike are hard to tell apart.",
        "",
    ]
    return "\n".join(lines)


def _use(about: Description) -> str:
    if about.mask_type == "ratio" or about.mask_threshold is None:
        return "used as they come"
    return f"cut at {about.mask_threshold:g}"
