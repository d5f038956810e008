"""Scores for a model card, from what `pixelmix evaluate --json` printed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pixelmix.errors import InputError

_MEASURES = {"nsdr": "NSDR", "sir": "SIR", "sar": "SAR", "si_sdr": "SI-SDR gain"}


def read_scores(files: Sequence[Path]) -> dict[str, float]:
    """Return the model's own rows of evaluations, by names that say what was measured.

    Raises
    ------
    InputError
        If a file cannot be read or is no evaluation.
    """
    scores: dict[str, float] = {}
    for file in files:
        try:
            scores |= _read(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{file}: holds no evaluation ({error}); `pixelmix evaluate --json` prints one"
            ) from error
    return scores


def _read(document: Mapping[str, object]) -> dict[str, float]:
    rows, model, dataset = document["rows"], document["model"], document["dataset"]
    if not isinstance(rows, list):
        raise TypeError("no rows")
    return {
        f"{name}, {row['sources']} {row['pairing']} ({dataset})": float(row[measure]["mean"])
        for row in rows
        if row["method"] == model
        for measure, name in _MEASURES.items()
    }
