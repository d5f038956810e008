"""What an evaluation found: figures, and a few examples to look at and listen to."""

from dataclasses import dataclass, fields, is_dataclass

import numpy as np

from pixelmix.types import ByteArray, FloatArray

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]
"""A value that JSON can hold."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the 95 % bootstrap interval around it, drawn over examples."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """How well one method separates one sort of mixture; dB, means over stems.

    ``sir`` and ``sar`` are those of BSS Eval version 3. ``nsdr`` (its SDR) and ``si_sdr`` are
    gains over the mixture, so that the mixture itself has 0.
    """

    method: str
    sources: int
    """Sounds in a mixture."""
    pairing: str
    """``different`` kinds in a mixture, or the ``same``."""
    stems: int
    """Stems that were judged: examples times sources."""
    nsdr: Interval
    sir: Interval
    sar: Interval
    si_sdr: Interval


@dataclass(frozen=True, slots=True)
class KindPair:
    """The model on the mixtures of two kinds, sorted by name."""

    kinds: tuple[str, str]
    stems: int
    nsdr: float
    """dB, mean over the stems of both."""


@dataclass(frozen=True, slots=True)
class SilentTest:
    """What a region gets that shows something which is not heard."""

    examples: int
    level: Interval
    """Level of its stem against the mixture, dB."""
    quiet: float
    """Share of the examples in which it is at least 12 dB below the mixture."""


@dataclass(frozen=True, slots=True)
class Localisation:
    """Two players side by side, one of them heard: whether the loudest cell is theirs."""

    examples: int
    found: Interval
    """Share of the examples in which it lies on the half of the one that is heard."""


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """What the strongest channel of a network says about the kind of what it was given."""

    kinds: tuple[str, ...]
    channels: tuple[int, ...]
    """For each of the network's channels the index of the kind that it stands for; -1 if none."""
    matrix: FloatArray
    """(kinds, kinds): share of the inputs of the row's kind that were taken for the column's.

    Rows may sum to less than one: the strongest channel may stand for no kind."""
    accuracy: float
    """Share of all inputs taken for what they are."""


@dataclass(frozen=True, slots=True, eq=False)
class ShownStem:
    """One stem of the model in an example to be shown."""

    kind: str
    """Class of the sound, or empty."""
    name: str
    picture: ByteArray
    """(height, width, 3), one of the pictures that pointed at it."""
    truth: FloatArray
    """(samples,)"""
    stem: FloatArray
    """(samples,)"""
    mask: FloatArray
    """(rows, frames), 0..1, as it was applied."""
    nsdr: float
    """dB."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One example to be shown; the mixture is the sum of the truths."""

    mixture: FloatArray
    """(samples,)"""
    stems: tuple[ShownStem, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Everything that one evaluation found."""

    model: str
    model_id: str
    device: str
    """Where the model ran."""
    dataset: str
    split: str
    seed: int
    rate: int
    """Hz, of all sounds."""
    seconds: float
    """How long the evaluation took."""
    rows: tuple[Row, ...]
    """The model's first, each method for every number of sources."""
    wrong_click: Row | None
    """The model with the pictures of two different sources swapped."""
    kind_pairs: tuple[KindPair, ...]
    silent: SilentTest | None
    localisation: Localisation | None
    visual: Confusion | None
    """The vision network's channels, from pictures."""
    audio: Confusion | None
    """The audio network's channels, from solo sounds."""
    shown: tuple[Shown, ...]

    def document(self) -> dict[str, Plain]:
        """Return plain values for JSON, all but the examples that are shown.

        Figures are rounded to four decimals. Only ``seconds`` differs between two evaluations
        with the same arguments on the same device.
        """
        names = [field.name for field in fields(self) if field.name != "shown"]
        return {name: _plain(getattr(self, name)) for name in names}


def _plain(value: object) -> Plain:
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, float):
        return round(value, 4) + 0.0  # no minus before a zero
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} has no place in a report")
