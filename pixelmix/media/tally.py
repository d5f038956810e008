"""Streams as lists of packets, to be compared: what is in them, and when."""

import hashlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from av.bitstream import BitStreamFilterContext

from pixelmix.media.pyav import AnyPacket

_NONE = -(2**63)
"""FFmpeg's AV_NOPTS_VALUE."""
_BYTES = 8
"""Of a packet's digest: enough to tell packets of a file apart, and memory stays small."""

Times = npt.NDArray[np.float64]


@dataclass(slots=True)
class Tally:
    """The packets of one stream, 24 bytes each."""

    tick: Fraction
    content: "array[int]" = field(default_factory=lambda: array("Q"))
    shown: "array[int]" = field(default_factory=lambda: array("q"))
    decoded: "array[int]" = field(default_factory=lambda: array("q"))
    whole: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, packet: AnyPacket, data: bytes) -> None:
        """Count a packet whose content is `data`."""
        digest = hashlib.blake2b(data, digest_size=_BYTES).digest()
        self.content.append(int.from_bytes(digest, "big"))
        self.shown.append(_NONE if packet.pts is None else packet.pts)
        self.decoded.append(_NONE if packet.dts is None else packet.dts)
        self.whole.update(data)

    @property
    def same_bytes(self) -> bytes:
        """A digest of all content together, however it is cut into packets."""
        return self.whole.digest()


def tally(
    packets: Iterable[AnyPacket], filters: dict[int, BitStreamFilterContext]
) -> dict[int, Tally]:
    """Count packets by the index of their stream.

    `filters` take off what containers wrap around a stream's packets, where the containers that
    are compared do it in different ways.
    """
    found: dict[int, Tally] = {}
    for packet in packets:
        if not packet.size:
            continue
        index = packet.stream_index
        counted = found.setdefault(index, Tally(packet.time_base))
        if index in filters:
            # The filter takes the packet's content with it.
            pts, dts = packet.pts, packet.dts
            data = b"".join(bytes(made) for made in filters[index].filter(packet))
            packet.pts, packet.dts = pts, dts
        else:
            data = bytes(packet)
        counted.add(packet, data)
    return found


def times(old: Tally, new: Tally, *, decoded: bool) -> tuple[Times, Times, bool]:
    """Return the times of two streams' packets, seconds, and whether they are those of display.

    Some containers tell only when packets are decoded; `decoded` asks for that.
    """
    shown = not decoded and _NONE not in old.shown and _NONE not in new.shown
    pairs = [(one.shown if shown else one.decoded, one.tick) for one in (old, new)]
    before, after = (
        np.multiply(np.frombuffer(ticks, np.int64), float(tick), dtype=np.float64)
        for ticks, tick in pairs
    )
    return before, after, shown
