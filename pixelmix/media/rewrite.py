"""A file written again: what every command that writes a video shares."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from pixelmix.errors import UsageError
from pixelmix.media.containers import MUXER_TAGS, container_format
from pixelmix.media.opening import open_input, reading
from pixelmix.media.probe import is_cover
from pixelmix.media.span import Span
from pixelmix.media.streams import Plan, describe, plan, title_of
from pixelmix.media.writer import Made, Writer
from pixelmix.types import MediaInfo


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of the input's streams."""

    kept: tuple[str, ...]
    """Streams copied or encoded, as words."""
    dropped: tuple[str, ...]
    """Streams left out, each with the reason."""
    notes: tuple[str, ...]
    """Everything else a user should know."""


def rewrite(info: MediaInfo, target: Path, made: Made | None, span: Span | None) -> Rewritten:
    """Write `target`: the input's streams copied, but for the one that is made anew.

    Raises
    ------
    OutputError
        The file cannot be written.
    UsageError
        Its container cannot hold the video or the chosen sound.
    """
    container = container_format(target)
    with open_input(info.path) as source:
        plans = plan(source, container, None if made is None else made.index)
        _check(info, plans, container)
        writer = Writer(info, source, target, container, plans, made, span)
        writer.write()
        shown = _shown(source, [planned.index for planned in plans if planned.kept])
    # The input is closed by now: an open file holds an index of all its packets.
    notes = []
    if writer.repaired_times:
        notes.append(
            f"the input's times were out of order; {writer.repaired_times} packets were moved"
        )
    return Rewritten(
        kept=tuple(planned.label for planned in plans if planned.kept),
        dropped=tuple(
            f"{planned.label}: {planned.reason}"
            for planned in plans
            if not planned.kept and not planned.rebuilt
        ),
        notes=(*notes, *_losses(shown, target)),
    )


def _check(info: MediaInfo, plans: list[Plan], container: str) -> None:
    for track, what in ((info.video, "video"), (info.audio, "sound")):
        if not plans[track.index].kept:
            raise UsageError(
                f"{info.path}: {container} cannot hold {track.codec} {what}; "
                "give an output that ends in .mkv, or in the input's own suffix"
            )


@dataclass(frozen=True, slots=True)
class _Shown:
    """What players show of a file besides its content."""

    tags: frozenset[str]
    tracks: tuple[tuple[str, dict[str, object]], ...]
    """Description and properties of each track."""


def _shown(container: InputContainer, indexes: Iterable[int]) -> _Shown:
    tracks = _tracks(container.streams[index] for index in indexes)
    return _Shown(
        frozenset(container.metadata),
        tuple((describe(stream), _properties(stream)) for stream in tracks),
    )


def _losses(shown: _Shown, target: Path) -> Iterator[str]:
    """Read back what was written and name what of the kept streams' properties it lacks."""
    with open_input(target) as container, reading(target):
        written = _shown(container, range(len(container.streams)))
    kept = {name.lower() for name in written.tags}
    lost = sorted(name for name in shown.tags if name.lower() not in kept | MUXER_TAGS)
    if lost:
        yield f"the container has no place for these tags: {', '.join(lost)}"
    for (label, old), (_, new) in zip(shown.tracks, written.tracks, strict=False):
        missing = [what for what, value in old.items() if value and value != new.get(what)]
        if missing:
            yield f"{label}: the container does not keep its {' and '.join(missing)}"


def _tracks(streams: Iterable[Stream]) -> list[Stream]:
    """Leave out what containers keep elsewhere than in tracks: covers, attachments, data."""
    return [
        stream
        for stream in streams
        if stream.type in ("audio", "subtitle")
        or (isinstance(stream, VideoStream) and not is_cover(stream))
    ]


def _properties(stream: Stream) -> dict[str, object]:
    """Return by name what players show of a stream; None where nothing is stated."""
    language = None if stream.language == "und" else stream.language
    properties: dict[str, object] = {"title": title_of(stream), "language": language}
    if isinstance(stream, VideoStream):
        properties["pixel shape"] = stream.sample_aspect_ratio or Fraction(1)
    return properties
