"""Ways to take a mixture apart: what a method is, and the model bundle as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from pixelmix.dsp.stft import istft, stft
from pixelmix.dsp.warp import unwarp_matrix
from pixelmix.evaluation.examples import Example
from pixelmix.media.frames import picture_size
from pixelmix.mix.divide import divide
from pixelmix.mix.plan import Spectrogram, spectrogram
from pixelmix.model.images import network_input
from pixelmix.model.session import Networks
from pixelmix.types import ByteArray, FloatArray, FrontEnd, Vision

_MULTIPLE = 16
"""The long side of a picture is rounded to it, as where videos are read."""


class Method(Protocol):
    """Something that separates mixtures."""

    @property
    def name(self) -> str:
        """Return what tables call it."""

    def separate(self, example: Example) -> FloatArray:
        """Return ``(sources, samples)``: one stem per source, in order.

        Methods see the mixture and the pictures; only ideal masks look at ``example.waves``.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the networks make of an example."""

    looks: FloatArray
    """(sources, k): what is seen of each source."""
    heard: Spectrogram
    """Of the mixture."""
    components: FloatArray
    """(1, k, rows, frames) of it."""


class BundleMethod:
    """A model, used as the tool uses it: every source is a region, and regions compete."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks
        self.name = networks.bundle.name
        self._last: tuple[Example, Seen] | None = None

    def separate(self, example: Example) -> FloatArray:
        """Return ``(sources, samples)``."""
        seen = self.see(example)
        masks = self.masks(seen.looks, seen)
        return apply_masks(self.networks.bundle.front_end, masks, example.mixture)

    def see(self, example: Example) -> Seen:
        """Run an example through the networks; the last one is kept, as several tests ask."""
        if self._last is None or self._last[0] is not example:
            looks = np.stack([self.look(pictures) for pictures in example.frames])
            heard = self._heard(example.mixture)
            components = self.networks.components(heard.log_magnitude)
            self._last = example, Seen(looks, heard, components)
        return self._last[1]

    def look(self, pictures: Sequence[ByteArray]) -> FloatArray:
        """Return ``(k,)``: the maximum over pictures and cells (paper section 3.2)."""
        seen = [self.features(picture).max(axis=(1, 2)) for picture in pictures]
        look: FloatArray = np.maximum.reduce(seen)
        return look

    def features(self, picture: ByteArray) -> FloatArray:
        """Return ``(k, rows, cols)`` of a whole picture, ``(height, width, 3)``."""
        vision = self.networks.bundle.vision
        images = network_input(resized(picture, vision), vision)
        features: FloatArray = self.networks.features(images)[0]
        return features

    def components(self, samples: FloatArray) -> FloatArray:
        """Return the components ``(1, k, rows, frames)`` of ``(window_samples,)``."""
        return self.networks.components(self._heard(samples).log_magnitude)

    def masks(self, looks: FloatArray, seen: Seen) -> FloatArray:
        """Return the masks ``(regions, rows, frames)`` that the tool would apply."""
        bundle = self.networks.bundle
        masks = bundle.cut(self.networks.masks(looks, seen.components)[0])
        return divide(masks, seen.heard, bundle.front_end)

    def _heard(self, samples: FloatArray) -> Spectrogram:
        return spectrogram(self.networks.bundle.front_end, samples[None])


def resized(picture: ByteArray, vision: Vision) -> ByteArray:
    """Return the whole picture at the size at which the tool shows it to the network."""
    height, width = picture.shape[:2]
    size = picture_size(width, height, vision.short_side, _MULTIPLE)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR))


def apply_masks(fe: FrontEnd, masks: FloatArray, samples: FloatArray) -> FloatArray:
    """Return the stems ``(regions, samples)``: masks ``(regions, rows, frames)`` on a sound.

    The sound's own STFT times the unwarped mask, transformed back (paper section 3.1).
    """
    spectrum = stft(samples, fe.n_fft, fe.hop) * (unwarp_matrix(fe) @ masks)
    return istft(spectrum, fe.n_fft, fe.hop, samples.shape[-1])
