"""What happens to full-band stereo sound, and which choices about masks are worth making.

    python benchmarks/fullband.py DATA [--mixes 16] [--seconds 18] [--seed 0] [--model default]
                                  [--stage panned|close|middle|room]

``DATA`` holds ``solos.csv`` and ``pictures.csv`` (columns ``path``, ``class`` and ``split``) and
the files that they name: solo sounds with their full band, and pictures of the same classes. Of
the split ``val`` two sounds of different classes are set on a stage: ``panned`` to the left and
right (7.7 dB between the channels), ``close`` to each other (3 dB), both in the ``middle``, or in
a ``room`` before two microphones (20 cm apart, 34 degrees to either side, reverberation of 0.4 s
and 3 dB below the direct sound). They are added at equal power, and shown as two pictures side by
side with a box for each.
The networks run once for a mixture; every choice is then applied to their masks.

Printed are, over all stems of all mixtures, SI-SDR (Le Roux et al., 2019) of the whole band and of
the model's band, as stems and as remixes in which the other source is muted; how far the position
of the source that stays moves; and the gain of other masks over those that are shipped.

Needs ``pip install -e '.[bench]'``.
"""

import argparse
import csv
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from scipy.signal import fftconvolve
from score import BOXES, SIDE, interval, read_picture

from pixelmix.dsp.warp import HighBand
from pixelmix.hearing import Source
from pixelmix.media.mono import read_mono
from pixelmix.media.probe import probe
from pixelmix.mix.apply import StemSynthesizer
from pixelmix.mix.blend import REST_MASK, MaskBlender, compete
from pixelmix.mix.divide import divide
from pixelmix.mix.panning import panned
from pixelmix.mix.phases import phased
from pixelmix.mix.plan import Spectrogram, Window, spectrogram
from pixelmix.mix.refine import refine
from pixelmix.model.bundle import find_bundle, load_bundle
from pixelmix.model.session import Networks
from pixelmix.regions.parse import parse_region, resolve
from pixelmix.stems import StemStream
from pixelmix.types import FloatArray, FrontEnd, MediaInfo, Region

Array = npt.NDArray[np.float64]
Stage = Callable[[Array, np.random.Generator], Array]
"""From sources ``(sources, samples)`` to what each gives to the channels ``(sources, channels,
samples)``."""
Masks = Callable[[FloatArray, Spectrogram, FrontEnd], FloatArray]
"""From the networks' masks ``(regions, rows, frames)`` of a window and what they heard to the masks
that are laid over the sound."""
RATE = 48_000
RMS = 0.035
"""Of each source, over both channels."""
ANGLE, SPACING, REVERBERATION, DIRECT_DB = 0.6, 0.2, 0.4, 3.0
"""Of the room: radians to either side, metres, seconds, and direct over reverberant sound."""


@dataclass(frozen=True)
class Mixture:
    """Two sources in a video."""

    names: tuple[str, str]
    mono: Array
    """(sources, samples), what is set on the stage."""
    truth: Array
    """(sources, channels, samples)."""
    windows: Sequence[tuple[FloatArray, Spectrogram]]
    """The networks' masks and what they heard."""

    @property
    def samples(self) -> FloatArray:
        """(channels, samples), the sum."""
        return self.truth.sum(axis=0).astype(np.float32)


class Listening(StemStream):
    """Keeps the networks' masks of every window."""

    def __init__(
        self, source: Source, info: MediaInfo, regions: Sequence[Region], networks: Networks
    ) -> None:
        super().__init__(source, info, regions, networks)
        self.seen: list[tuple[FloatArray, Spectrogram]] = []

    def _masks(self, window: Window, vectors: FloatArray) -> FloatArray:
        networks = self._networks
        heard = spectrogram(networks.bundle.front_end, window.samples)
        components = networks.components(heard.log_magnitude)
        masks = networks.bundle.cut(networks.masks(vectors, components)[0])
        self.seen.append((masks, heard))
        return masks


