"""Sounds for training: crops of recordings, given another room, tone, speed and level.

What is random is drawn with numpy, mixture by mixture (`draw_sounds`); the arithmetic is done for a
whole batch on the device that trains (`waves`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.fft
import torch
from torch import Tensor

from pixelmix.data.dataset import QUIETEST, Dataset, Int16Array, Sound
from pixelmix.train.recipe import Recipe
from pixelmix.types import FloatArray

KNOTS = 33
"""Points, evenly spaced on a logarithmic axis, at which a tone is given."""
LOWEST_KNOT = 30.0
"""Hz."""


class Sounds(NamedTuple):
    """The sources of one mixture, or (with a batch axis ``b`` in front) of many."""

    crops: Tensor
    """(sources, longest) int16; what lies behind a crop's length is zero."""
    lengths: Tensor
    """(sources,) int64: samples of each crop; it is stretched to the window's."""
    middles: Tensor
    """(sources,) the middle of each crop in its recording, seconds."""
    tone: Tensor
    """(sources, knots) dB."""
    rooms: Tensor
    """(sources, taps) impulse responses; one tap of 1 is no room."""
    drive: Tensor
    """(sources,) how many times full scale a source is driven into soft clipping; 0 for not."""
    gains: Tensor
    """(sources,) RMS wanted, or the factor where levels are left as recorded."""
    noise: Tensor
    """(samples,) white noise, or (0,)."""
    noise_shape: Tensor
    """(2,) slope of its spectrum (0 white to 1 brown) and RMS."""


def draw_sounds(
    dataset: Dataset,
    sounds: Sequence[Sound],
    samples: int,
    recipe: Recipe,
    rng: np.random.Generator,
) -> Sounds:
    """Draw a crop and its changes for every sound of a mixture of ``samples``."""
    drawn = [_crop(dataset, sound, samples, recipe, rng) for sound in sounds]
    crops = [crop for _, crop in drawn]
    middles = [(first + len(crop) / 2) / dataset.rate for first, crop in drawn]
    longest = _longest(samples, recipe)
    taps = recipe.front_end.rate // 2 if recipe.room_probability else 1
    level = rng.uniform(*(recipe.level or (0.0, 0.0)))
    spread = rng.uniform(-recipe.level_spread, recipe.level_spread, len(sounds))
    volume = rng.uniform(*recipe.volume, len(sounds))
    gains = volume / len(sounds) if recipe.level is None else 10 ** ((level + spread) / 20)
    driven = rng.random(len(sounds)) < recipe.drive_probability
    noisy = rng.random() < recipe.noise_probability
    noise_level = 10 ** ((level + rng.uniform(*recipe.noise_level)) / 20) * noisy
    return Sounds(
        crops=torch.from_numpy(np.stack([np.pad(x, (0, longest - len(x))) for x in crops])),
        lengths=torch.tensor([len(x) for x in crops]),
        middles=torch.tensor(middles),
        tone=torch.from_numpy(np.stack([_tone(recipe, rng) for _ in sounds])),
        rooms=torch.from_numpy(np.stack([_room(recipe, taps, rng) for _ in sounds])),
        drive=torch.from_numpy(
            (driven * 10 ** (rng.uniform(0, recipe.drive, len(sounds)) / 20)).astype(np.float32)
        ),
        gains=torch.from_numpy(gains.astype(np.float32)),
        noise=torch.from_numpy(
            rng.standard_normal(samples if recipe.noise_probability else 0, np.float32)
        ),
        noise_shape=torch.tensor([rng.random(), noise_level], dtype=torch.float32),
    )


def waves(sounds: Sounds, samples: int, recipe: Recipe) -> Tensor:
    """Return the parts of a batch of mixtures.

    ``sounds`` with a batch axis ``-> (b, sources + 1, samples)`` float32; the last part is noise
    that belongs to no picture, or zeros. Speed, tone and room are multiplied onto the spectrum of
    the whole crop, so they wrap around its ends.
    """
    size = samples + 1  # a window is one sample shorter than a power of two
    spectra = _stretched(sounds, size)
    spectra = spectra * _tone_gains(sounds.tone, size, recipe.front_end.rate)
    if sounds.rooms.shape[-1] > 1:
        spectra = spectra * torch.fft.rfft(sounds.rooms, size)
    parts = torch.fft.irfft(spectra, size)[..., :samples]
    drive = sounds.drive[..., None]
    loud = parts * (drive / parts.abs().amax(-1, keepdim=True).clamp(min=1e-6))
    parts = torch.where(drive > 0, torch.tanh(loud), parts)
    if recipe.level is not None:
        parts = parts / parts.square().mean(-1, keepdim=True).sqrt().clamp(min=1e-6)
    parts = parts * sounds.gains[..., None]
    return torch.cat([parts, _noise(sounds, samples)[:, None]], 1)


