"""Laying masks over the original sound, at its own rate and in all its channels."""

import math

import numpy as np

from pixelmix.dsp.queue import SampleQueue
from pixelmix.dsp.stft import frame, hann, irfft, overlap_add, rfft
from pixelmix.dsp.warp import HighBand, band_bins, mask_matrix
from pixelmix.types import ComplexArray, FloatArray, FrontEnd, StemBlock

_OVERLAP = 4
"""STFT frames per sample: hop is ``n_fft // 4``, for which squared Hann windows sum to 1.5."""
_GROUP = 16
"""STFT frames worked on at once. Fixed, so that the result does not depend on block sizes."""


def source_n_fft(fe: FrontEnd, source_rate: int) -> int:
    """Return the power of two nearest (as a ratio) to the model's FFT length in seconds."""
    return int(2 ** round(math.log2(fe.n_fft * source_rate / fe.rate)))


class StemSynthesizer:
    """Turns samples and mask frames, pushed in any order and size, into sample-aligned stems.

    A stem is the original's STFT times the region's mask, transformed back: the phase is the
    original's, the mask the same in every channel. Sound before the start and after the end
    counts as silence, so that frames cover every sample alike: the STFT is then a tight frame
    and a mask within 0..1 never adds energy. Memory is bounded by what one input is ahead of
    the other.

    Parameters
    ----------
    fe
        The front end that the masks belong to: mask frame ``k`` is centred at
        ``k * fe.hop / fe.rate`` seconds from the first sample.
    source_rate, channels
        Of the samples.
    regions
        Masks per frame, at least one.
    highband
        What happens above the model's band, see `pixelmix.dsp.warp.mask_matrix`.
    """

    def __init__(
        self,
        fe: FrontEnd,
        source_rate: int,
        channels: int,
        regions: int,
        highband: HighBand = "follow",
    ) -> None:
        self._n_fft = source_n_fft(fe, source_rate)
        self._hop = self._n_fft // _OVERLAP
        # Source frame j lies at mask frame j * step / unit, exactly.
        self._step, self._unit = self._hop * fe.rate, source_rate * fe.hop
        self._window = hann(self._n_fft)
        self._synthesis = self._window * np.float32(1 / (0.375 * _OVERLAP))
        self._band = band_bins(fe, source_rate, self._n_fft)
        matrix = mask_matrix(fe, source_rate, self._n_fft, highband)
        self._expand = np.ascontiguousarray(matrix[: self._band].T)
        # All bins above the model's band share one row of weights.
        self._above = matrix[-1] if self._band < len(matrix) else None
        lead = (_OVERLAP - 1) * self._hop
        self._samples = SampleQueue(channels, start=-lead)
        self._samples.append_zeros(lead)
        self._masks = SampleQueue(regions, fe.rows)
        self._tail: FloatArray = np.zeros((regions, channels, lead), dtype=np.float32)
        # Frame j covers n_fft samples around j * hop; this one is the first to reach sample 0.
        self._frame = 1 - _OVERLAP // 2

    def push_samples(self, block: FloatArray) -> None:
        """Take the next ``(channels, samples)`` of the original."""
        self._samples.append(block)

    def push_masks(self, masks: FloatArray) -> None:
        """Take the next mask frames ``(regions, rows, frames)``, blended and normalised."""
        self._masks.append(masks)

    def pull(self) -> list[StemBlock]:
        """Return all blocks that have become certain, in order and without gaps."""
        blocks = []
        while self._ready():
            blocks.append(self._group(self._samples.stop))
        return blocks

    def finish(self) -> list[StemBlock]:
        """Return the rest: in all as many samples as were pushed.

        Where masks end before the samples, the last one is held.
        """
        length = self._samples.stop
        blocks: list[StemBlock] = []
        if length == 0:
            return blocks
        if self._masks.stop == 0:
            raise ValueError("no masks were pushed")
        while self._samples.start < length:
            reach = self._samples.start + (_GROUP + _OVERLAP - 1) * self._hop
            self._samples.append_zeros(max(0, reach - self._samples.stop))
            blocks.append(self._group(length))
        return blocks

    def _ready(self) -> bool:
        reach = self._samples.start + (_GROUP + _OVERLAP - 1) * self._hop
        last_mask = (self._frame + _GROUP - 1) * self._step // self._unit + 1
        return reach <= self._samples.stop and last_mask < self._masks.stop

    def _group(self, length: int) -> StemBlock:
        """Work on the next frames; the samples that no later frame reaches are done."""
        start = self._samples.start
        stop = start + _GROUP * self._hop
        held = self._samples.read(start, stop + (_OVERLAP - 1) * self._hop)
        spectrum = rfft(frame(held, self._n_fft, self._hop) * self._window)
        frames = irfft(self._masked(spectrum), self._n_fft)
        frames *= self._synthesis
        stems = overlap_add(frames, self._hop)
        tail = self._tail.shape[-1]
        stems[..., :tail] += self._tail
        self._tail = stems[..., -tail:].copy()
        first, last = max(start, 0), min(stop, length)
        original = self._samples.read(first, last).copy()
        self._samples.drop_before(stop)
        self._frame += _GROUP
        # The last mask stays: it is held if no other comes.
        done = self._frame * self._step // self._unit
        self._masks.drop_before(min(done, self._masks.stop - 1))
        return StemBlock(original, stems[..., first - start : last - start])

    def _masked(self, spectrum: ComplexArray) -> ComplexArray:
        """Return ``(regions, channels, frames, bins)`` from ``(channels, frames, bins)``."""
        masks = self._interpolated()
        out = np.empty((len(masks), *spectrum.shape), dtype=np.complex64)
        band = self._band
        inside = (masks @ self._expand)[:, None]
        np.multiply(spectrum[..., :band], inside, out=out[..., :band])
        if self._above is not None:
            above = (masks @ self._above)[:, None, :, None]
            np.multiply(spectrum[..., band:], above, out=out[..., band:])
        return out

    def _interpolated(self) -> FloatArray:
        """Return the masks at the next source frames, ``(regions, frames, rows)``."""
        time = np.arange(self._frame, self._frame + _GROUP) * self._step
        start, last = self._masks.start, self._masks.stop - 1
        lower = np.clip(time // self._unit, start, last)
        upper = np.clip(time // self._unit + 1, start, last)
        held = self._masks.read(start, last + 1)
        before, after = held[..., lower - start], held[..., upper - start]
        weight = (time % self._unit / self._unit).astype(np.float32)
        return np.swapaxes(before + weight * (after - before), -1, -2)
