"""Reading one source: its sound as 16-bit mono samples, its pictures as small JPEG files.

Whatever cannot be learnt from - damaged, silent, too short - is refused with the reason, never
replaced by zeros.
"""

import io
import math
import re
import struct
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from pixelmix.data.dataset import Int16Array
from pixelmix.data.items import Item, Options, Pair, Photo, Solo, Video
from pixelmix.dsp.resample import Resampler
from pixelmix.errors import InputError
from pixelmix.media.audio import AudioReader
from pixelmix.media.frames import PictureReader, picture_size
from pixelmix.media.mono import read_mono
from pixelmix.media.probe import probe
from pixelmix.types import ByteArray, FloatArray, MediaInfo

SHORTEST = 5.9
"""Seconds. One window of the published front end lasts 5.94 s; what was cut to that length and
encoded may have lost a packet. The published code repeats shorter sounds, which teaches that
music comes in loops."""
QUIETEST = -50.0
"""RMS of a whole sound, dB below full scale, under which it counts as silent."""
_MOST_BRIDGED = 0.01
"""Share of a video's sound that may be silence in place of damaged packets."""
_SECONDS_OFF = 0.5
"""A sound may differ from its stated length by this much; more means that part of it is lost."""
_STALE = 2.0
"""Seconds after which a picture that has not changed shows no longer what is heard."""
_MOST_STALE = 0.1
"""Share of a video's pictures that may be older; more means that its picture is damaged."""
_NO_NUMBERS = "its sound holds values that are no numbers"
_QUALITY = 90
_PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
_ON_THEIR_SIDE = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""
_BROKEN_PICTURE = (
    *(OSError, ValueError, SyntaxError, TypeError, struct.error),
    Image.DecompressionBombError,
)
"""What Pillow raises about damaged files."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What a source holds: sound, own pictures or both."""

    samples: Int16Array
    """(samples,); empty for a still picture."""
    pictures: tuple[bytes, ...]
    """JPEG files."""
    frame_rate: float = 0.0
    """Picture ``i`` shows the time ``(i + 0.5) / frame_rate`` of the sound."""

    def save(self, file: Path) -> None:
        """Write all of it to a file."""
        sizes = [len(picture) for picture in self.pictures]
        with file.open("wb") as opened:
            np.savez(
                opened,
                samples=self.samples,
                pictures=np.frombuffer(b"".join(self.pictures), np.uint8),
                sizes=np.array(sizes, np.int64),
                frame_rate=np.float64(self.frame_rate),
            )

    @classmethod
    def load(cls, file: Path) -> "Reading":
        """Return what `save` wrote."""
        with np.load(file, allow_pickle=False) as saved:
            content, sizes = saved["pictures"].tobytes(), saved["sizes"].tolist()
            ends = list(accumulate(sizes))
            pictures = (content[end - size : end] for end, size in zip(ends, sizes, strict=True))
            return cls(saved["samples"], tuple(pictures), float(saved["frame_rate"]))


def read(item: Item, options: Options) -> Reading:
    """Return what an item holds.

    Raises
    ------
    InputError
        If it cannot be used.
    """
    match item:
        case Photo():
            return Reading(np.zeros(0, np.int16), (_small_jpeg(item.path, options.side),))
        case Pair():
            return _read_pair(item, options)
        case Solo():
            return _read_solo(item, options)
        case Video():
            return _read_video(item, options)
    raise TypeError(f"{item!r} is nothing that can be read")


def _read_solo(item: Solo, options: Options) -> Reading:
    wave = read_mono(item.path, options.rate)
    seconds = len(wave) / options.rate
    # Written so that a NaN is refused too.
    if item.seconds is not None and not abs(seconds - item.seconds) <= _SECONDS_OFF:
        raise InputError(
            f"{item.path}: {seconds:.2f} s could be decoded, but the list says "
            f"{item.seconds:.2f} s; it may be cut off"
        )
    return Reading(_checked(item.path, _whole([wave], item.path), options.rate), ())


def _read_pair(item: Pair, options: Options) -> Reading:
    frames = _frames(item.frames)
    if not frames:
        raise InputError(f"{item.path}: there are no pictures in {item.frames}")
    if item.count is not None and len(frames) < item.count:
        raise InputError(
            f"{item.path}: the list says {item.count} pictures, {item.frames} holds {len(frames)}"
        )
    samples = _whole([read_mono(item.path, options.rate)], item.path)
    # What is not seen is not taken, nor what is not heard.
    seconds = min(len(samples) / options.rate, len(frames) / item.frame_rate)
    samples = _checked(item.path, samples[: round(seconds * options.rate)], options.rate)
    wanted = frames[: _pictures_in(seconds, item.frame_rate)]
    pictures = tuple(_small_jpeg(frame, options.side) for frame in wanted)
    return Reading(samples, pictures, item.frame_rate)