def _stretched(sounds: Sounds, size: int) -> Tensor:
    """Spectra ``(b, sources, size // 2 + 1)`` of crops stretched to ``size`` samples."""
    lengths = sounds.lengths.flatten().tolist()
    crops = (sounds.crops.to(torch.float32) / 32_768).flatten(0, 1)
    result = torch.zeros(
        (len(lengths), size // 2 + 1), dtype=torch.complex64, device=sounds.crops.device
    )
    for row, length in enumerate(lengths):
        spectrum = torch.fft.rfft(crops[row, :length])[: size // 2 + 1]
        result[row, : len(spectrum)] = spectrum * (size / length)
    return result.reshape(*sounds.lengths.shape, -1)


def _tone_gains(tone: Tensor, size: int, rate: int) -> Tensor:
    frequencies = torch.arange(size // 2 + 1, device=tone.device) * (rate / size)
    place = (frequencies.clamp(min=LOWEST_KNOT) / LOWEST_KNOT).log2()
    place = place * ((KNOTS - 1) / float(place[-1]))
    below = place.floor().clamp(max=KNOTS - 2).long()
    decibels = torch.lerp(tone[..., below], tone[..., below + 1], place - below)
    gains: Tensor = 10 ** (decibels / 20)
    return gains


def _noise(sounds: Sounds, samples: int) -> Tensor:
    if not sounds.noise.shape[-1]:
        return torch.zeros((len(sounds.noise), samples), device=sounds.noise.device)
    slope, level = sounds.noise_shape[:, :1], sounds.noise_shape[:, 1:]
    spectra = torch.fft.rfft(sounds.noise, samples + 1)
    place = torch.arange(spectra.shape[-1], device=spectra.device) + 20.0
    coloured = torch.fft.irfft(spectra / place**slope, samples + 1)[:, :samples]
    noise: Tensor = coloured * (level / coloured.square().mean(-1, keepdim=True).sqrt())
    return noise


def _longest(samples: int, recipe: Recipe) -> int:
    fastest = recipe.speed if recipe.speed_probability else 0.0
    return _good_length((samples + 1) * (1 + fastest))


def _good_length(samples: float) -> int:
    return scipy.fft.next_fast_len(int(np.ceil(samples)), real=True)


def _crop(
    dataset: Dataset, sound: Sound, samples: int, recipe: Recipe, rng: np.random.Generator
) -> tuple[int, Int16Array]:
    """Return the first sample of a crop, and the crop."""
    speed = 1.0
    if rng.random() < recipe.speed_probability:
        speed = rng.uniform(1 - recipe.speed, 1 + recipe.speed)
    length = _good_length((samples + 1) * speed) if speed != 1.0 else samples + 1
    for _ in range(10):
        first = int(rng.integers(0, max(1, sound.samples - length + 1)))
        crop = dataset.raw_samples(sound, first, length)
        if np.sqrt(np.mean(np.square(crop, dtype=np.float32))) > QUIETEST * 32_768:
            break
    return first, crop


def _tone(recipe: Recipe, rng: np.random.Generator) -> FloatArray:
    octaves = np.linspace(0.0, np.log2(recipe.front_end.rate / 2 / LOWEST_KNOT), KNOTS)
    frequencies = LOWEST_KNOT * 2**octaves
    coarse = np.linspace(0.0, octaves[-1], 7)
    db = np.interp(octaves, coarse, rng.normal(0.0, 1.0, size=7) * recipe.tone)
    if rng.random() < recipe.band_probability:
        db -= np.clip(np.log2(frequencies / rng.uniform(2_200, 5_500)), 0, None) * rng.uniform(
            12, 60
        )
    if rng.random() < recipe.band_probability:
        db -= np.clip(np.log2(rng.uniform(60, 300) / frequencies), 0, 8) * rng.uniform(6, 24)
    return db.astype(np.float32)


def _room(recipe: Recipe, taps: int, rng: np.random.Generator) -> FloatArray:
    room = np.zeros(taps, np.float32)
    if rng.random() < recipe.room_probability:
        seconds = np.arange(taps) / recipe.front_end.rate
        room += rng.standard_normal(taps, np.float32) * np.exp(
            -6.91 * seconds / rng.uniform(0.1, 1)
        )
        room *= rng.uniform(0.1, 1.3) / np.sqrt(np.sum(room * room))
    room[0] += 1.0
    return room


def stacked(mixtures: Sequence[Sounds]) -> Sounds:
    """Give mixtures of equal numbers of sources a batch axis."""
    return Sounds(*(torch.stack(values) for values in zip(*mixtures, strict=True)))
