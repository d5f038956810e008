"""What people see: results on standard output, everything else on standard error."""

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TextIO

from pixelmix.errors import PixelmixError

if TYPE_CHECKING:
    from pixelmix.hearing import Progress

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Line breaks, a terminal's commands, changes of the direction of writing, halves of characters."""

JsonValue = str | int | float | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


def plain(text: str) -> str:
    """Make one line of a text that holds names of files and words out of them."""
    return _UNSEEN.sub(lambda found: repr(found[0])[1:-1], text)


@dataclass(frozen=True, slots=True)
class Console:
    """How much to say, and in which form."""

    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    held: list[tuple[TextIO, str]] | None = None
    """Lines kept until `release`, where several files are worked on at once."""
    stop: threading.Event | None = None
    """Set when the work is to be given up; looked at whenever it tells its progress."""

    def apart(self, stop: threading.Event) -> "Console":
        """Return one that keeps its lines until `release`, draws no bars, and heeds `stop`."""
        return replace(self, held=[], stop=stop)

    def release(self) -> None:
        """Print the lines that were kept."""
        for stream, text in self.held or ():
            print(text, file=stream)

    def _print(self, stream: TextIO, text: str) -> None:
        if self.held is None:
            print(text, file=stream)
        else:
            self.held.append((stream, text))

    def _heed(self, _done: float, _total: float | None) -> None:
        if self.stop is not None and self.stop.is_set():
            raise PixelmixError("stopped")

    def say(self, text: str) -> None:
        """Print a line of the result, unless the result is JSON."""
        if not self.as_json and not self.quiet:
            self._print(sys.stdout, plain(text))

    def note(self, text: str) -> None:
        """Print something the user should know to standard error."""
        if not self.quiet:
            self._print(sys.stderr, f"pixelmix: {plain(text)}")

    def detail(self, text: str) -> None:
        """Print something only the curious want to know to standard error."""
        if self.verbose:
            self.note(text)

    def warn(self, text: str) -> None:
        """Print a warning to standard error, also when quiet."""
        self._print(sys.stderr, f"pixelmix: warning: {plain(text)}")

    def document(self, value: JsonValue) -> None:
        """Print the result as JSON, if that was asked for."""
        if self.as_json:
            print(json.dumps(value, indent=2, allow_nan=False))

    @contextmanager
    def progress(self, label: str) -> Iterator["Progress | None"]:
        """Show a bar while the block runs; none when standard error is no terminal."""
        if self.stop is not None:
            yield self._heed
            return
        if self.quiet or not sys.stderr.isatty():
            yield None
            return
        from rich.console import Console as RichConsole
        from rich.markup import escape
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[seconds]}  {task.fields[speed]}"),
            TimeRemainingColumn(),
        )
        began = time.monotonic()
        with Progress(*columns, console=RichConsole(stderr=True), transient=True) as bars:
            bar = bars.add_task(escape(plain(label)), total=None, seconds="", speed="")

            def update(done: float, total: float | None) -> None:
                shown = done if total is None else min(done, total)
                speed = shown / max(time.monotonic() - began, 1e-3)
                length = "" if total is None else f" of {total:.0f}"
                bars.update(
                    bar,
                    completed=shown,
                    total=total,
                    seconds=f"{shown:.0f}{length} s",
                    speed=f"{speed:.1f}x real time",
                )

            yield update

    @contextmanager
    def counting(self, label: str) -> Iterator[Callable[[int, int], None]]:
        """Show a bar of things done while the block runs; none when standard error is no terminal.

        The function takes how many are done, and of how many.
        """
        if self.quiet or not sys.stderr.isatty():
            yield lambda _done, _total: None
            return
        from rich.console import Console as RichConsole
        from rich.markup import escape
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Remaining())
        with Progress(*columns, console=RichConsole(stderr=True), transient=True) as bars:
            bar = bars.add_task(escape(plain(label)), total=None)
            yield lambda done, total: bars.update(bar, completed=done, total=total)
