"""The commands in bad surroundings: full and read-only disks, inputs that change, signals.

    python -m benchmarks.surroundings [--moments 100] [--seed 1] [--only NAME]

Mounts small file systems where it may (as root on Linux; else those checks are left out and
named). Whatever happens: the input is what it was, no result stands under its final name unless
the command ended with 0, no temporary file is left, an error is one line, and the exit code is 1
for a failure, 130 after SIGINT, 143 after SIGTERM. What SIGKILL leaves is removed by the next
run. Ends with the number of problems.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.media_files import make_video, tone
from tests.tiny_model import build_tiny_bundle

POINT = ("--point", "a=25%,50%")
COMMANDS = {
    "remix": (*POINT, "--gain", "a=0.5"),
    "separate": POINT,
    "regions": (),
    "heatmap": ("--preset", "ultrafast"),
}
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}


@dataclass(frozen=True)
class Place:
    """Where the checks work."""

    root: Path
    video: Path
    model: Path

    def words(self, command: str, video: Path, *more: str | Path) -> list[str]:
        """Return a command line on a video."""
        options = [*COMMANDS[command], "--model", self.model, *more]
        return [sys.executable, "-m", "pixelmix", command, *map(str, (video, *options))]

    def folder(self, name: str) -> Path:
        """Make a folder with a copy of the video, and return the copy."""
        folder = self.root / name
        folder.mkdir()
        copy = folder / "in.mp4"
        copy.write_bytes(self.video.read_bytes())
        return copy


class Report:
    """What was tried, and what was wrong."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def check(self, what: str, *, fine: bool, detail: object = "") -> None:
        """Note a fact that should hold."""
        if not fine:
            self.problems.append(f"{what}: {detail}")
            print(f"  PROBLEM {what}: {detail}")


def failed_well(report: Report, what: str, done: subprocess.CompletedProcess[str]) -> None:
    """Check that a command failed with one line."""
    lines = done.stderr.strip().splitlines()
    fine = done.returncode == 1 and lines and lines[-1].startswith("pixelmix: error: ")
    fine = fine and all(line.startswith("pixelmix: ") for line in lines)
    report.check(what, fine=bool(fine), detail=(done.returncode, done.stderr[-400:]))
    print(f"  {what}: {lines[-1] if lines else '-'}")


