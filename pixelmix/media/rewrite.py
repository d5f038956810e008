"""A file written again: what every command that writes a video shares."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pixelmix.errors import UsageError
from pixelmix.media.containers import container_format
from pixelmix.media.opening import open_input, reading
from pixelmix.media.properties import Shown, has_dolby_vision, look, losses, shown
from pixelmix.media.span import Span
from pixelmix.media.streams import Plan, plan
from pixelmix.media.writer import Made, Told, Writer
from pixelmix.types import MediaInfo


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What became of the input's streams."""

    streams: tuple[Plan, ...]
    """Those of the output in its order, with those left out or made by other means between."""
    lost: tuple[str, ...]
    """What the container has no place for besides whole streams."""
    repaired_times: int
    """Packets that were moved because the input's times were out of order."""
    notes: tuple[str, ...]
    """Everything else a user should know."""

    @property
    def kept(self) -> tuple[str, ...]:
        """Streams copied or encoded, as words."""
        return tuple(planned.words for planned in self.streams if planned.kept)

    @property
    def dropped(self) -> tuple[str, ...]:
        """Streams left out, each with the reason."""
        return tuple(planned.words for planned in self.streams if planned.how == "left out")


def planned(info: MediaInfo, target: Path, replaced: int | None, detail: str = "") -> list[Plan]:
    """Decide what becomes of every stream; `replaced` is encoded anew, as what `detail` says.

    Raises
    ------
    UsageError
        The target's container cannot hold the video or the chosen sound.
    """
    container = container_format(target)
    with open_input(info.path) as source:
        plans = plan(source, container, replaced, (info.video.index, info.audio.index))
    for track, what in ((info.video, "video"), (info.audio, "sound")):
        if not plans[track.index].kept:
            raise UsageError(
                f"{info.path}: {container} cannot hold {track.codec} {what}; "
                "give an output that ends in .mkv, or in the input's own suffix"
            )
    return [replace(one, detail=detail) if one.how == "encoded" else one for one in plans]


def rewrite(
    info: MediaInfo,
    target: Path,
    plans: Sequence[Plan],
    made: Sequence[Made],
    span: Span | None,
    told: Told | None = None,
) -> Rewritten:
    """Write `target` as `plans` say; `made` are those that they call encoded, in their order.

    `told` is called at every second that the copied packets reach.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    with open_input(info.path) as source:
        writer = Writer(info, source, target, container_format(target), plans, made, span, told)
        writer.write()
        # A title that was given is not the input's.
        same = [one.index for one in plans if one.kept and one.title is None]
        before = shown(source, same, writer.chapters)
    # The input is closed by now: an open file holds an index of all its packets.
    notes = []
    if writer.repaired_times:
        notes.append(
            f"the input's times were out of order; {writer.repaired_times} packets were moved"
        )
    lost = tuple(_lost(info, target, plans, before))
    return Rewritten(
        streams=tuple(plans),
        lost=lost,
        repaired_times=writer.repaired_times,
        notes=(*notes, *(f"the container does not keep {what}" for what in lost)),
    )


def _lost(info: MediaInfo, target: Path, plans: Sequence[Plan], old: Shown) -> Iterator[str]:
    """Read back what was written and name what of the `old` file's properties it lacks."""
    kept = [one for one in plans if one.kept]
    labels = {one.index: one.label for one in kept}
    with open_input(target) as container, reading(target):
        new = shown(container, range(len(container.streams)))
        film = next((s.index for s in container.streams.video), None)
    for index, what in losses(old, new):
        yield what if index is None else f"the {what} of {labels[index]}"
    copied = any(one.index == info.video.index and one.how == "copied" for one in kept)
    if copied and film is not None:
        before, after = look(info.path, info.video.index), look(target, film)
        missing = [name for name, value in before.items() if value and value != after[name]]
        kind = container_format(target)
        if has_dolby_vision(info.path, info.format) and not has_dolby_vision(target, kind):
            missing.append("Dolby Vision configuration")
        if missing:
            yield f"the {' and '.join(missing)} of {labels[info.video.index]}"
