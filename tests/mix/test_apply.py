"""Stems: identity, sums, alignment, energy, and independence of how the input is cut."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.dsp.warp import HighBand
from pixelmix.mix.apply import StemSynthesizer, source_n_fft
from pixelmix.mix.blend import MaskBlender, compete
from pixelmix.mix.gains import remix
from pixelmix.types import FloatArray, FrontEnd, Gain, GainSpan, StemBlock

MODEL = FrontEnd(11025, 65535, 1022, 256, 256, 21.0, 1e-10)
LINEAR = FrontEnd(11025, 65535, 1022, 256, 512, None, 1e-10)
RATES = [8000, 22050, 44100, 48000, 96000]


def noise(channels: int, samples: int, seed: int = 0) -> FloatArray:
    return 0.3 * np.random.default_rng(seed).standard_normal((channels, samples), dtype=np.float32)


def tone(hertz: float, rate: int, samples: int) -> FloatArray:
    wave: FloatArray = 0.5 * np.sin(2 * np.pi * hertz / rate * np.arange(samples)).astype(
        np.float32
    )
    return wave


def mask_frames(fe: FrontEnd, rate: int, samples: int) -> int:
    return math.ceil(samples / rate * fe.rate / fe.hop) + 1


def random_masks(frames: int, regions: int = 2, seed: int = 1) -> FloatArray:
    random = np.random.default_rng(seed)
    return compete(random.random((regions, MODEL.rows, frames), dtype=np.float32))


def separate(
    samples: FloatArray,
    masks: FloatArray,
    rate: int,
    fe: FrontEnd = MODEL,
    block: int = 4096,
    highband: HighBand = "follow",
) -> StemBlock:
    synthesizer = StemSynthesizer(fe, rate, samples.shape[0], masks.shape[0], highband)
    synthesizer.push_masks(masks)
    blocks = []
    for start in range(0, samples.shape[1], block):
        synthesizer.push_samples(samples[:, start : start + block])
        blocks += synthesizer.pull()
    return join(blocks + synthesizer.finish())


def join(blocks: list[StemBlock]) -> StemBlock:
    return StemBlock(
        np.concatenate([block.samples for block in blocks], axis=-1),
        np.concatenate([block.stems for block in blocks], axis=-1),
    )


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_all_ones_is_the_identity_and_the_parts_are_the_whole(rate: int, channels: int) -> None:
    samples = noise(channels, rate // 2 + 13)
    frames = mask_frames(MODEL, rate, samples.shape[1])
    whole = separate(samples, np.ones((1, MODEL.rows, frames), dtype=np.float32), rate)
    np.testing.assert_array_equal(whole.samples, samples)
    assert whole.stems.dtype == np.float32
    np.testing.assert_allclose(whole.stems[0], samples, atol=1e-6)
    parts = separate(samples, random_masks(frames), rate)
    assert parts.stems.shape == (2, channels, samples.shape[1])
    np.testing.assert_allclose(parts.stems.sum(axis=0) + parts.rest, samples, atol=1e-6)


@pytest.mark.parametrize("fe", [MODEL, LINEAR])
def test_masks_that_sum_to_one_give_the_original(fe: FrontEnd) -> None:
    samples = noise(2, 40000)
    mask = np.random.default_rng(0).random((1, fe.rows, 80), dtype=np.float32)
    stems = separate(samples, np.concatenate([mask, 1 - mask]), 48000, fe).stems
    np.testing.assert_allclose(stems.sum(axis=0), samples, atol=1e-6)


@pytest.mark.parametrize("samples", [0, 1, 100, 1024, 4096])
def test_short_inputs(samples: int) -> None:
    values = noise(2, samples)
    synthesizer = StemSynthesizer(MODEL, 48000, 2, 1)
    synthesizer.push_samples(values)
    synthesizer.push_masks(np.ones((1, MODEL.rows, 1), dtype=np.float32))
    blocks = synthesizer.pull() + synthesizer.finish()
    assert sum(block.samples.shape[1] for block in blocks) == samples
    if blocks:
        np.testing.assert_allclose(join(blocks).stems[0], values, atol=1e-6)


def test_no_samples_need_no_masks_but_samples_do() -> None:
    assert StemSynthesizer(MODEL, 48000, 2, 1).finish() == []
    synthesizer = StemSynthesizer(MODEL, 48000, 2, 1)
    synthesizer.push_samples(noise(2, 100))
    with pytest.raises(ValueError, match="no masks"):
        synthesizer.finish()


@given(
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 60)), min_size=1, max_size=8),
    st.sampled_from([8000, 44100, 48000]),
)
@settings(max_examples=15, deadline=None)
def test_the_way_of_cutting_changes_nothing(pieces: list[tuple[int, int]], rate: int) -> None:
    length = sum(count for count, _ in pieces)
    total = max(1, sum(frames for _, frames in pieces))
    samples, masks = noise(2, length), random_masks(total)
    synthesizer = StemSynthesizer(MODEL, rate, 2, 2)
    blocks, at, mask_at = [], 0, 0
    for count, frames in [*pieces, (0, total)]:
        synthesizer.push_samples(samples[:, at : at + count])
        synthesizer.push_masks(masks[..., mask_at : mask_at + frames])
        blocks += synthesizer.pull()
        at, mask_at = at + count, mask_at + frames
    blocks += synthesizer.finish()
    assert sum(block.samples.shape[1] for block in blocks) == length
    if blocks:
        at_once = separate(samples, masks, rate, block=max(1, length))
        np.testing.assert_allclose(join(blocks).stems, at_once.stems, atol=1e-6)
        np.testing.assert_array_equal(join(blocks).samples, samples)


def test_masks_select_frequencies() -> None:
    rate, length = 48000, 48000
    low, high, top = (tone(hertz, rate, length) for hertz in (300.0, 3500.0, 9000.0))
    hertz = np.linspace(0, 5512.5, LINEAR.rows)
    mask = np.repeat((hertz < 1000).astype(np.float32)[:, None], 60, axis=1)
    stems = separate((low + high + top)[None], np.stack([mask, 1 - mask]), rate, LINEAR).stems
    inner = slice(4096, -4096)
    np.testing.assert_allclose(stems[0, 0, inner], low[inner], atol=2e-3)
    # What lies above the model's band follows its top octave.
    np.testing.assert_allclose(stems[1, 0, inner], (high + top)[inner], atol=2e-3)


def test_high_band_can_be_kept() -> None:
    rate, length = 48000, 24000
    samples = (tone(300.0, rate, length) + tone(9000.0, rate, length))[None]
    ones = np.ones((1, MODEL.rows, 40), dtype=np.float32)
    stem = separate(samples, ones, rate, highband="keep").stems[0, 0]
    inner = slice(4096, -4096)
    np.testing.assert_allclose(stem[inner], tone(300.0, rate, length)[inner], atol=1e-4)


@pytest.mark.parametrize("rate", RATES)
def test_masks_act_at_their_time(rate: int) -> None:
    """A mask that opens at model frame 40 lets half of the sound through at 40 hop / rate."""
    length = 2 * rate
    mask = np.zeros((1, MODEL.rows, 90), dtype=np.float32)
    mask[..., 40] = 0.5
    mask[..., 41:] = 1.0
    samples = tone(1000.0, rate, length)[None]
    stem = separate(samples, mask, rate).stems[0, 0]
    at = round(40 * MODEL.hop / MODEL.rate * rate)
    around = slice(at - rate // 200, at + rate // 200)
    share = np.dot(stem[around], samples[0, around]) / np.sum(samples[0, around] ** 2)
    assert share == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("rate", "n_fft"), [(8000, 1024), (22050, 2048), (44100, 4096), (48000, 4096), (96000, 8192)]
)
def test_fft_length_follows_the_rate(rate: int, n_fft: int) -> None:
    assert source_n_fft(MODEL, rate) == n_fft


def test_no_step_at_the_seams() -> None:
    """A steady tone under masks that differ between windows has a level without steps."""
    rate, seconds, hertz = 44100, 14, 441.0
    samples = tone(hertz, rate, rate * seconds)[None]
    blender = MaskBlender(MODEL, 1)
    frames = []
    for level in (0.50, 0.56, 0.47, 0.55):
        window = np.full((1, MODEL.rows, MODEL.frames), level, dtype=np.float32)
        # The padding of the STFT makes a window's edge frames unlike all others.
        window[..., :3] = window[..., -3:] = 0.8
        frames.append(blender.push(window))
    masks = np.concatenate([*frames, blender.finish()], axis=-1)
    stem = separate(samples, masks, rate).stems[0, 0]
    # The tone's level in each 10 ms, of which each holds a whole number of periods at 20 ms.
    carrier = np.exp(-2j * np.pi * hertz / rate * np.arange(len(stem)))
    level = np.abs((stem * carrier)[: len(stem) // 400 * 400].reshape(-1, 400).sum(axis=1)) / 100
    inner = level[10:-30]
    assert 0.46 < inner.min() < inner.max() < 0.57
    assert np.abs(np.diff(inner)).max() < 1e-3


gain_levels = st.floats(0, 1, width=32)


@given(gain_levels, gain_levels, gain_levels, st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_energy_never_rises(first: float, second: float, rest: float, seed: int) -> None:
    """With constant gains up to one, whatever the masks do over time.

    The STFT is a tight frame of the sound with silence around it, so that its inverse is an
    orthogonal projection: the energy is at most that of the masked STFT.
    """
    samples = noise(2, 16000, seed)
    masks = random_masks(90, seed=seed)
    masks[:, :, ::3] = 0
    block = separate(samples, masks, 8000)
    gains = [Gain("a", first), Gain("b", second), Gain("rest", rest)]
    out = remix(block, ["a", "b"], gains, 8000, 0)
    assert np.sum(out.astype(float) ** 2) <= np.sum(samples.astype(float) ** 2) * (1 + 1e-6)


bands: tuple[HighBand, ...] = ("follow", "keep")


@given(
    st.sampled_from([(6, 48_000), (1, 8_000), (2, 96_000), (2, 44_100)]),
    st.sampled_from(bands),
    st.lists(gain_levels, min_size=4, max_size=4),
    st.integers(0, 100),
)
@settings(max_examples=15, deadline=None)
def test_any_masks_and_gains_keep_the_whole_and_its_energy(
    form: tuple[int, int], highband: HighBand, levels: list[float], seed: int
) -> None:
    """For masks drawn cell by cell, some of them all or nothing, in every band and channel."""
    channels, rate = form
    random = np.random.default_rng(seed)
    samples = noise(channels, rate // 4 + seed, seed)
    frames = mask_frames(MODEL, rate, samples.shape[1])
    masks = np.moveaxis(random.dirichlet([0.2] * 4, (MODEL.rows, frames)), -1, 0)[:3]
    block = separate(samples, masks.astype(np.float32), rate, highband=highband)
    assert block.stems.shape == (3, *samples.shape)
    np.testing.assert_array_equal(block.samples, samples)
    np.testing.assert_allclose(block.stems.sum(axis=0) + block.rest, samples, atol=1e-6)
    names = ("a", "b", "c", "rest")
    gains = [Gain(name, level) for name, level in zip(names, levels, strict=True)]
    out = remix(block, names[:3], gains, rate, 0).astype(float)
    assert np.sum(out**2) <= np.sum(samples.astype(float) ** 2) * (1 + 1e-6)
    # No part can be silenced or kept twice: one gain for all of them is that gain.
    same = remix(block, names[:3], [Gain(name, levels[0]) for name in names], rate, 0)
    np.testing.assert_allclose(same, np.float32(levels[0]) * samples, atol=1e-6)


@given(st.lists(gain_levels, min_size=6, max_size=6), st.integers(0, 100))
@settings(max_examples=15, deadline=None)
def test_energy_with_spans_rises_at_most_by_what_is_near_an_edge(
    levels: list[float], seed: int
) -> None:
    """Gains that change over time mix sound of one FFT length around the change."""
    rate, length = 8000, 24000
    samples = noise(1, length, seed)
    samples[:, 8000:12000] *= 0.01
    block = separate(samples, random_masks(100, seed=seed), rate)
    gains = [
        Gain(name, levels[2 * i], (GainSpan(levels[2 * i + 1], 1.0, 2.0),))
        for i, name in enumerate(("a", "b", "rest"))
    ]
    out = remix(block, ["a", "b"], gains, rate, 0).astype(float)
    energy = samples.astype(float) ** 2
    reach = source_n_fft(MODEL, rate) + round(0.02 * rate)
    near = sum(energy[:, at - reach : at + reach].sum() for at in (rate, 2 * rate))
    assert np.sum(out**2) <= (energy.sum() + near) * (1 + 1e-6)


def test_memory_does_not_grow() -> None:
    synthesizer = StemSynthesizer(MODEL, 44100, 2, 1)
    block = np.zeros((2, 43 * 1024), dtype=np.float32)
    masks = np.ones((1, MODEL.rows, 43), dtype=np.float32)
    for _ in range(30):
        synthesizer.push_samples(block)
        synthesizer.push_masks(masks)
        synthesizer.pull()
        assert synthesizer._samples._store.size < 6 * block.size
        assert synthesizer._masks._store.size < 30 * masks.size