def run(words: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run a command line to its end."""
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)


@contextmanager
def disk(folder: Path, options: str) -> Iterator[bool]:
    """Mount a file system in memory; False where that is not allowed."""
    folder.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)


def full_disk(place: Place, report: Report) -> None:
    """Every command onto a disk that fills up, at several sizes."""
    target = place.root / "small"
    for kilobytes in (4, 64, 300):
        with disk(target, f"size={kilobytes}k") as mounted:
            if not mounted:
                print("  left out: file systems cannot be mounted here")
                return
            for command in COMMANDS:
                out = {"remix": "o.mp4", "separate": "o", "regions": ".", "heatmap": "o.mp4"}
                words = place.words(command, place.video, "-o", target / out[command])
                done = run(words)
                what = f"{command} onto {kilobytes} kB"
                if done.returncode == 0:
                    print(f"  {what}: it fits")
                    check_whole(report, what, target.rglob("*"))
                    for path in target.iterdir():
                        _remove(path)
                else:
                    failed_well(report, what, done)
                left = [path.name for path in target.iterdir()]
                report.check(what, fine=not left, detail=left)


def read_only(place: Place, report: Report) -> None:
    """Beside an input on a disk that cannot be written, and from there to another disk."""
    folder = place.root / "locked"
    with disk(folder, "size=64m") as mounted:
        if not mounted:
            print("  left out: file systems cannot be mounted here")
            return
        video = folder / "in.mp4"
        video.write_bytes(place.video.read_bytes())
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        for command in COMMANDS:
            failed_well(report, f"{command} read-only", run(place.words(command, video)))
        out = place.root / "elsewhere.mp4"
        done = run(place.words("remix", video, "-o", out))
        report.check("remix to another disk", fine=done.returncode == 0, detail=done.stderr)
        found = run([*place.words("remix", video)[:4], video, "--gain", "region1=0", "-y",
                     "--model", str(place.model), "-o", str(out)])  # fmt: skip
        report.check("regions are found, not kept", fine=found.returncode == 0, detail=found.stderr)
        out.unlink(missing_ok=True)


def changing_input(place: Place, report: Report) -> None:
    """Let the input vanish, grow or be cut while it is read."""

    def grow(video: Path) -> None:
        with video.open("ab") as file:
            file.write(video.read_bytes()[:100_000])

    def cut(video: Path) -> None:
        os.truncate(video, video.stat().st_size // 2)

    changes: dict[str, Callable[[Path], None]] = {"delete": Path.unlink, "grow": grow, "cut": cut}
    for name, change in changes.items():
        for command in COMMANDS:
            video = place.folder(f"{name}-{command}")
            process = start(place.words(command, video))
            wait_for_partial(process, video.parent)
            change(video)
            _, errors = process.communicate(timeout=600)
            what = f"{command}, input: {name}"
            lines = errors.strip().splitlines()
            told = process.returncode == 0 or (lines and lines[-1].startswith("pixelmix: error"))
            fine = process.returncode in (0, 1) and told and "Traceback" not in errors
            report.check(what, fine=bool(fine), detail=(process.returncode, errors[-400:]))
            check_left(report, what, video, done=process.returncode == 0)
            print(f"  {what}: exit code {process.returncode} {lines[-1] if lines else ''}")


def start(words: list[str]) -> "subprocess.Popen[str]":
    """Start a command line."""
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_partial(process: "subprocess.Popen[str]", folder: Path) -> None:
    """Wait until the command has begun to write, or ended."""
    while process.poll() is None and not any(".partial-" in path.name for path in folder.iterdir()):
        time.sleep(0.005)


def check_left(report: Report, what: str, video: Path, *, done: bool) -> None:
    """Check that a folder holds the input and, only after success, a result."""
    left = {path.name for path in video.parent.iterdir()} - {video.name}
    partial = {name for name in left if ".partial-" in name}
    report.check(what, fine=not partial, detail=partial)
    if not done:
        report.check(what, fine=not left, detail=left)


def signals(place: Place, report: Report, moments: int, seed: int) -> None:
    """Signals at random moments of every command, from its very start to after its end."""
    choose = random.Random(seed)  # noqa: S311 - repeatable, not secret
    video = place.folder("signals")
    before, seen = video.read_bytes(), Counter[str]()
    lasts = {command: _lasts(place, command, video) for command in COMMANDS}
    for number in range(moments):
        command, kind = choose.choice(list(COMMANDS)), choose.choice(list(CODES))
        moment = choose.uniform(0.0, 1.05 * lasts[command])
        process = start(place.words(command, video, "-y"))
        time.sleep(moment)
        process.send_signal(kind)
        _, errors = process.communicate(timeout=600)
        code = process.returncode
        what = f"{kind.name} at {moment:.2f} s of {command}"
        seen[f"{kind.name} {code}"] += 1
        # Before the interpreter has come to pixelmix, a signal simply ends it.
        early = code == -kind and "in _run\n" not in errors
        report.check(what, fine=early or code in (0, CODES[kind]), detail=(code, errors[-300:]))
        report.check(what, fine=early or "Traceback" not in errors, detail=errors[-600:])
        report.check(what, fine=video.read_bytes() == before, detail="the input changed")
        there = [path for path in video.parent.iterdir() if path != video]
        partial = [path.name for path in there if ".partial-" in path.name]
        if kind == signal.SIGKILL and partial:
            seen["SIGKILL left something"] += 1
            done = run(place.words(command, video, "-y"))
            report.check(f"{what}, again", fine=done.returncode == 0, detail=done.stderr)
            partial = [p.name for p in video.parent.iterdir() if ".partial-" in p.name]
        report.check(what, fine=not partial, detail=partial)
        if code != 0:
            finals = (p for p in there if ".partial-" not in p.name and p.exists())
            check_whole(report, what, (f for p in finals for f in (p, *p.rglob("*"))))
        for path in video.parent.iterdir():
            if path != video:
                _remove(path)
        if number % 10 == 9:
            print(f"  {number + 1} moments: {dict(sorted(seen.items()))}", flush=True)


def check_whole(report: Report, what: str, paths: Iterable[Path]) -> None:
    """Check that what has its final name came there whole, after a stop in the last moment."""
    import av

    for path in paths:
        if path.suffix in (".mp4", ".wav", ".png"):
            try:
                with av.open(str(path)) as container:
                    frames = sum(1 for _ in container.decode(container.streams[0]))
                report.check(what, fine=frames > 0, detail=f"{path.name} is empty")
            except av.error.FFmpegError as error:
                report.check(what, fine=False, detail=f"{path.name}: {error}")


def _lasts(place: Place, command: str, video: Path) -> float:
    began = time.monotonic()
    done = run(place.words(command, video, "-y"))
    if done.returncode:
        raise RuntimeError(done.stderr)
    for path in video.parent.iterdir():
        if path != video:
            _remove(path)
    return time.monotonic() - began


def _remove(path: Path) -> None:
    if path.is_dir():
        for one in path.iterdir():
            one.unlink()
        path.rmdir()
    else:
        path.unlink()


def main() -> None:
    """Run the checks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="full_disk, read_only, changing_input or signals")
    asked = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="surroundings-") as name:
        root = Path(name)
        sound = tone(12.0, rate=48_000, channels=2)
        video = make_video(root / "in.mp4", seconds=12.0, fps=10, gop=10, audio=sound)
        place = Place(root, video, build_tiny_bundle(root / "tiny"))
        checks: dict[str, Callable[[], None]] = {
            "full_disk": lambda: full_disk(place, report),
            "read_only": lambda: read_only(place, report),
            "changing_input": lambda: changing_input(place, report),
            "signals": lambda: signals(place, report, asked.moments, asked.seed),
        }
        for title, check in checks.items():
            if asked.only in (None, title):
                print(f"{title}:", flush=True)
                check()
    print(f"{len(report.problems)} problems")
    sys.exit(bool(report.problems))


if __name__ == "__main__":
    main()
