"""What every command that separates does first, and what it says afterwards."""

import ctypes
import sys
from collections.abc import Sequence
from typing import Protocol

from pixelmix import __version__
from pixelmix.cli.batch import Document
from pixelmix.cli.console import Console, JsonValue
from pixelmix.hearing import Damage
from pixelmix.media.rewrite import Rewritten
from pixelmix.mix.meter import Level
from pixelmix.model.session import Networks, open_model, usable_cores
from pixelmix.regions.parse import PlaceSpec, parse_point, parse_region
from pixelmix.types import MediaInfo


def places(points: Sequence[str] | None, boxes: Sequence[str] | None) -> list[PlaceSpec] | None:
    """Read ``--point`` and ``--region``; None if there are none.

    Raises
    ------
    UsageError
        If one cannot be read.
    """
    specs = [parse_point(text) for text in points or ()]
    specs += [parse_region(text) for text in boxes or ()]
    return specs or None


def give_memory_back() -> None:
    """Tell glibc to return large blocks to the system, and to keep one pool for all threads.

    By default it holds on to ever larger blocks, so that the peak grows with the length of the
    input (measured: 25 % more for an hour than for six minutes, with this 20 %).
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        trim_threshold, mmap_threshold, arena_max = -1, -3, -8
        for option, value in ((trim_threshold, 1 << 20), (mmap_threshold, 1 << 20), (arena_max, 1)):
            mallopt(option, value)


def open_networks(
    model: str,
    device: str,
    threads: int | None,
    console: Console,
    look: int | None = None,
    *,
    sharers: int = 1,
) -> Networks:
    """Open the model that was asked for, and say once where it runs.

    Without `threads` the networks take their part of the cores: one of `sharers`, which all work
    at the same time.
    """
    give_memory_back()
    networks = open_model(model, device, threads or max(1, usable_cores() // sharers), look)
    bundle = networks.bundle
    console.detail(f"model {bundle.name} ({bundle.id}) on {networks.device.name}")
    if device == "auto" and networks.device.name != "cpu":
        console.note(f"running on {networks.device.name}")
    elif networks.device.reason:
        console.detail(f"not on a GPU: {networks.device.reason}")
    return networks


def tell_damage(damage: Damage, name: str, console: Console) -> None:
    """Warn when the sound that was read was damaged."""
    if damage.corrupt_packets or damage.bridged_seconds:
        console.warn(
            f"{name}: {damage.corrupt_packets} damaged audio packets; "
            f"{damage.bridged_seconds:.3f} s of missing sound filled with silence"
        )
    if damage.bad_samples:
        console.warn(
            f"{name}: {damage.bad_samples} samples are no numbers; silence stands in for them"
        )


def tell_streams(streams: Rewritten, console: Console) -> None:
    """Say what became of the input's streams."""
    for line in streams.dropped:
        console.warn(f"left out: {line}")
    for line in streams.notes:
        console.note(line)
    for line in streams.kept:
        console.detail(f"kept: {line}")


def streams_document(streams: Rewritten | None) -> Document:
    """Return what became of the input's streams, for ``--json``; None for no video."""
    return {
        "kept": [] if streams is None else list(streams.kept),
        "dropped": [] if streams is None else list(streams.dropped),
        "notes": [] if streams is None else list(streams.notes),
    }


class Worked(Protocol):
    """What the results of all operations have."""

    @property
    def info(self) -> MediaInfo:
        """What was worked on."""

    @property
    def damage(self) -> Damage:
        """What was wrong with the sound."""

    @property
    def seconds(self) -> float:
        """Length of the sound."""

    @property
    def windows(self) -> int:
        """Windows of the model."""


def run_document(
    result: Worked,
    networks: Networks | None,
    took: float,
    *,
    peak: float | None = None,
    null_error: float | None = None,
) -> dict[str, JsonValue]:
    """Return what makes a result reproducible, for ``--json``; no model where none was needed."""
    bundle = networks.bundle if networks else None
    device = networks.device.name if networks else None
    damage = result.damage
    return {
        "input": str(result.info.path),
        "model": bundle.name if bundle else None,
        "device": device,
        "run": {
            "pixelmix": __version__,
            "model_id": bundle.id if bundle else None,
            "model_files": {n: file.sha256 for n, file in bundle.files.items()} if bundle else {},
            "device": device,
            "look": bundle.vision.short_side if bundle else None,
            "windows": result.windows,
            "took": round(took, 3),
            "speed": round(result.seconds / max(took, 1e-3), 3),
            "corrupt_packets": damage.corrupt_packets,
            "bridged_seconds": round(damage.bridged_seconds, 6),
            "bad_samples": damage.bad_samples,
            "peak": None if peak is None else round(peak, 6),
            "null_error": null_error,
        },
    }


def tell_doubts(warnings: Sequence[str], name: str, console: Console) -> None:
    """Say what not to trust in a result."""
    for line in warnings:
        console.warn(f"{name}: {line}")


def level_document(level: Level) -> Document:
    """Return a stem's measures for ``--json``."""
    return {
        "share": round(level.share, 6),
        "confidence": round(level.confidence, 4),
        "peak": round(level.peak, 6),
    }
