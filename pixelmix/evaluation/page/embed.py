"""Pictures and sounds as data URIs: the page carries all it shows."""

import base64
import io
import math
import wave

import numpy as np
from PIL import Image

from pixelmix.dsp.stft import stft
from pixelmix.dsp.warp import warp_matrix
from pixelmix.evaluation.page.colours import grey, heat
from pixelmix.types import ByteArray, FloatArray, FrontEnd

RANGE = 70.0
"""dB between the darkest and the brightest colour of a spectrogram."""

_WARP_BASE = 21.0
"""Of the frequency axis: that of the published code, on which its masks lie too."""
_ROWS, _COLUMNS = 160, 256
_FINE = 4
"""Lines per row: a row shows the loudest of them, so that thin partials do not vanish."""
_WINDOW_SECONDS = 0.09
_LEVELS = 64
_PICTURE_SIDE = 320
_FULL_SCALE = 32767
_SILENCE = 1e-30


def spectrogram(samples: FloatArray, rate: int) -> FloatArray:
    """Return the magnitudes ``(rows, frames)`` of ``(samples,)``, low rows first.

    About as many frames for any length, rows at log-like distances (`row_of`).
    """
    fe = FrontEnd(
        rate=rate,
        window_samples=len(samples),
        n_fft=1 << round(math.log2(_WINDOW_SECONDS * rate)),
        hop=max(1, -(-len(samples) // _COLUMNS)),
        rows=_ROWS * _FINE,
        warp_base=_WARP_BASE,
        log_floor=0.0,
    )
    lines = warp_matrix(fe) @ np.abs(stft(samples, fe.n_fft, fe.hop))
    rows: FloatArray = lines.reshape(_ROWS, _FINE, -1).max(axis=1)
    return rows


def row_of(hertz: float, rate: int) -> float:
    """Return where a frequency lies on the picture's height: 0 the bottom, 1 the top."""
    return math.log1p(2 * hertz / rate * (_WARP_BASE - 1)) / math.log(_WARP_BASE)


def spectrogram_uri(magnitude: FloatArray, loudest: float) -> str:
    """Return a picture of ``(rows, frames)`` magnitudes, low rows at the bottom.

    `loudest` is the magnitude of the brightest colour; the darkest lies `RANGE` dB below.
    """
    floor = 10.0 ** (-RANGE / 20.0)
    ratio = magnitude / max(loudest, _SILENCE)
    return _png(1.0 + np.log10(np.maximum(ratio, floor)) * 20.0 / RANGE, heat(_LEVELS))


def mask_uri(mask: FloatArray) -> str:
    """Return a picture of a mask ``(rows, frames)``: 0 black, 1 white, low rows at the bottom."""
    return _png(np.clip(mask, 0.0, 1.0), grey(_LEVELS))


def scale_uri() -> str:
    """Return the colours of a spectrogram from the quietest to the loudest, left to right."""
    return _png(np.linspace(0.0, 1.0, _LEVELS, dtype=np.float32)[None], heat(_LEVELS))


def picture_uri(picture: ByteArray) -> str:
    """Return a picture ``(height, width, 3)`` as a JPEG no larger than the page shows it."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return _uri("image/jpeg", buffer)


def sound_uri(samples: FloatArray, rate: int, gain: float = 1.0) -> str:
    """Return ``(samples,)`` times `gain` as a 16-bit WAV file; what passes full scale is cut."""
    levels = np.clip(np.round(samples * (gain * _FULL_SCALE)), -_FULL_SCALE, _FULL_SCALE)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(levels.astype("<i2").tobytes())
    return _uri("audio/wav", buffer)


def _png(levels: FloatArray, palette: ByteArray) -> str:
    """Return values 0..1, ``(rows, cols)``, first row at the bottom, in the palette's colours."""
    indices = np.round(levels[::-1] * (len(palette) - 1)).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(indices))
    image.putpalette(palette.tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return _uri("image/png", buffer)


def _uri(kind: str, buffer: io.BytesIO) -> str:
    return f"data:{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
