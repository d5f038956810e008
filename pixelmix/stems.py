"""A file's sound, separated by places in its picture."""

from collections.abc import Iterator, Sequence

import numpy as np

from pixelmix.ahead import Ahead
from pixelmix.closing import Closing
from pixelmix.dsp.warp import HighBand
from pixelmix.errors import UsageError
from pixelmix.hearing import BLOCKS_AHEAD, Damage, Hearing, Progress, Source
from pixelmix.mix.apply import StemSynthesizer
from pixelmix.mix.blend import MaskBlender
from pixelmix.mix.divide import divide
from pixelmix.mix.meter import Meter
from pixelmix.mix.plan import Window, spectrogram
from pixelmix.model.session import Networks
from pixelmix.regions.cells import pool, region_cells
from pixelmix.types import FloatArray, MediaInfo, Region, StemBlock
from pixelmix.watch import Watch


class StemStream(Closing):
    """A file's sound as blocks of stems, window by window; memory does not grow with length."""

    def __init__(
        self,
        source: Source,
        info: MediaInfo,
        regions: Sequence[Region],
        networks: Networks,
        progress: Progress | None = None,
        highband: HighBand = "follow",
    ) -> None:
        if not regions:
            raise UsageError("no place was given; point at the sound with --point or --region")
        self._networks = networks
        self._regions = regions
        self._highband: HighBand = highband
        self._video = info.video
        self._hearing = Hearing(source, info, networks.bundle.front_end, progress)
        self.audio = self._hearing.audio
        # Regions that were found say themselves what they look like.
        described = all(region.feature is not None for region in regions)
        self._watch = None if described else Watch(info, networks)
        self._looked = Ahead(self._look(), BLOCKS_AHEAD)
        self._masked = Ahead(self._mask(), BLOCKS_AHEAD)
        self.meter = Meter(len(regions))
        self.first_sample = self._hearing.first_sample
        """Samples from the start of the file to the first one that is handed out."""

    def close(self) -> None:
        """Close the file; what was measured stays."""
        self._masked.close()
        self._looked.close()
        self._hearing.close()
        if self._watch:
            self._watch.close()

    @property
    def damage(self) -> Damage:
        """What was wrong with the sound so far."""
        return self._hearing.damage

    @property
    def seconds(self) -> float:
        """Length of the sound so far."""
        return self._hearing.seconds

    @property
    def windows(self) -> int:
        """Windows of the model so far."""
        return self._hearing.windows

    def __iter__(self) -> Iterator[StemBlock]:
        """Yield blocks of stems from the first sample to the last."""
        fe, audio = self._networks.bundle.front_end, self.audio
        blender = MaskBlender(fe, len(self._regions))
        stems = StemSynthesizer(fe, audio.rate, audio.channels, len(self._regions), self._highband)
        for samples, masks in self._masked:
            stems.push_samples(samples)
            for window in masks:
                stems.push_masks(blender.push(window))
            yield from self._measured(stems.pull())
        stems.push_masks(blender.finish())
        self.close()
        yield from self._measured(stems.finish())

    def _measured(self, blocks: Sequence[StemBlock]) -> Iterator[StemBlock]:
        for block in blocks:
            self.meter.add(block)
            yield block

    def _look(self) -> Iterator[tuple[FloatArray, Sequence[tuple[Window, FloatArray]]]]:
        """Yield blocks of sound and the windows they complete, with what the regions look like."""
        for samples, windows in self._hearing:
            yield samples, [(window, self._vectors(window.index)) for window in windows]

    def _mask(self) -> Iterator[tuple[FloatArray, Sequence[FloatArray]]]:
        """Yield blocks of sound and how the regions divide the windows they complete."""
        for samples, windows in self._looked:
            yield samples, [self._masks(window, vectors) for window, vectors in windows]

    def _masks(self, window: Window, vectors: FloatArray) -> FloatArray:
        """Return the masks ``(regions, rows, frames)`` that a window is divided by."""
        bundle = self._networks.bundle
        heard = spectrogram(bundle.front_end, window.samples)
        components = self._networks.components(heard.log_magnitude)
        masks = bundle.cut(self._networks.masks(vectors, components)[0])
        self.meter.add_masks(masks, heard.magnitude)
        return divide(masks, heard, bundle.front_end)

    def _vectors(self, index: int) -> FloatArray:
        """Return what each region's mask is made of in a window, ``(regions, k)``."""
        seen = self._watch.features(index, self.audio.start) if self._watch else None
        return np.stack([self._vector(region, seen) for region in self._regions])

    def _vector(self, region: Region, seen: FloatArray | None) -> FloatArray:
        if region.feature is not None or seen is None:
            return np.array(region.feature, np.float32)
        size = (self._video.width, self._video.height, *seen.shape[2:])
        return pool(seen, region_cells(region.box, *size))
