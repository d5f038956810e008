"""Short-time Fourier transform and its inverse, float32 throughout.

Equal to ``torch.stft(center=True, pad_mode="reflect")`` with a periodic Hann window, without
normalisation: frame ``k`` is centred on sample ``k * hop``.
"""

from functools import lru_cache

import numpy as np

from pixelmix.types import ComplexArray, FloatArray


@lru_cache(maxsize=16)
def hann(n_fft: int) -> FloatArray:
    """Return the periodic Hann window, ``(n_fft,)``; it is read-only because it is shared."""
    window = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
    window.flags.writeable = False
    return window


def frame(samples: FloatArray, n_fft: int, hop: int) -> FloatArray:
    """View ``(..., samples)`` as every whole frame in it, ``(..., frames, n_fft)``, uncopied."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, n_fft, axis=-1)
    return windows[..., ::hop, :]


def overlap_add(frames: FloatArray, hop: int) -> FloatArray:
    """Sum ``(..., frames, n_fft)`` at distance `hop` into ``(..., samples)``.

    The result has ``(frames - 1 + ceil(n_fft / hop)) * hop`` samples.
    """
    *lead, count, n_fft = frames.shape
    parts = -(-n_fft // hop)
    out = np.zeros((*lead, count - 1 + parts, hop), dtype=np.float32)
    for part in range(parts):
        piece = frames[..., part * hop : (part + 1) * hop]
        out[..., part : part + count, : piece.shape[-1]] += piece
    return out.reshape(*lead, -1)


def stft(samples: FloatArray, n_fft: int, hop: int) -> ComplexArray:
    """Transform ``(..., samples)`` into ``(..., bins, frames)``, ``samples // hop + 1`` frames.

    Both ends are padded with ``n_fft // 2`` reflected samples; a signal too short to be
    reflected is padded with zeros.
    """
    half = n_fft // 2
    padding = [(0, 0)] * (samples.ndim - 1) + [(half, half)]
    values = np.asarray(samples, dtype=np.float32)
    if values.shape[-1] > half:
        padded = np.pad(values, padding, mode="reflect")
    else:
        padded = np.pad(values, padding)
    return np.swapaxes(rfft(frame(padded, n_fft, hop) * hann(n_fft)), -1, -2)


def istft(spectrum: ComplexArray, n_fft: int, hop: int, length: int) -> FloatArray:
    """Invert `stft`: ``(..., bins, frames)`` into ``(..., length)`` by least squares.

    Overlap-add with the analysis window again, divided by the summed squared window
    (Griffin and Lim, 1984). Samples that no frame reaches are zero.
    """
    window = hann(n_fft)
    frames = irfft(np.swapaxes(spectrum, -1, -2), n_fft)
    frames *= window
    total = overlap_add(frames, hop)
    weight = overlap_add(np.broadcast_to(window * window, frames.shape[-2:]), hop)
    half = n_fft // 2
    total, weight = total[..., half : half + length], weight[half : half + length]
    out = np.zeros((*total.shape[:-1], length), dtype=np.float32)
    reached = np.broadcast_to(weight > 1e-8, total.shape)
    np.divide(total, weight, out=out[..., : total.shape[-1]], where=reached)
    return out


def rfft(frames: FloatArray) -> ComplexArray:
    """Return the spectrum ``(..., bins)`` of windowed frames ``(..., n_fft)``; spoils them."""
    # Loaded here, in the thread that needs it: a tenth of a second that other stages use.
    import scipy.fft

    spectrum: ComplexArray = scipy.fft.rfft(frames, axis=-1, overwrite_x=True, workers=1)
    return spectrum


def irfft(spectrum: ComplexArray, n_fft: int) -> FloatArray:
    """Return the frames ``(..., n_fft)`` of a spectrum ``(..., bins)``; may spoil it."""
    import scipy.fft

    frames: FloatArray = scipy.fft.irfft(spectrum, n_fft, axis=-1, workers=1)
    return frames
