"""What the page embeds: sounds that are the samples, pictures the right way up."""

import base64
import io
import re
import wave
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from pixelmix.dsp.stft import stft
from pixelmix.evaluation.page import document
from pixelmix.evaluation.page.colours import grey, heat
from pixelmix.evaluation.page.embed import (
    RANGE,
    mask_uri,
    picture_uri,
    row_of,
    scale_uri,
    sound_uri,
    spectrogram,
    spectrogram_uri,
)
from pixelmix.evaluation.page.figures import count, decibels
from pixelmix.evaluation.page.methods import ticks
from tests.evaluation.made_report import RATE, report, tone

Doubles = npt.NDArray[np.float64]


def decoded(uri: str, kind: str) -> io.BytesIO:
    head, data = uri.split(",", 1)
    assert head == f"data:{kind};base64"
    return io.BytesIO(base64.b64decode(data, validate=True))


def opened(uri: str, kind: str = "image/png") -> Image.Image:
    image = Image.open(decoded(uri, kind))
    image.load()
    return image


def samples_of(uri: str) -> tuple[Doubles, int]:
    with wave.open(decoded(uri, "audio/wav")) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767, file.getframerate()


def lightness(colours: npt.NDArray[np.uint8]) -> Doubles:
    """Oklab's L of sRGB bytes ``(..., 3)``, by its definition through XYZ."""
    value = colours / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    xyz = (
        linear
        @ np.array(
            [
                [0.4124564, 0.3575761, 0.1804375],
                [0.2126729, 0.7151522, 0.0721750],
                [0.0193339, 0.1191920, 0.9503041],
            ]
        ).T
    )
    cones = (
        xyz
        @ np.array(
            [
                [0.8189330101, 0.3618667424, -0.1288597137],
                [0.0329845436, 0.9293118715, 0.0361456387],
                [0.0482003018, 0.2643662691, 0.6338517070],
            ]
        ).T
    )
    found: Doubles = np.cbrt(cones) @ np.array([0.2104542553, 0.7936177850, -0.0040720468])
    return found


@given(
    samples=hnp.arrays(np.float32, st.integers(0, 300), elements=st.floats(-1, 1, width=32)),
    rate=st.sampled_from([8_000, 11_025, 44_100]),
)
@settings(deadline=None)
def test_a_sound_is_its_samples(samples: npt.NDArray[np.float32], rate: int) -> None:
    found, found_rate = samples_of(sound_uri(samples, rate))
    assert found_rate == rate
    np.testing.assert_allclose(found, samples, atol=0.51 / 32767)


def test_too_loud_a_sound_is_cut_and_not_wrapped() -> None:
    found, _ = samples_of(sound_uri(np.array([2.0, -3.0, 0.5], np.float32), RATE))
    np.testing.assert_allclose(found, [1.0, -1.0, 0.5], atol=1e-4)


def test_the_page_carries_every_sound_of_an_example() -> None:
    page = document(report())
    shown = report().shown[0]
    sounds = [samples_of(uri)[0] for uri in re.findall(r'"(data:audio/wav[^"]*)"', page)]
    truths = [shown.mixture, *(x for stem in shown.stems for x in (stem.truth, stem.stem))]
    for found, truth in zip(sounds, truths, strict=True):
        np.testing.assert_allclose(found, truth, atol=1e-4)


def test_a_loud_example_is_turned_down_as_a_whole() -> None:
    shown = report().shown[0]
    stems = tuple(replace(s, truth=4 * s.truth, stem=4 * s.stem) for s in shown.stems)
    loud = replace(shown, mixture=4 * shown.mixture, stems=stems)
    page = document(replace(report(), shown=(loud,)))
    sounds = [samples_of(uri)[0] for uri in re.findall(r'"(data:audio/wav[^"]*)"', page)]
    gain = 1.0 / np.abs(loud.mixture).max()
    assert gain < 1.0
    np.testing.assert_allclose(sounds[0], gain * loud.mixture, atol=1e-4)
    np.testing.assert_allclose(sounds[1], gain * stems[0].truth, atol=1e-4)


@pytest.mark.parametrize("hertz", [60.0, 150.0, 700.0, 2_000.0, 3_700.0])
def test_a_tone_lights_its_own_row_counted_from_the_bottom(hertz: float) -> None:
    magnitude = spectrogram(tone(hertz), RATE)
    image = opened(spectrogram_uri(magnitude, float(magnitude.max())))
    bright = lightness(np.asarray(image.convert("RGB"))).mean(axis=1)
    from_bottom = (image.height - 0.5 - int(bright.argmax())) / image.height
    assert from_bottom == pytest.approx(row_of(hertz, RATE), abs=0.03)
    assert image.width == pytest.approx(256, rel=0.03)


def test_no_thin_partial_falls_between_the_rows() -> None:
    for hertz in range(3_000, 3_900, 43):
        samples = tone(hertz)
        assert spectrogram(samples, RATE).max() > 0.8 * np.abs(stft(samples, 512, 16)).max()


