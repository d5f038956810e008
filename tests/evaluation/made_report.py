"""A small made-up report in which everything is present, and no two figures are alike."""

from dataclasses import replace

import numpy as np

from pixelmix.evaluation.report import (
    Confusion,
    Interval,
    KindPair,
    Localisation,
    Report,
    Row,
    Shown,
    ShownStem,
    SilentTest,
)
from pixelmix.types import FloatArray

RATE = 8_000
METHODS = ("my-model", "mixture", "ideal-binary", "nmf")


def tone(hertz: float, seconds: float = 0.5) -> FloatArray:
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.4 * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def rows() -> tuple[Row, ...]:
    """The model and three others on three sorts of mixture; the means are 1.1, 2.1, 3.1, ..."""
    made = []
    sorts = (("different", 2), ("different", 3), ("same", 2))
    for i, (method, (pairing, sources)) in enumerate((m, s) for m in METHODS for s in sorts):
        four = (Interval(mean, mean - 0.3, mean + 0.4) for mean in np.arange(4) + 4 * i + 1.1)
        made.append(Row(method, sources, pairing, 100 + i, *four))
    return tuple(made)


def shown() -> Shown:
    """A low tone and a high one."""
    truths = tone(150.0), tone(2_500.0)
    mixture = truths[0] + truths[1]
    picture = np.full((30, 40, 3), 90, np.uint8)
    mask = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    return Shown(
        mixture,
        tuple(
            ShownStem(kind, f"{kind}/take 1.wav", picture, truth, 0.9 * truth, mask, nsdr)
            for kind, truth, nsdr in zip(("bell", "drum"), truths, (71.4, -72.4), strict=True)
        ),
    )


def report() -> Report:
    kinds = ("bell", "drum", "horn")
    matrix = np.array([[0.61, 0.22, 0.0], [0.13, 0.54, 0.05], [0.0, 0.0, 0.97]], np.float32)
    wrong = replace(rows()[0], stems=77, nsdr=Interval(-61.2, -62.2, -60.2))
    return Report(
        model="my-model",
        model_id="0123abcd",
        device="cpu",
        dataset="solos",
        split="val",
        seed=5,
        rate=RATE,
        seconds=12.5,
        rows=rows(),
        wrong_click=wrong,
        kind_pairs=(KindPair(("bell", "drum"), 12, 81.2), KindPair(("bell", "horn"), 14, -9.7)),
        silent=SilentTest(33, Interval(-63.3, -64.3, -60.3), 0.47),
        localisation=Localisation(34, Interval(0.83, 0.74, 0.91)),
        visual=Confusion(kinds, (0, 1, 1, -1), matrix, 0.66),
        audio=Confusion(kinds, (2, 2, -1, -1), matrix.T.copy(), 0.67),
        shown=(shown(),),
    )
