from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pixelmix.data.dataset import QUIETEST, Dataset, Sound
from pixelmix.data.store import DatasetWriter, Settings
from pixelmix.train.recipe import Recipe
from pixelmix.train.sounds import (
    KNOTS,
    LOWEST_KNOT,
    Sounds,
    draw_sounds,
    stacked,
    waves,
)
from tests.data.tiny_dataset import RATE, tone
from tests.train.tiny_recipe import TINY

SAMPLES = 1_023
SIZE = SAMPLES + 1
LOUD = replace(
    TINY,
    speed_probability=0.7,
    band_probability=0.7,
    room_probability=0.7,
    drive_probability=0.7,
    noise_probability=0.7,
)
"""Everything that can happen to a sound, often."""
UNCHANGED = replace(
    TINY,
    level=None,
    speed_probability=0.0,
    tone=0.0,
    band_probability=0.0,
    room_probability=0.0,
    drive_probability=0.0,
    noise_probability=0.0,
)


def drawn(dataset: Dataset, recipe: Recipe, seed: int = 0, samples: int = SAMPLES) -> Sounds:
    """Two sources of one mixture."""
    return draw_sounds(dataset, dataset.sounds[:2], samples, recipe, np.random.default_rng(seed))


def given_sounds(*sources: Tensor, lengths: Sequence[int] | None = None) -> Sounds:
    """One mixture, with a batch axis, whose sources (full scale 1) stay as they are."""
    count = len(sources)
    return Sounds(
        crops=(torch.stack(sources)[None] * 32_767).round().to(torch.int16),
        lengths=torch.tensor([lengths or [SIZE] * count]),
        middles=torch.zeros(1, count),
        tone=torch.zeros(1, count, KNOTS),
        rooms=torch.ones(1, count, 1),
        drive=torch.zeros(1, count),
        gains=torch.ones(1, count),
        noise=torch.zeros(1, 0),
        noise_shape=torch.zeros(1, 2),
    )


def sine(cycles: float, length: int = SIZE, longest: int = SIZE) -> Tensor:
    """A sine of so many cycles in ``length`` samples, then zeros."""
    wave = torch.sin(2 * torch.pi * cycles * torch.arange(length, dtype=torch.float64) / length)
    return torch.nn.functional.pad(wave, (0, longest - length))


def rms(samples: Tensor) -> Tensor:
    return samples.double().square().mean(-1).sqrt()


def decibels(ratio: Tensor) -> Tensor:
    return 20 * ratio.log10()


def noises(slope: float, level: float, count: int = 64) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    sounds = stacked([Sounds(*(value[0] for value in given_sounds(sine(5))))] * count)
    sounds = sounds._replace(
        noise=torch.randn(count, SAMPLES, generator=rng),
        noise_shape=torch.tensor([[slope, level]]).expand(count, 2),
    )
    return waves(sounds, SAMPLES, UNCHANGED)[:, -1]


@pytest.mark.parametrize("samples", [SAMPLES, TINY.front_end.window_samples, 1_000])
def test_unchanged_sounds_are_the_recordings(kit: Dataset, samples: int) -> None:
    sounds = drawn(kit, UNCHANGED, samples=samples)
    parts = waves(stacked([sounds]), samples, UNCHANGED)[0]
    assert parts.shape == (3, samples)
    assert not parts[2].any()
    for part, sound in zip(parts, kit.sounds[:2], strict=False):
        whole = kit.samples(sound, 0, sound.samples)
        found = np.float32(2) * part.numpy()
        places = np.lib.stride_tricks.sliding_window_view(whole, samples)
        distance = np.abs(places[:, ::50] - found[::50]).max(axis=1)
        np.testing.assert_allclose(found, places[distance.argmin()], atol=1e-6)


def test_recordings_shorter_than_a_window_end_in_silence(kit: Dataset) -> None:
    short = [replace(sound, samples=300) for sound in kit.sounds[:2]]
    sounds = draw_sounds(kit, short, SAMPLES, UNCHANGED, np.random.default_rng(0))
    parts = waves(stacked([sounds]), SAMPLES, UNCHANGED)[0]
    for part, sound in zip(parts, short, strict=False):
        np.testing.assert_allclose(2 * part[:300], kit.samples(sound, 0, 300), atol=1e-6)
        assert float(part[300:].abs().max()) < 1e-6


