"""The bundles that are shipped, on the clip that is shipped."""

from pathlib import Path

import numpy as np
import pytest

from pixelmix.hearing import Source
from pixelmix.media.probe import probe
from pixelmix.model.bundle import find_bundle, load_bundle, verify
from pixelmix.model.session import Networks
from pixelmix.regions.parse import parse_region, resolve
from pixelmix.stems import StemStream
from pixelmix.types import FloatArray

CLIP = Path(__file__).resolve().parents[1] / "examples" / "demo.mp4"
GUITAR, TRUMPET = "guitar=9%,3%,29%,94%", "trumpet=50%,21%,45%,37%"
TRUMPET_ALONE, GUITAR_ALONE = (0.2, 3.2), (3.6, 6.4)


MODELS = ("default", "fast")


@pytest.fixture(scope="module", params=MODELS)
def stems(request: pytest.FixtureRequest) -> tuple[FloatArray, int]:
    """Return guitar, trumpet and rest ``(3, channels, samples)``, and their rate."""
    info = probe(CLIP)
    places = [parse_region(GUITAR), parse_region(TRUMPET)]
    regions = resolve(places, info.video.width, info.video.height)
    with (
        Networks.open(load_bundle(find_bundle(request.param)), "cpu") as networks,
        StemStream(Source(CLIP), info, regions, networks) as stream,
    ):
        blocks = [np.concatenate([b.stems, b.rest[None]]) for b in stream]
        return np.concatenate(blocks, axis=-1), stream.audio.rate


def level_db(stem: FloatArray, span: tuple[float, float], rate: int) -> float:
    """RMS level of a stem in a span of seconds, dB."""
    part = stem[:, round(span[0] * rate) : round(span[1] * rate)]
    return float(10 * np.log10(np.mean(part.astype(np.float64) ** 2) + 1e-12))


@pytest.mark.parametrize("name", MODELS)
def test_bundle_is_whole_small_and_described(name: str) -> None:
    bundle = load_bundle(find_bundle(name))
    verify(bundle)
    assert bundle.name == name
    assert bundle.bytes < 60e6
    assert bundle.scores
    card = (bundle.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "MIT" in card


def test_sound_goes_to_the_instrument_that_plays(stems: tuple[FloatArray, int]) -> None:
    (guitar, trumpet, rest), rate = stems
    for right, wrong, span in (
        (trumpet, guitar, TRUMPET_ALONE),
        (guitar, trumpet, GUITAR_ALONE),
    ):
        assert level_db(right, span, rate) > level_db(wrong, span, rate) + 6.0
        assert level_db(right, span, rate) > level_db(rest, span, rate)


def test_clip_is_what_the_readme_says() -> None:
    assert CLIP.stat().st_size < 2e6
    info = probe(CLIP)
    assert (info.video.width, info.video.height) == (640, 360)
    assert info.audio.rate == 48_000
