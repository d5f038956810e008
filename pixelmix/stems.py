"""A file's sound, separated by places in its picture: the stream that every command drinks from."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from pixelmix.dsp.resample import Resampler
from pixelmix.errors import UsageError
from pixelmix.media.audio import AudioReader
from pixelmix.media.frames import PictureReader
from pixelmix.mix.apply import StemSynthesizer
from pixelmix.mix.blend import MaskBlender, compete
from pixelmix.mix.meter import Meter
from pixelmix.mix.plan import Window, WindowBuffer, log_magnitude, picture_times
from pixelmix.model.images import network_input
from pixelmix.model.session import Networks
from pixelmix.regions.cells import pool, region_cells
from pixelmix.types import FloatArray, MediaInfo, Region, StemBlock

Progress = Callable[[float, float | None], None]
"""Called with the seconds of sound done and, where known, their total."""


@dataclass(frozen=True, slots=True)
class Source:
    """What to read: a file, which of its audio tracks, and which part."""

    path: Path
    audio_track: int | None = None
    start: float | None = None
    """Seconds from the start of the file; None from its first sample on."""
    duration: float | None = None
    """Seconds; None to the end."""

    @property
    def whole(self) -> bool:
        """Whether all of the file is wanted."""
        return self.start is None and self.duration is None


@dataclass(frozen=True, slots=True)
class Damage:
    """What was wrong with the sound that was read."""

    corrupt_packets: int
    bridged_seconds: float


class StemStream:
    """A file's sound as blocks of stems, window by window; memory does not grow with length."""

    def __init__(
        self,
        source: Source,
        info: MediaInfo,
        regions: Sequence[Region],
        networks: Networks,
        progress: Progress | None = None,
    ) -> None:
        if not regions:
            raise UsageError("no place was given; point at the sound with --point or --region")
        self._networks = networks
        self._regions = regions
        self._video = info.video
        self._progress = progress
        self._looks: dict[float, _Look] = {}
        start = None if source.whole else info.start + (source.start or 0.0)
        self.audio = AudioReader(info, start, source.duration)
        vision = networks.bundle.vision
        # A key frame up to one spacing old lies within the window all the same, and costs a
        # fraction of decoding up to the very picture.
        self.pictures = PictureReader(info, vision.short_side, tolerance=vision.frame_spacing)
        self.meter = Meter(len(regions))
        self.first_sample = round((self.audio.start - info.start) * self.audio.rate)
        """Samples from the start of the file to the first one that is handed out."""
        known = info.audio.duration or info.duration or math.inf
        wanted = math.inf if source.duration is None else source.duration
        total = min(wanted, known - self.first_sample / self.audio.rate)
        self._total = total if total < math.inf else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was measured stays."""
        self.audio.close()
        self.pictures.close()

    @property
    def damage(self) -> Damage:
        """What was wrong with the sound so far."""
        return Damage(self.audio.corrupt_packets, self.audio.bridged_samples / self.audio.rate)

    def __iter__(self) -> Iterator[StemBlock]:
        """Yield blocks of stems from the first sample to the last."""
        fe, audio = self._networks.bundle.front_end, self.audio
        resampler = Resampler(audio.rate, fe.rate)
        windows = WindowBuffer(fe)
        blender = MaskBlender(fe, len(self._regions))
        stems = StemSynthesizer(fe, audio.rate, audio.channels, len(self._regions))
        for samples in audio:
            stems.push_samples(samples)
            for window in windows.push(resampler.push(samples.mean(axis=0))):
                stems.push_masks(compete(blender.push(self._masks(window))))
            yield from self._measured(stems.pull())
        for window in windows.push(resampler.finish()) + windows.finish():
            stems.push_masks(compete(blender.push(self._masks(window))))
        stems.push_masks(compete(blender.finish()))
        self.close()
        yield from self._measured(stems.finish())

    def _measured(self, blocks: Sequence[StemBlock]) -> Iterator[StemBlock]:
        for block in blocks:
            self.meter.add(block)
            yield block

    def _masks(self, window: Window) -> FloatArray:
        """Return the masks ``(regions, rows, frames)`` of one window."""
        bundle = self._networks.bundle
        times = picture_times(bundle.front_end, bundle.vision, window.index, self.audio.start)
        self._looks = {time: self._look(time) for time in times}
        features = np.concatenate([look.features for look in self._looks.values()])
        size = (self._video.width, self._video.height, *features.shape[2:])
        pooled = [pool(features, region_cells(region.box, *size)) for region in self._regions]
        log_mag = log_magnitude(bundle.front_end, window)
        components = self._networks.components(log_mag)
        masks = bundle.cut(self._networks.masks(np.stack(pooled), components)[0])
        self.meter.add_masks(masks, np.exp(log_mag[0, 0]))
        if self._progress:
            done = (window.start_sample + bundle.front_end.window_samples) / bundle.front_end.rate
            self._progress(done, self._total)
        return masks

    def _look(self, time: float) -> "_Look":
        """Return what is seen at `time`; each picture goes through the network once."""
        if time in self._looks:
            return self._looks[time]
        picture = self.pictures.at(time)
        for look in self._looks.values():
            if look.shown == picture.time:
                return look
        images = network_input(picture.rgb, self._networks.bundle.vision)
        look = _Look(picture.time, self._networks.features(images))
        self._looks[time] = look
        return look


@dataclass(frozen=True, slots=True)
class _Look:
    shown: float
    """Time of the picture itself."""
    features: FloatArray
    """(1, k, rows, cols)"""
