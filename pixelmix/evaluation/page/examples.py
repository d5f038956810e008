"""Examples to look at and listen to: a mixture, and every stem beside its truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pixelmix.evaluation.page import embed
from pixelmix.evaluation.page.figures import NO_BREAK, decibels
from pixelmix.evaluation.page.markup import NOTHING, Markup, element, isolated, join
from pixelmix.evaluation.report import Shown, ShownStem
from pixelmix.types import FloatArray

_MARKS = (100, 300, 1_000, 3_000, 10_000)
"""Frequencies that are written beside a spectrogram, Hz."""
_CLEAR_OF_TOP = 0.96


def section(shown: Sequence[Shown], rate: int) -> Markup:
    """Return all examples and the scale of their colours."""
    return join(_scale(), *(_example(i, one, rate) for i, one in enumerate(shown, start=1)))


def _scale() -> Markup:
    return element(
        "p",
        "Spectrograms: low sounds at the bottom, level against the loudest point of the mixture, ",
        element(
            "span",
            f"{decibels(-embed.RANGE).removesuffix('.0')}{NO_BREAK}dB ",
            element("img", src=embed.scale_uri(), alt="dark to bright"),
            f" 0{NO_BREAK}dB",
            class_="scale",
        ),
        ". Masks: what is white is kept, what is black is not. All sounds of an example play "
        "equally scaled.",
        class_="note",
    )


def _example(number: int, shown: Shown, rate: int) -> Markup:
    # One scale for all sounds of an example: their loudness can be compared, and none clips.
    sounds = [shown.mixture, *(x for stem in shown.stems for x in (stem.truth, stem.stem))]
    peak = max(float(np.abs(x).max(initial=0.0)) for x in sounds)
    loudest = float(embed.spectrogram(shown.mixture, rate).max())
    view = _View(rate, 1.0 / max(1.0, peak), loudest)
    title = [part for stem in shown.stems for part in (" + ", _kind(stem))][1:]
    heading = f"example-{number}"
    return element(
        "article",
        element("h3", f"{number}. ", *title, id=heading),
        element(
            "div",
            element("div", element("h4", "Mixture"), class_="stem-head"),
            view.sound("Mixture", shown.mixture),
            class_="stem whole",
        ),
        *(_stem(stem, view) for stem in shown.stems),
        aria_labelledby=heading,
    )


def _kind(stem: ShownStem) -> Markup:
    return isolated(stem.kind or stem.name)


def _stem(stem: ShownStem, view: "_View") -> Markup:
    head = element(
        "div",
        element("img", src=embed.picture_uri(stem.picture), alt="What points at it"),
        element(
            "div",
            element("h4", _kind(stem)),
            element("p", isolated(stem.name), class_="name") if stem.kind else NOTHING,
            element("p", element("b", f"{decibels(stem.nsdr)}{NO_BREAK}dB"), " NSDR"),
        ),
        class_="stem-head",
    )
    return element(
        "div",
        head,
        view.sound("Truth", stem.truth),
        view.sound("Stem", stem.stem),
        _figure("Mask", embed.mask_uri(stem.mask)),
        class_="stem",
    )


@dataclass(frozen=True, slots=True)
class _View:
    """How all sounds of one example are shown."""

    rate: int
    gain: float
    """Of the players."""
    loudest: float
    """Magnitude of a spectrogram's brightest colour."""

    def sound(self, title: str, samples: FloatArray) -> Markup:
        """Return a spectrogram with its player."""
        magnitude = embed.spectrogram(samples, self.rate)
        player = element(
            "audio",
            controls="",
            preload="none",
            src=embed.sound_uri(samples, self.rate, self.gain),
            aria_label=title,
        )
        picture = embed.spectrogram_uri(magnitude, self.loudest)
        return _figure(title, picture, self._marks(len(samples) / self.rate), player)

    def _marks(self, seconds: float) -> Markup:
        frequencies = [
            element("span", _hertz(hertz), class_="hertz", style=f"bottom:{100 * place:.1f}%")
            for hertz, place in ((hertz, embed.row_of(hertz, self.rate)) for hertz in _MARKS)
            if place < _CLEAR_OF_TOP
        ]
        length = element("span", f"{seconds:.1f}{NO_BREAK}s", class_="length")
        return Markup("".join([*frequencies, length]))


def _figure(title: str, picture: str, marks: Markup = NOTHING, player: Markup = NOTHING) -> Markup:
    image = element("img", src=picture, alt=title)
    return element(
        "figure",
        element("figcaption", title),
        element("div", image, marks, class_="picture"),
        player,
    )


def _hertz(hertz: int) -> str:
    return f"{hertz // 1000}{NO_BREAK}kHz" if hertz >= 1000 else f"{hertz}{NO_BREAK}Hz"