def rows_of(table: Path) -> dict[str, list[Path]]:
    """Return the files of the split ``val`` by class."""
    found: dict[str, list[Path]] = {}
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["split"] == "val":
                found.setdefault(row["class"], []).append(table.parent / row["path"])
    return found


def panned_by(decibels: float) -> Stage:
    """Put the sources left and right with this difference between the channels."""
    angle = np.arctan(10 ** (-decibels / 20))
    gains = np.array([[np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return lambda mono, _random: gains[:, :, None] * mono[:, None]


def in_a_room(mono: Array, random: np.random.Generator) -> Array:
    """Put the sources before two microphones: direct sound, six reflections, a decaying tail."""
    return np.stack(
        [
            np.stack([fftconvolve(sound, way)[: len(sound)] for way in ways(angle, random)])
            for sound, angle in zip(mono, (-ANGLE, ANGLE), strict=True)
        ]
    )


def ways(angle: float, random: np.random.Generator) -> Array:
    """Return the impulse responses ``(channels, samples)`` of one place in the room."""
    length = round(REVERBERATION * RATE)
    tail = random.standard_normal((2, length)) * np.exp(-6.9 * np.arange(length) / length)
    direct = round(0.006 * RATE)
    tail[:, : direct + 100] = 0
    tail *= 10 ** (-DIRECT_DB / 20) / np.sqrt(np.square(tail).sum(axis=1, keepdims=True))
    late = np.sin(angle) * SPACING / 343 * RATE / 2
    for channel, side in enumerate((-1, 1)):
        tail[channel, direct + round(side * late)] += 10 ** (-side * 3 * np.sin(angle) / 20)
        for _ in range(6):
            sign = random.choice([-1, 1])
            tail[channel, direct + random.integers(100, 2_000)] += 0.3 * sign * random.random()
    return tail


STAGES: dict[str, Stage] = {
    "panned": panned_by(20 * np.log10(1 / np.tan(np.pi / 8))),
    "close": panned_by(3.0),
    "middle": panned_by(0.0),
    "room": in_a_room,
}


def mixtures(
    data: Path, networks: Networks, count: int, seconds: float, seed: int, stage: Stage
) -> Iterator[Mixture]:
    """Draw mixtures, the same for the same seed, and hear each with the networks."""
    sounds, pictures = rows_of(data / "solos.csv"), rows_of(data / "pictures.csv")
    classes = sorted(set(sounds) & set(pictures))
    random = np.random.default_rng(seed)
    for _ in range(count):
        pair = [classes[i] for i in random.choice(len(classes), 2, replace=False)]
        mono = np.stack([excerpt(random, sounds[name], seconds) for name in pair])
        shown = [pictures[name][random.integers(len(pictures[name]))] for name in pair]
        truth = stage(mono, random)
        truth *= RMS / np.sqrt(np.square(truth).mean(axis=(1, 2), keepdims=True))
        mixture = Mixture((pair[0], pair[1]), mono, truth, ())
        yield replace(mixture, windows=hear(mixture, shown, networks))


def excerpt(random: np.random.Generator, files: Sequence[Path], seconds: float) -> Array:
    """Return ``(samples,)`` of one of the sounds, RMS 0.05."""
    sound = read_mono(files[random.integers(len(files))], RATE).astype(np.float64)
    length = round(seconds * RATE)
    start = random.integers(max(len(sound) - length, 1))
    part = np.zeros(length)
    part[: len(sound[start : start + length])] = sound[start : start + length]
    return part * (0.05 / np.sqrt(np.mean(part * part)))


def hear(
    mixture: Mixture, pictures: Sequence[Path], networks: Networks
) -> Sequence[tuple[FloatArray, Spectrogram]]:
    """Make the video and run the networks over it."""
    with tempfile.TemporaryDirectory() as folder:
        video = Path(folder) / "pair.mkv"
        write_video(video, pictures, mixture.samples)
        info = probe(video)
        regions = resolve([parse_region(b) for b in BOXES], info.video.width, info.video.height)
        with Listening(Source(video), info, regions, networks) as stream:
            for _ in stream:
                pass
    return stream.seen


def write_video(target: Path, pictures: Sequence[Path], samples: FloatArray) -> None:
    """Write two pictures side by side with lossless sound."""
    halves = np.hstack([read_picture(path) for path in pictures])
    with av.open(str(target), "w") as output:
        video = output.add_stream("libx264", rate=1, options={"crf": "12", "g": "1"})
        video.width, video.height, video.pix_fmt = 2 * SIDE, SIDE, "yuv420p"
        audio = output.add_stream("pcm_f32le", rate=RATE, layout="stereo")
        for _ in range(samples.shape[1] // RATE + 1):
            output.mux(video.encode(av.VideoFrame.from_ndarray(halves, "rgb24")))
        packed = np.ascontiguousarray(samples.T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, "flt", "stereo")
        frame.sample_rate, frame.pts = RATE, 0
        output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
        output.mux(video.encode(None))


def stems_of(fe: FrontEnd, mixture: Mixture, masks: Masks, highband: HighBand) -> Array:
    """Return the stems ``(regions, channels, samples)``."""
    samples, regions = mixture.samples, len(BOXES)
    synthesizer = StemSynthesizer(fe, RATE, len(samples), regions, highband)
    blender = MaskBlender(fe, regions)
    for made, heard in mixture.windows:
        synthesizer.push_masks(blender.push(masks(made, heard, fe)))
    synthesizer.push_masks(blender.finish())
    synthesizer.push_samples(samples)
    blocks = synthesizer.pull() + synthesizer.finish()
    return np.concatenate([block.stems for block in blocks], axis=-1).astype(np.float64)


def si_sdr(estimate: Array, truth: Array) -> float:
    """Return the scale-invariant signal-to-distortion ratio over all channels, dB."""
    e, t = estimate.ravel(), truth.ravel()
    target = t * (e @ t / (t @ t))
    noise = e - target
    return float(10 * np.log10((target @ target) / (noise @ noise)))


def below(samples: Array, hertz: float) -> Array:
    """Return what lies below a frequency."""
    spectrum = np.fft.rfft(samples)
    spectrum[..., np.fft.rfftfreq(samples.shape[-1], 1 / RATE) > hertz] = 0
    return np.fft.irfft(spectrum, samples.shape[-1])


def position(sound: Array, mono: Array, source: int) -> float:
    """Return the level difference of the channels (first over second) of one source in it, dB.

    Each channel is fitted with both sources (least squares), so that what is left of the other
    one does not count.
    """
    gains = np.linalg.lstsq(mono.T, sound.T, rcond=None)[0][source]
    return float(20 * np.log10(abs(gains[0] / gains[1])))


def sharpened(power: float) -> Masks:
    """Compete with another exponent."""

    def masks(made: FloatArray, heard: Spectrogram, fe: FrontEnd) -> FloatArray:
        strength = made**power
        shares = strength / (strength.sum(axis=0) + REST_MASK**power)
        notes = refine(shares.astype(np.float32), heard.magnitude)
        return panned(phased(notes, heard.spectra, fe), heard.channels)

    return masks


VARIANTS: dict[str, Masks] = {
    "as they are shipped": divide,
    "without levels": lambda made, heard, fe: phased(
        refine(compete(made), heard.magnitude), heard.spectra, fe
    ),
    "without phases": lambda made, heard, _: panned(
        refine(compete(made), heard.magnitude), heard.channels
    ),
    "without either: as in mono": lambda made, heard, _: refine(compete(made), heard.magnitude),
    "without notes, as well: only competing": lambda made, _heard, _fe: compete(made),
    "power 1 instead of 1.5": sharpened(1.0),
    "power 2": sharpened(2.0),
}


@dataclass(frozen=True)
class Measured:
    """One stem of one mixture under one choice, dB."""

    stem: float
    stem_in_band: float
    remix: float
    remix_in_band: float
    moved: float
    """How far the source that stays moves between the channels."""


def measure(mixture: Mixture, stems: Array, fe: FrontEnd) -> Iterator[Measured]:
    """Measure both stems, and for each the remix without the other one."""
    band, truth, mix = fe.rate / 2, mixture.truth, mixture.samples.astype(np.float64)
    for i in range(2):
        left = mix - stems[1 - i]
        moved = position(left, mixture.mono, i) - position(mix, mixture.mono, i)
        low = below(truth[i], band)
        yield Measured(
            si_sdr(stems[i], truth[i]),
            si_sdr(below(stems[i], band), low),
            si_sdr(left, truth[i]),
            si_sdr(below(left, band), low),
            abs(moved),
        )


def error_above(mixture: Mixture, stems: Array, hertz: float) -> float:
    """Return what is wrong above a frequency in both remixes, against leaving all there, dB."""
    truth = mixture.truth - below(mixture.truth, hertz)
    wrong = truth[::-1] - (stems - below(stems, hertz))[::-1]
    return float(10 * np.log10(np.sum(wrong**2) / np.sum(truth**2)))


def described(values: Sequence[float]) -> str:
    """Return a mean with its interval."""
    mean, low, high = interval(values)
    return f"{mean:6.2f} [{low:5.2f}, {high:5.2f}]"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--mixes", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=18.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stage", choices=tuple(STAGES), default="panned")
    options = parser.parse_args()
    bands: dict[HighBand, list[Measured]] = {"follow": [], "keep": []}
    gains: dict[str, list[float]] = {name: [] for name in VARIANTS}
    mixed: list[float] = []
    high: list[float] = []
    errors: dict[HighBand, list[float]] = {"follow": [], "keep": []}
    with Networks.open(load_bundle(find_bundle(options.model)), threads=1) as networks:
        fe = networks.bundle.front_end
        for mixture in mixtures(
            options.data,
            networks,
            options.mixes,
            options.seconds,
            options.seed,
            STAGES[options.stage],
        ):
            samples, truth = mixture.samples, mixture.truth
            mixed += [si_sdr(samples.astype(np.float64), part) for part in truth]
            high += [1 - np.sum(below(m, fe.rate / 2) ** 2) / np.sum(m**2) for m in mixture.mono]
            for highband in bands:
                stems = stems_of(fe, mixture, divide, highband)
                bands[highband] += measure(mixture, stems, fe)
                errors[highband].append(error_above(mixture, stems, fe.rate / 2))
            for name, masks in VARIANTS.items():
                stems = stems_of(fe, mixture, masks, "follow")
                gains[name] += [si_sdr(stem, part) for stem, part in zip(stems, truth, strict=True)]
    print(f"\n{options.mixes} mixtures, {len(mixed)} stems; SI-SDR, dB, mean [95 % interval]")
    print(f"mixture                 {described(mixed)}")
    print(f"energy above the band: median {np.median(high):.2%}, most {max(high):.1%}")
    for highband, found in bands.items():
        rows = {
            "stem, whole band": [m.stem for m in found],
            "stem, model's band": [m.stem_in_band for m in found],
            "difference": [m.stem - m.stem_in_band for m in found],
            "remix, whole band": [m.remix for m in found],
            "remix, model's band": [m.remix_in_band for m in found],
            "difference ": [m.remix - m.remix_in_band for m in found],
        }
        print(f"--highband {highband}")
        for name, values in rows.items():
            print(f"  {name:<22}{described(values)}  least {min(values):6.2f}")
        print(f"  error above the band  {described(errors[highband])} of that of `keep`")
        print(f"  position moves by at most {max(m.moved for m in found):.3f} dB")
    print("masks: SI-SDR of stems, whole band, and the gain over the shipped ones")
    base = np.array(gains["as they are shipped"])
    for name, values in gains.items():
        print(f"  {name:<40}{described(values)}  {described(list(np.array(values) - base))}")


if __name__ == "__main__":
    main()