def test_crops_are_taken_from_the_whole_recording_and_not_where_it_is_silent(
    tmp_path: Path,
) -> None:
    loud = tone(300, 1.0)
    samples = np.concatenate([np.zeros_like(loud), loud])
    with DatasetWriter(tmp_path, Settings(RATE, 64)) as writer:
        writer.add_sound(recording("half"), samples)
        dataset = writer.finish()
    levels, beginnings = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        crop = draw_sounds(dataset, dataset.sounds, SAMPLES, UNCHANGED, rng).crops[0]
        levels.append(float(rms(crop / 32_768)))
        beginnings.append(tuple(crop[:50].tolist()))
    assert min(levels) > QUIETEST
    assert len(set(beginnings)) > 30


@given(seed=st.integers(0, 2**32), place=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_tone_changes_a_sine_by_the_curve_at_its_frequency(seed: int, place: float) -> None:
    curve = np.random.default_rng(seed).normal(0, 8, KNOTS)
    cycles = 1 + round(place * (SIZE // 2 - 2))
    frequency = max(cycles * RATE / SIZE, LOWEST_KNOT)
    knots = np.linspace(np.log2(LOWEST_KNOT), np.log2(RATE / 2), KNOTS)
    wanted = np.interp(np.log2(frequency), knots, curve)
    sounds = given_sounds(0.3 * sine(cycles))
    plain = waves(sounds, SAMPLES, UNCHANGED)[0, 0]
    sounds = sounds._replace(tone=torch.tensor(curve, dtype=torch.float32)[None, None])
    changed = waves(sounds, SAMPLES, UNCHANGED)[0, 0]
    # In phase, so that only the level changes.
    torch.testing.assert_close(changed, plain * 10 ** (wanted / 20), rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_drawn_tones_are_as_wide_as_asked(kit: Dataset, probability: float) -> None:
    recipe = replace(UNCHANGED, tone=5.0 * (1 - probability), band_probability=probability)
    curves = torch.cat([drawn(kit, recipe, seed).tone for seed in range(100)])
    if not probability:
        # Between the drawn points the curve is interpolated, so that it deviates a little less.
        assert 3.5 < float(curves.std()) < 5.2
        return
    frequencies = LOWEST_KNOT * (RATE / 2 / LOWEST_KNOT) ** np.linspace(0, 1, KNOTS)
    middle = (frequencies > 300) & (frequencies < 2_200)
    assert not curves[:, middle].any()
    assert float(curves.max()) == 0
    assert bool((curves[:, 0] < 0).all())
    assert bool((curves[:, -1] < 0).all())


@pytest.mark.parametrize("length", [896, 1_000, 1_024, 1_152])
def test_speed_scales_a_sines_frequency(length: int) -> None:
    sounds = given_sounds(0.5 * sine(40, length, 1_152), lengths=[length])
    found = waves(sounds, SAMPLES, UNCHANGED)[0, 0]
    wanted = 0.5 * sine(40)[:SAMPLES].float()
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4)


def test_what_speed_lifts_beyond_the_band_is_gone() -> None:
    length, cycles = 1_152, 550
    assert SIZE // 2 < cycles < length // 2
    sounds = given_sounds(0.5 * sine(cycles, length, length), lengths=[length])
    assert float(waves(sounds, SAMPLES, UNCHANGED).abs().max()) < 1e-4


def test_drawn_speeds_are_as_wide_as_asked(kit: Dataset) -> None:
    recipe = replace(UNCHANGED, speed=0.2, speed_probability=1.0)
    shares = torch.cat([drawn(kit, recipe, seed).lengths / SIZE for seed in range(50)])
    # Lengths are rounded up to one that transforms fast.
    assert 0.8 <= float(shares.min()) < 0.85
    assert 1.15 < float(shares.max()) < 1.23
    assert float(shares.mean()) == pytest.approx(1, abs=0.06)


def test_a_room_of_one_tap_is_none() -> None:
    sounds = given_sounds(0.3 * sine(7), 0.2 * sine(30))
    rooms = torch.zeros(1, 2, 500)
    rooms[..., 0] = 1
    torch.testing.assert_close(
        waves(sounds._replace(rooms=rooms), SAMPLES, UNCHANGED), waves(sounds, SAMPLES, UNCHANGED),
        rtol=0, atol=1e-6,
    )  # fmt: skip


def test_a_later_tap_delays() -> None:
    sounds = given_sounds(0.3 * sine(7.3))
    rooms = torch.zeros(1, 1, 500)
    rooms[..., 100] = 0.5
    found = waves(sounds._replace(rooms=rooms), SAMPLES, UNCHANGED)[0, 0]
    crop = sounds.crops[0, 0].float() / 32_768
    torch.testing.assert_close(found, 0.5 * crop.roll(100)[:SAMPLES], rtol=0, atol=1e-6)


def test_drawn_rooms_keep_the_direct_sound(kit: Dataset) -> None:
    assert drawn(kit, UNCHANGED).rooms.tolist() == [[1.0], [1.0]]
    recipe = replace(UNCHANGED, room_probability=1.0)
    rooms = torch.cat([drawn(kit, recipe, seed).rooms for seed in range(20)])
    rooms[:, 0] -= 1
    strengths = rooms.double().square().sum(1).sqrt()
    assert 0.1 <= float(strengths.min()) < float(strengths.max()) <= 1.3 + 1e-6
    early, late = rooms[:, :500], rooms[:, -500:]
    assert bool((rms(early) > rms(late)).all())


def test_sounds_have_the_levels_asked(kit: Dataset) -> None:
    recipe = replace(LOUD, level=(-20.0, -20.0), level_spread=0.0)
    parts = waves(stacked([drawn(kit, recipe, seed) for seed in range(20)]), SAMPLES, recipe)
    torch.testing.assert_close(decibels(rms(parts[:, :-1])), torch.full((20, 2), -20.0).double())
    recipe = replace(LOUD, level=(-30.0, -20.0), level_spread=6.0)
    parts = waves(stacked([drawn(kit, recipe, seed) for seed in range(20)]), SAMPLES, recipe)
    levels = decibels(rms(parts[:, :-1]))
    assert -36.01 <= float(levels.min()) < float(levels.max()) <= -13.99
    assert float((levels[:, 0] - levels[:, 1]).abs().max()) <= 12.01


def test_levels_as_recorded_are_divided_by_their_number(kit: Dataset) -> None:
    recipe = replace(UNCHANGED, volume=(0.5, 1.5))
    gains = torch.cat([drawn(kit, recipe, seed).gains for seed in range(50)])
    assert 0.25 <= float(gains.min()) < 0.3
    assert 0.7 < float(gains.max()) <= 0.75
    sounds = given_sounds(0.3 * sine(7), 0.2 * sine(30))
    louder = sounds._replace(gains=torch.tensor([[2.0, 0.5]]))
    plain, changed = (waves(s, SAMPLES, UNCHANGED)[0] for s in (sounds, louder))
    torch.testing.assert_close(changed[:2], plain[:2] * torch.tensor([[2.0], [0.5]]))


def test_driven_sounds_are_bounded() -> None:
    drives = torch.tensor([[0.0, 1.0, 4.0]])
    sounds = given_sounds(*[0.1 * sine(7)] * 3)._replace(drive=drives)
    plain, *driven = waves(sounds, SAMPLES, UNCHANGED)[0, :3]
    assert float(plain.abs().max()) == pytest.approx(0.1, abs=1e-4)
    for part, drive in zip(driven, drives[0, 1:], strict=True):
        wanted = torch.tanh(plain * drive / plain.abs().max())
        torch.testing.assert_close(part, wanted, rtol=0, atol=1e-5)
        assert float(part.abs().max()) <= 1


def test_drawn_drives_lie_beyond_full_scale(kit: Dataset) -> None:
    recipe = replace(UNCHANGED, drive_probability=0.5, drive=12.0)
    drives = torch.cat([drawn(kit, recipe, seed).drive for seed in range(50)])
    driven = drives[drives > 0]
    assert 30 < len(driven) < 70
    assert 1 <= float(driven.min()) < float(driven.max()) <= 10 ** (12 / 20)


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_noise_has_the_level_and_slope_asked(slope: float) -> None:
    found = noises(slope, 0.03)
    torch.testing.assert_close(rms(found), torch.full((64,), 0.03).double())
    power = torch.fft.rfft(found * torch.hann_window(SAMPLES)).abs().square().mean(0)
    place = torch.arange(len(power)) + 20.0
    inside = slice(3, -3)
    x, y = place[inside].log(), power[inside].log()
    x, y = x - x.mean(), y - y.mean()
    assert float((x * y).sum() / (x * x).sum()) == pytest.approx(-2 * slope, abs=0.1)


def test_noise_lies_so_far_below_the_mixture(kit: Dataset) -> None:
    recipe = replace(LOUD, level=(-20.0, -20.0), noise_probability=0.5, noise_level=(-30.0, -10.0))
    parts = waves(stacked([drawn(kit, recipe, seed) for seed in range(50)]), SAMPLES, recipe)
    levels = rms(parts[:, -1])
    noisy = levels[levels > 0]
    assert 15 < len(noisy) < 35
    assert -50 <= float(decibels(noisy).min()) < float(decibels(noisy).max()) <= -30
    quiet = replace(recipe, noise_probability=0.0)
    assert not waves(stacked([drawn(kit, quiet)]), SAMPLES, quiet)[:, -1].any()


def test_mixtures_do_not_depend_on_their_batch(kit: Dataset) -> None:
    mixtures = [drawn(kit, LOUD, seed) for seed in range(4)]
    together = waves(stacked(mixtures), SAMPLES, LOUD)
    for mixture, parts in zip(mixtures, together, strict=True):
        alone = waves(stacked([mixture]), SAMPLES, LOUD)[0]
        torch.testing.assert_close(parts, alone, rtol=1e-4, atol=1e-6)


def test_the_same_seed_draws_the_same(kit: Dataset) -> None:
    first, again, other = (drawn(kit, LOUD, seed) for seed in (3, 3, 4))
    for value, same in zip(first, again, strict=True):
        assert torch.equal(value, same)
    assert not torch.equal(first.crops, other.crops)


def recording(name: str) -> Sound:
    return Sound(
        name=name, kind="bell", split="train", source="made", licence="CC0", start=0, samples=0
    )


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Silence, a click, one step of 16 bits, and a recording of a single sample."""
    silence = np.zeros(3_000, np.int16)
    click, least = silence.copy(), silence.copy()
    click[1_500], least[::2] = 32_767, 1
    with DatasetWriter(tmp_path_factory.mktemp("quiet"), Settings(RATE, 64)) as writer:
        for name, samples in (
            ("silence", silence), ("click", click), ("least", least), ("one", silence[:1])
        ):  # fmt: skip
            writer.add_sound(recording(name), samples)
        return writer.finish()


@given(
    seed=st.integers(0, 2**32),
    leveled=st.booleans(),
    half=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_hardly_any_sound_is_no_trouble(
    quiet: Dataset, seed: int, *, leveled: bool, half: bool
) -> None:
    recipe = LOUD if leveled else replace(LOUD, level=None)
    samples = TINY.half_window if half else TINY.front_end.window_samples
    rng = np.random.default_rng(seed)
    sounds = draw_sounds(quiet, quiet.sounds, samples, recipe, rng)
    parts = waves(stacked([sounds]), samples, recipe)[0]
    assert parts.shape == (5, samples)
    assert bool(parts.isfinite().all())
    assert not parts[0].any()
    assert not parts[3].any()
    assert float(rms(parts[:4]).max()) <= 1.0


def test_a_crop_lies_around_its_middle(kit: Dataset) -> None:
    for seed in range(5):
        sounds = draw_sounds(kit, kit.sounds[:2], SAMPLES, UNCHANGED, np.random.default_rng(seed))
        for sound, crop, middle in zip(kit.sounds, sounds.crops, sounds.middles, strict=False):
            first = round(float(middle) * kit.rate - len(crop) / 2)
            np.testing.assert_array_equal(crop, kit.raw_samples(sound, first, len(crop)))
