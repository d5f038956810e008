"""The values that flow through pixelmix, all frozen.

Axis names used in every docstring: ``channels, samples, bins, frames, rows, cols, regions, k,
windows``. ``bins`` are linear STFT frequencies, ``rows`` are the network's (log-)frequency rows,
``frames`` are STFT columns; pictures are ``(height, width, 3)``. Rates are in Hz, times in
seconds, levels in dB where the name says so. Samples are float32, full scale 1.0.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
ComplexArray = npt.NDArray[np.complex64]
ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """What lies between samples and the audio network's input (read from the bundle)."""

    rate: int
    """Sampling rate of the model, Hz."""
    window_samples: int
    """Samples in one window."""
    n_fft: int
    """FFT length; the STFT has ``n_fft // 2 + 1`` bins."""
    hop: int
    """Samples between two STFT frames."""
    rows: int
    """Frequency rows the network sees."""
    warp_base: float | None
    """Base of the log-frequency warp; ``None`` keeps frequency linear."""
    log_floor: float
    """Added to the magnitude before the natural logarithm."""

    @property
    def bins(self) -> int:
        """Linear frequency bins of the STFT."""
        return self.n_fft // 2 + 1

    @property
    def frames(self) -> int:
        """STFT frames of one window (centred, reflect-padded)."""
        return self.window_samples // self.hop + 1

    @property
    def hop_frames(self) -> int:
        """Frames between the starts of two windows: half a window, so windows overlap by half."""
        return self.frames // 2

    @property
    def hop_samples(self) -> int:
        """Samples between the starts of two windows."""
        return self.hop_frames * self.hop


@dataclass(frozen=True, slots=True)
class Vision:
    """How pictures are prepared for the vision network (read from the bundle)."""

    short_side: int
    """Pixels of the picture's short side at the network's input."""
    stride: int
    """Input pixels per feature cell."""
    mean: tuple[float, float, float]
    """Subtracted from RGB in 0..1."""
    std: tuple[float, float, float]
    """Divides after the mean is subtracted."""
    frames_per_window: int
    """Pictures that one audio window looks at."""
    frame_spacing: float
    """Seconds between them; they are centred on the window."""


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One audio stream of a media file."""

    index: int
    """Stream index in the container."""
    codec: str
    rate: int
    channels: int
    layout: str
    """FFmpeg's name of the channel layout, such as ``stereo`` or ``5.1``."""
    bit_rate: int | None
    """Bits per second, where the file states it."""
    start: float
    """Time of the first sample on the container's clock, seconds."""
    duration: float | None
    """Seconds, where the file states it."""
    language: str | None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The video stream that a player shows."""

    index: int
    """Stream index in the container."""
    codec: str
    width: int
    """Width as a player shows it: rotation and sample aspect ratio applied, pixels."""
    height: int
    """Height as a player shows it, pixels."""
    rotation: int
    """Degrees anticlockwise that turn the coded picture upright: 0, 90, 180 or 270."""
    sample_aspect: Fraction
    start: float
    duration: float | None
    fps: float | None


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What `media.probe` found: enough to plan any command."""

    path: Path
    format: str
    """FFmpeg's name of the demuxer, such as ``mov,mp4,m4a,3gp,3g2,mj2``."""
    duration: float | None
    """Seconds, where the file states it."""
    video: VideoTrack
    audio: AudioTrack
    start: float = 0.0
    """Time at which the file begins, seconds on the container's clock."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture as a player shows it, resized for the network."""

    time: float
    """Presentation time on the container's clock, seconds."""
    rgb: ByteArray
    """(height, width, 3), 0..255."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the displayed picture, pixels; ``x, y`` is its top-left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def sides(self) -> tuple[float, float, float, float]:
        """``x, y, width, height``."""
        return self.x, self.y, self.width, self.height


@dataclass(frozen=True, slots=True)
class Region:
    """A named part of the picture whose sound is wanted."""

    name: str
    box: Box
    feature: tuple[float, ...] | None = None
    """(k,) what its mask is made of; None looks into the box, window by window."""


@dataclass(frozen=True, slots=True)
class FoundRegion:
    """A sounding region that was found, not pointed at."""

    region: Region
    """Its box is around all its places."""
    places: tuple[Box, ...]
    """Where it is seen, from left to right; what stands in several sounds alike."""
    share: float
    """Part of the sound's energy, 0 to 1."""
    confidence: float
    """How decided its mask was, 0 to 1."""
    spans: tuple[tuple[float, float], ...]
    """When it sounds: from and to, seconds from the start of the file."""
    colour: str
    """Of its label, ``#rrggbb``."""


@dataclass(frozen=True, slots=True)
class GainSpan:
    """A gain that holds during one span of time."""

    gain: float
    """Linear."""
    start: float
    """Seconds from the start of the input."""
    end: float
    """Seconds; ``math.inf`` when it holds to the end."""


@dataclass(frozen=True, slots=True)
class Gain:
    """How loud one region (or ``rest``) is made: a base and the spans that override it."""

    name: str
    base: float
    """Linear gain outside all spans."""
    spans: tuple[GainSpan, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class StemBlock:
    """A stretch of the original and of what each region contributes to it, sample-aligned."""

    samples: FloatArray
    """(channels, samples), the original."""
    stems: FloatArray
    """(regions, channels, samples)."""

    @property
    def rest(self) -> FloatArray:
        """(channels, samples): the original minus all stems, what no region claims."""
        left: FloatArray = self.samples - self.stems.sum(axis=0)
        return left