def test_time_runs_to_the_right() -> None:
    samples = np.concatenate([np.zeros(4_000, np.float32), tone(500.0)])
    magnitude = spectrogram(samples, RATE)
    image = np.asarray(opened(spectrogram_uri(magnitude, float(magnitude.max()))).convert("L"))
    half = image.shape[1] // 2
    assert image[:, half + 20 :].max() > 150
    assert image[:, : half - 20].max() < 20


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100])
def test_frequencies_keep_their_place_at_any_rate(rate: int) -> None:
    t = np.arange(rate // 2) / rate
    samples = np.sin(2 * np.pi * 1_000.0 * t).astype(np.float32)
    magnitude = spectrogram(samples, rate)
    row = int(magnitude.sum(axis=1).argmax())
    assert (row + 0.5) / len(magnitude) == pytest.approx(row_of(1_000.0, rate), abs=0.02)
    assert row_of(0.0, rate) == 0.0
    assert row_of(rate / 2, rate) == pytest.approx(1.0)


def test_levels_become_colours_over_the_range() -> None:
    """Full level is the last colour, half the range below the middle one, the rest the first."""
    levels = np.float32([0.0, -RANGE / 2, -RANGE, -RANGE - 50])[:, None]
    image = opened(spectrogram_uri(np.float32(3.0) * 10 ** (levels / 20), 3.0))
    assert np.asarray(image)[::-1, 0].tolist() == [63, pytest.approx(31.5, abs=0.5), 0, 0]


def test_a_mask_is_white_where_it_keeps_and_stands_upright() -> None:
    mask = np.float32([[1.0, 0.0, 0.5], [0.0, 0.0, 0.0]])
    image = np.asarray(opened(mask_uri(mask)).convert("L"))
    assert image[0].tolist() == [0, 0, 0]
    assert image[1, :2].tolist() == [255, 0]
    assert 80 < image[1, 2] < 130


def test_the_scale_shows_all_colours_in_order() -> None:
    image = np.asarray(opened(scale_uri()).convert("RGB"))
    np.testing.assert_array_equal(image[0], heat(64))


def test_a_picture_keeps_its_sides_and_is_no_larger_than_shown() -> None:
    rows, cols = np.mgrid[0:400, 0:800]
    picture = np.stack([255 * (rows < 200), 255 * (cols < 400), 0 * rows], -1).astype(np.uint8)
    image = opened(picture_uri(picture), "image/jpeg")
    assert image.size == (320, 160)
    small = np.asarray(image, dtype=float)
    assert np.abs(small[20, 20] - [255, 255, 0]).max() < 12
    assert np.abs(small[140, 300] - [0, 0, 0]).max() < 12


@pytest.mark.parametrize("ramp", [heat, grey])
def test_colours_rise_evenly_in_lightness(ramp: Callable[[int], npt.NDArray[np.uint8]]) -> None:
    found = lightness(ramp(64))
    even = np.linspace(found[0], found[-1], 64)
    # Eight bits are too coarse for the very darkest greys.
    np.testing.assert_allclose(found[even > 0.06], even[even > 0.06], atol=0.012)
    assert found[-1] - found[0] > 0.8


@given(values=st.lists(st.floats(-1e4, 1e4) | st.just(float("inf")) | st.just(float("nan"))))
def test_ticks_are_few_round_even_and_span_all(values: list[float]) -> None:
    found = np.array(ticks(values))
    assert 2 <= len(found) <= 7
    np.testing.assert_allclose(np.diff(found), found[1] - found[0])
    assert 0.0 in found
    for value in values:
        assert not np.isfinite(value) or found[0] <= value <= found[-1]


def test_numbers_are_written_for_readers() -> None:
    minus, infinity = "\N{MINUS SIGN}", "\N{INFINITY}"
    given = (3.14, -0.04, -0.06, -12.0, float("inf"), float("-inf"), float("nan"))
    expected = [
        "3.1",
        "0.0",
        f"{minus}0.1",
        f"{minus}12.0",
        infinity,
        f"{minus}{infinity}",
        "\N{EN DASH}",
    ]
    assert [decibels(value) for value in given] == expected
    assert count(1, "stem") == "1 stem"
    assert count(0, "kind has", "kinds have") == "0 kinds have"
    assert count(12_345, "stem") == "12\N{NARROW NO-BREAK SPACE}345 stems"


def test_an_example_of_two_sounds_weighs_little_more_than_its_sounds() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 65_535).astype(np.float32)
    shown = report().shown[0]
    mask = np.random.default_rng(1).random((256, 256), dtype=np.float32)
    stems = tuple(replace(s, truth=noise, stem=noise, mask=mask) for s in shown.stems)
    page = document(replace(report(), shown=(replace(shown, mixture=noise, stems=stems),)))
    sounds = sum(map(len, re.findall(r'"(data:audio/wav[^"]*)"', page)))
    assert len(page) < sounds + 500_000
