"""What a file shows around each window of its sound, as the vision network describes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pixelmix.closing import Closing
from pixelmix.media.frames import PictureReader
from pixelmix.mix.plan import picture_times
from pixelmix.model.images import network_input
from pixelmix.model.session import Networks
from pixelmix.types import ByteArray, FloatArray, MediaInfo

_CLOSER = 2**0.5
"""Size of the picture of a closer look, times the model's own."""
_MULTIPLE, _LARGEST = 32, 1024
"""It is rounded to it, pixels of the short side; a larger one would take gigabytes."""
_FIRST, _EVERY = 4, 16
"""The first pictures are looked at closely, and then one of so many: it takes twice as long as the
plain look, and players seldom change."""


class Watch(Closing):
    """Looks at the pictures of window after window; each goes through the network once.

    With ``closely``, some pictures go through it larger, too: players who are small in the picture
    are seen there.
    """

    def __init__(self, info: MediaInfo, networks: Networks, *, closely: bool = False) -> None:
        self._networks = networks
        self._looks: dict[float, Look] = {}
        self._looked = 0
        vision = networks.bundle.vision
        side = max(1, round(vision.short_side * _CLOSER / _MULTIPLE)) * _MULTIPLE
        self._closer_side = side if closely and side <= _LARGEST else None
        # A key frame up to one spacing old lies within the window all the same, and costs a
        # fraction of decoding up to the very picture.
        self._pictures = PictureReader(info, vision.short_side, tolerance=vision.frame_spacing)

    def features(self, index: int, audio_start: float) -> FloatArray:
        """Return the features ``(pictures, k, rows, cols)`` of the window with this index.

        ``audio_start`` is when the first window's sound begins, seconds on the container's clock.
        """
        bundle = self._networks.bundle
        times = picture_times(bundle.front_end, bundle.vision, index, audio_start)
        return np.concatenate([look.features for look in self.looks(times)])

    def looks(self, times: Sequence[float]) -> "list[Look]":
        """Return what is seen at ascending times, seconds on the container's clock."""
        found = [self._look(time) for time in times]
        self._looks = dict(zip(times, found, strict=True))
        return found

    def close(self) -> None:
        """Close the file."""
        self._pictures.close()

    def _look(self, time: float) -> "Look":
        if time in self._looks:
            return self._looks[time]
        picture = self._pictures.at(time)
        for look in self._looks.values():
            if look.shown == picture.time:
                return look
        look = Look(picture.time, self._seen(picture.rgb), self._closer_look())
        self._looks[time] = look
        return look

    def _closer_look(self) -> FloatArray | None:
        """Look again at the picture that was asked for last, if it is its turn."""
        count = self._looked
        self._looked += 1
        if self._closer_side is None or (count >= _FIRST and count % _EVERY):
            return None
        return self._seen(self._pictures.again(self._closer_side))

    def _seen(self, rgb: ByteArray) -> FloatArray:
        return self._networks.features(network_input(rgb, self._networks.bundle.vision))


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One picture, as the vision network describes it."""

    shown: float
    """Time of the picture itself."""
    features: FloatArray
    """(1, k, rows, cols)"""
    closer: FloatArray | None
    """The same of a larger picture, with more cells; None of most."""
