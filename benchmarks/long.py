"""Long, large and many: whether memory and open files stay flat.

    python -m benchmarks.long [--minutes 30] [--files 1000] [--only length|large|many]
                              [--commands remix separate regions heatmap] [--model DIR]

``length``: the peak of resident memory for a tenth of the length and for all of it, a small
picture with long sound (160 x 90, 5 pictures a second, 16 kHz). ``large``: ten seconds of 4K.
``many``: short files in one call; memory and open files after a tenth of them and at the end.
Without ``--model`` a tiny network stands in: what is looked at is everything around it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.commands import LOOP_SECONDS, measure, repeat
from tests.media_files import make_video, tone
from tests.tiny_model import build_tiny_bundle

POINT = ("--point", "a=25%,50%")
COMMANDS = {
    "remix": (*POINT, "--gain", "a=0.5"),
    "separate": POINT,
    "regions": ("--no-picture",),
    "heatmap": ("--preset", "ultrafast"),
}


def words(command: str, model: str, *inputs: Path) -> list[str]:
    """Return a command line."""
    program = [sys.executable, "-m", "pixelmix", command, *map(str, inputs)]
    return [*program, *COMMANDS[command], "--model", model, "-y", "-q"]


def length(folder: Path, model: str, commands: Sequence[str], minutes: float) -> None:
    """Compare a length with a tenth of it."""
    sound = tone(float(LOOP_SECONDS), rate=16_000, channels=1)
    size = (160, 90)
    loop = make_video(
        folder / "loop.mp4", seconds=LOOP_SECONDS, fps=5, gop=10, size=size, audio=sound,
        rate=16_000,
    )  # fmt: skip
    peaks: dict[str, list[float]] = {command: [] for command in commands}
    for part in (minutes / 10, minutes):
        video = folder / f"{part:g}.mp4"
        repeat(loop, video, round(part * 60 / LOOP_SECONDS))
        for command, seen in peaks.items():
            cost = measure(words(command, model, video))
            seen.append(cost.peak_mb)
            print(
                f"  {command:9} {part:6.1f} minutes: {cost.peak_mb:5.0f} MB, {cost.cpu:6.1f} s of "
                f"processor, {60 * part / cost.cpu:4.0f} x real time",
                flush=True,
            )
    for command, (short, whole) in peaks.items():
        print(f"  {command:9} ten times as long: {100 * (whole / short - 1):+.0f} % memory")


def large(folder: Path, model: str, commands: Sequence[str]) -> None:
    """Measure ten seconds of 4K."""
    size = (3840, 2160)
    video = make_video(
        folder / "large.mp4", seconds=10.0, fps=5, gop=10, size=size, audio=tone(10.0)
    )
    for command in commands:
        cost = measure(words(command, model, video))
        print(f"  {command:9} 4K: {cost.peak_mb:5.0f} MB, {cost.cpu:6.1f} s of processor")


def many(folder: Path, model: str, commands: Sequence[str], count: int) -> None:
    """Watch one call on many files: links to one short video."""
    made = make_video(folder / "short.mp4", seconds=1.0, fps=5, audio=tone(1.0, rate=16_000))
    for command in commands:
        inputs = folder / command
        inputs.mkdir()
        for number in range(count):
            (inputs / f"{number:04}.mp4").hardlink_to(made)
        process = subprocess.Popen(words(command, model, inputs))
        seen = list(_watched(process, inputs, count))
        (handles, memory), (last_handles, last_memory) = seen[0], seen[-1]
        print(
            f"  {command:9} {count} files, exit code {process.returncode}: open files "
            f"{handles} -> {last_handles}, memory {memory:.0f} -> {last_memory:.0f} MB",
            flush=True,
        )


def _watched(
    process: "subprocess.Popen[bytes]", folder: Path, count: int
) -> Iterator[tuple[int, float]]:
    """Yield open files and memory, MB, from when a tenth of the files is done."""
    started = False
    while process.poll() is None:
        time.sleep(0.2)
        made = len(os.listdir(folder)) - count  # noqa: PTH208 - only their number
        started = started or made >= count / 10
        try:
            handles = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
            pages = int(Path(f"/proc/{process.pid}/statm").read_text(encoding="utf-8").split()[1])
        except (OSError, IndexError):
            continue
        # A process that ends gives its memory back first.
        if started and handles and pages:
            yield handles, pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Run the parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--only", choices=("length", "large", "many"))
    parser.add_argument("--commands", nargs="+", choices=tuple(COMMANDS), default=tuple(COMMANDS))
    parser.add_argument("--model")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="long-") as name:
        folder = Path(name)
        model = asked.model or str(build_tiny_bundle(folder / "tiny"))
        if asked.only in (None, "length"):
            print("length:", flush=True)
            length(folder, model, asked.commands, asked.minutes)
        if asked.only in (None, "large"):
            print("large:", flush=True)
            large(folder, model, asked.commands)
        if asked.only in (None, "many"):
            print("many:", flush=True)
            many(folder, model, asked.commands, asked.files)


if __name__ == "__main__":
    main()
