"""What a separation says about itself: shares, confidence, likeness, and the warnings from them."""

import numpy as np
import pytest

from pixelmix.mix.doubt import doubts
from pixelmix.mix.meter import Level, Meter
from pixelmix.types import FloatArray, StemBlock

MAGNITUDE = np.ones((16, 20), np.float32)


def masks(*values: float) -> FloatArray:
    """Masks that take the upper or the lower half, each with its value, little of the other."""
    found = np.full((len(values), *MAGNITUDE.shape), 0.02, np.float32)
    for i, value in enumerate(values):
        found[i, i % 2 :: 2] = value
    return found


def confidences(given: FloatArray) -> list[float]:
    meter = Meter(len(given))
    meter.add_masks(given, MAGNITUDE)
    names = [str(i) for i in range(len(given))]
    return [meter.levels(names)[name].confidence for name in names]


def test_no_region_at_all() -> None:
    meter = Meter(0)
    meter.add_masks(np.zeros((0, *MAGNITUDE.shape), np.float32), MAGNITUDE)
    assert meter.levels([])["rest"].confidence == pytest.approx(1.0)
    assert doubts(meter.levels([]), meter.likeness()) == ()


def test_a_place_that_gets_a_little_of_everything_is_not_sure() -> None:
    sure, little = confidences(masks(0.9))[0], confidences(np.full((1, 16, 20), 0.1, np.float32))[0]
    assert sure > 0.85
    assert little == pytest.approx(0.1)


def test_masks_that_are_one_are_alike() -> None:
    meter = Meter(3)
    both = masks(0.9, 0.8)
    meter.add_masks(np.concatenate([both, both[:1] * 0.9]), MAGNITUDE)
    likeness = meter.likeness()
    assert likeness[0, 2] == pytest.approx(1.0, abs=1e-4)
    assert likeness[0, 1] == pytest.approx(-1.0, abs=1e-4)
    assert np.diag(likeness) == pytest.approx(1.0, abs=1e-4)


def test_stems_and_rest_are_compared_with_the_original() -> None:
    meter = Meter(1)
    samples = np.random.default_rng(1).normal(0, 0.2, (2, 500)).astype(np.float32)
    meter.add(StemBlock(samples, samples[None] * np.float32(0.3)))
    assert meter.null_error < 1e-7


def level(share: float, confidence: float) -> Level:
    return Level(share, confidence, peak=0.5)


def test_doubts_name_their_regions() -> None:
    levels = {
        "violin": level(0.5, 0.6),
        "wall": level(0.01, 0.1),
        "cello": level(0.3, 0.2),
        "rest": level(0.19, 0.1),
    }
    likeness = np.eye(3, dtype=np.float32)
    found = doubts(levels, likeness)
    assert [line.partition(":")[0] for line in found] == ["wall", "cello"]
    assert "1.0 %" in found[0]
    assert "0.20" in found[1]
    likeness[0, 2] = 0.95
    assert len(doubts(levels, likeness)) == 2, "an unsure region is like anything"
    levels["cello"] = level(0.3, 0.5)
    assert doubts(levels, likeness)[-1].startswith("violin and cello look and sound alike")


def test_a_sound_that_is_nowhere_is_one_warning() -> None:
    levels = {"a": level(0.2, 0.2), "b": level(0.3, 0.1), "rest": level(0.5, 0.8)}
    (line,) = doubts(levels, np.eye(2, dtype=np.float32))
    assert line.startswith("no region has a sound that surely belongs to it")


def test_a_good_separation_has_no_doubts() -> None:
    levels = {"a": level(0.3, 0.5), "b": level(0.4, 0.4), "rest": level(0.3, 0.8)}
    assert doubts(levels, np.eye(2, dtype=np.float32)) == ()


def test_much_that_no_region_has_is_said_where_there_are_several() -> None:
    levels = {"a": level(0.2, 0.5), "b": level(0.29, 0.4), "rest": level(0.51, 0.8)}
    (line,) = doubts(levels, np.eye(2, dtype=np.float32))
    assert line.startswith("51 % of the sound belongs to no region")
    assert "rest" in line
    # Beside a single region the rest is all else, as it should be.
    alone = {"a": level(0.2, 0.5), "rest": level(0.8, 0.8)}
    assert doubts(alone, np.eye(1, dtype=np.float32)) == ()
