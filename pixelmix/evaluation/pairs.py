"""What is asked of the model beyond separating, with two sounds of different kinds."""

from collections import defaultdict

import numpy as np

from pixelmix.evaluation.examples import Example, Pool
from pixelmix.evaluation.methods import BundleMethod
from pixelmix.evaluation.metrics import Doubles
from pixelmix.evaluation.places import sides_found, silent_level
from pixelmix.evaluation.report import (
    KindPair,
    Localisation,
    Row,
    Shown,
    ShownStem,
    SilentTest,
)
from pixelmix.evaluation.statistics import Judge, interval, row
from pixelmix.types import FloatArray

QUIET = -12.0
"""A stem at this level against the mixture, or below, counts as quiet, dB."""


class PairTests:
    """Collects the answers, example by example."""

    def __init__(self, model: BundleMethod, pool: Pool, seed: int, show: int) -> None:
        self._model, self._pool, self._show = model, pool, show
        self._random = np.random.default_rng((seed, 4))
        self._swapped: list[Doubles] = []
        self._found: list[tuple[bool, bool]] = []
        self._silent: list[float] = []
        self._kinds: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._shown: list[Shown] = []

    def add(self, example: Example, stems: FloatArray, judge: Judge) -> None:
        """Ask about an example; `stems` are the model's ``(2, samples)``."""
        nsdr = judge.judge(stems)[0]
        if all(example.kinds):
            first, second = sorted(example.kinds)
            self._kinds[first, second] += nsdr.tolist()
        # Regions compete alike in any order: swapping the pictures swaps the stems.
        self._swapped.append(judge.judge(stems[::-1]))
        self._found.append(sides_found(self._model, example))
        absent = self._pool.absent(example, self._random)
        if absent:
            self._silent.append(silent_level(self._model, example, absent))
        if len(self._shown) < self._show:
            self._shown.append(self._shown_example(example, stems, nsdr))

    @property
    def wrong_click(self) -> Row | None:
        """How near each stem is to the truth of the other source."""
        return row(self._model.name, "different", self._swapped) if self._swapped else None

    @property
    def kind_pairs(self) -> tuple[KindPair, ...]:
        """Gains by pair of kinds, sorted."""
        return tuple(
            KindPair(kinds, len(gains), float(np.mean(gains)))
            for kinds, gains in sorted(self._kinds.items())
        )

    @property
    def silent(self) -> SilentTest | None:
        """What regions get that show something else."""
        if not self._silent:
            return None
        levels = np.array(self._silent)
        return SilentTest(len(levels), interval(levels), float(np.mean(levels <= QUIET)))

    @property
    def localisation(self) -> Localisation | None:
        """How often the loudest cell is where the sound comes from; every source is asked for."""
        return Localisation(len(self._found), interval(self._found)) if self._found else None

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The first examples, to be looked at."""
        return tuple(self._shown)

    def _shown_example(self, example: Example, stems: FloatArray, nsdr: Doubles) -> Shown:
        seen = self._model.see(example)
        masks = self._model.masks(seen.looks, seen)
        return Shown(
            example.mixture,
            tuple(
                ShownStem(
                    kind=example.kinds[i],
                    name=example.names[i],
                    picture=example.frames[i][len(example.frames[i]) // 2],
                    truth=example.waves[i],
                    stem=stems[i],
                    mask=masks[i],
                    nsdr=float(nsdr[i]),
                )
                for i in range(len(stems))
            ),
        )