def _read_video(item: Video, options: Options) -> Reading:
    info = probe(item.path)
    threads = 0 if options.jobs == 1 else 1
    with PictureReader(info, options.side, tolerance=0.0, multiple=1, threads=threads) as pictures:
        end = _picture_end(info, pictures)
        # What is not seen is not taken.
        length = None if end is None else max(0.0, end - info.video.start)
        with AudioReader(info, info.video.start, length) as audio:
            samples = _whole(_resampled(audio, options.rate), item.path)
            start, bridged = audio.start, audio.bridged_samples / audio.rate
            if audio.bad_samples:
                raise InputError(f"{item.path}: {_NO_NUMBERS}")
        seconds = len(samples) / options.rate
        if bridged > _MOST_BRIDGED * seconds:
            raise InputError(f"{item.path}: {bridged:.1f} s of its sound are damaged or missing")
        samples = _checked(item.path, samples, options.rate)
        times = [
            start + (i + 0.5) / options.frame_rate
            for i in range(_pictures_in(seconds, options.frame_rate))
        ]
        return Reading(samples, _shown(pictures, times, item.path), options.frame_rate)


def _picture_end(info: MediaInfo, pictures: PictureReader) -> float | None:
    """Return when the picture of a video ends, seconds on the container's clock."""
    if info.video.duration is not None:
        return info.video.start + info.video.duration
    if info.duration is None:
        return None
    last = pictures.at(info.start + info.duration).time
    return last + (1 / info.video.fps if info.video.fps else 0.0)


def _shown(pictures: PictureReader, times: list[float], path: Path) -> tuple[bytes, ...]:
    """Return the pictures that a player shows at these times."""
    found: list[bytes] = []
    last: float | None = None
    stale = 0
    for time in times:
        picture = pictures.at(time)
        found.append(found[-1] if picture.time == last else _jpeg(picture.rgb))
        last = picture.time
        stale += abs(time - picture.time) > _STALE
    if stale > _MOST_STALE * len(times):
        raise InputError(
            f"{path}: its picture stands still or is damaged for {stale / len(times):.0%} of it"
        )
    return tuple(found)


def _pictures_in(seconds: float, frame_rate: float) -> int:
    """Return how many ``i`` from 0 on have their ``(i + 0.5) / frame_rate`` inside; at least 1."""
    return max(1, math.ceil(seconds * frame_rate - 0.5))


def _resampled(audio: AudioReader, rate: int) -> Iterator[FloatArray]:
    resampler = Resampler(audio.rate, rate)
    for block in audio:
        yield resampler.push(block.mean(axis=0))
    yield resampler.finish()


def _whole(blocks: Iterable[FloatArray], path: Path) -> Int16Array:
    """Join blocks of samples as 16 bits; what is beyond full scale is clipped."""
    # One growing buffer: parts and their concatenation would be twice the memory.
    whole = bytearray()
    for block in blocks:
        if not np.isfinite(block).all():
            raise InputError(f"{path}: {_NO_NUMBERS}")
        whole += np.clip(np.rint(block * 32768), -32768, 32767).astype(np.int16).tobytes()
    return np.frombuffer(whole, np.int16)


def _checked(path: Path, samples: Int16Array, rate: int) -> Int16Array:
    seconds = len(samples) / rate
    if seconds < SHORTEST:
        raise InputError(
            f"{path}: too short, {seconds:.2f} s; sounds of {SHORTEST} s or more are taken"
        )
    energy = sum(
        float(np.sum(np.square(samples[start : start + rate], dtype=np.float64)))
        for start in range(0, len(samples), rate)
    )
    level = 10 * math.log10(max(energy / len(samples), 1e-9) / 32768**2)
    if level < QUIETEST:
        raise InputError(f"{path}: silent, its level is {level:.0f} dB (RMS of the whole)")
    return samples


def _frames(folder: Path) -> list[Path]:
    """Return the pictures in a folder, those with numbers in the order of their numbers."""
    try:
        found = [file for file in folder.iterdir() if file.suffix.lower() in _PICTURE_SUFFIXES]
    except OSError as error:
        raise InputError(f"{folder}: cannot be read ({error.strerror or error})") from error
    return sorted(found, key=lambda file: _natural(file.name))


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part or 0) if part.isdecimal() else -1, part) for part in re.split(r"(\d+)", name)]


def _small_jpeg(file: Path, side: int) -> bytes:
    """Return a picture file upright, its short side `side` pixels, as a JPEG file."""
    try:
        # What can be decoded at all is taken; damaged tags are none of the user's business.
        with warnings.catch_warnings(action="ignore"), Image.open(file) as opened:
            width, height = picture_size(*opened.size, side, 1)
            # JPEG files decode much faster at half or a quarter of their size.
            opened.draft("RGB", (2 * width, 2 * height))
            turned = opened.getexif().get(Base.Orientation, 1) in _ON_THEIR_SIDE
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except _BROKEN_PICTURE as error:
        raise InputError(f"{file}: cannot be read as a picture ({error})") from error
    size = (height, width) if turned else (width, height)
    return _encoded(picture.resize(size, Image.Resampling.BICUBIC))


def _jpeg(rgb: ByteArray) -> bytes:
    return _encoded(Image.fromarray(rgb))


def _encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
