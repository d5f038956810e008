"""All commands on thousands of damaged files, and what must hold whatever the file is.

    python -m benchmarks.fuzz --first 0 --count 500 [--seed 1] [--model default] [--only N]

File N of a seed is always the same, so a run can be cut into parts and a finding repeated. Every
file goes through ``remix``, ``separate``, ``regions`` and ``heatmap``, and by ``remix`` into
another container; every fifty together through ``prepare``, then ``doctor`` and ``models``: by
`pixelmix.cli.main` in a worker process with a limit of address space and a time limit. The worker
is started again when it dies.

Checked: the worker lives; no traceback; in time; exit code 0, 1 or 2; a failure ends with one
line ``pixelmix: error: ...`` and every line of standard error is pixelmix's; the result is
whole: its new sound decodes, its packets and pictures can be read, its JSON parses; nothing else
lies in the folder; the input is what it was; no file handle stays open. Findings are printed as
they come and are the last line's number; the rest is counts.
"""

import argparse
import collections
import hashlib
import json
import os
import re
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.fuzz_files import Case, build_bases, case

SECONDS = 60.0
"""Of processor time for one command; the machine may be busy."""
PATIENCE = 20
"""Times as long it may take by the clock."""
ADDRESS_SPACE = 6 << 30
BATCH = 50
POINT = ("--point", "a=25%,50%", "--gain", "a=0.5")
COMMANDS: dict[str, tuple[str, ...]] = {
    "remix": POINT,
    "separate": POINT[:2],
    "regions": (),
    "heatmap": ("--preset", "ultrafast"),
    "into": (),
}
"""`into` is a second ``remix``, into another container, with the old sound or a new one."""
INTO = (
    *(".flv", ".avi", ".mkv", ".mp4", ".ts", ".mov", ".webm"),
    *(".wmv", ".mpg", ".ogv", ".3gp", ".nut", ".vob"),
)


@dataclass(frozen=True)
class Ran:
    """How one command ended."""

    code: int | None
    """None: no answer; the worker died or was too slow."""
    out: str = ""
    err: str = ""
    died: str = ""
    handles: int = 0


class Worker:
    """A process that runs commands one after another; a new one takes its place when it dies."""

    def __init__(self) -> None:
        self.deaths = 0
        self.peak = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, words: Sequence[str], folder: Path, seconds: float) -> Ran:
        """Run one command line in a folder."""
        process = self._process or self._start()
        asked, answers = process.stdin, process.stdout
        if asked is None or answers is None:
            raise RuntimeError("the worker was started without pipes")
        asked.write(json.dumps([list(words), str(folder)]).encode() + b"\n")
        asked.flush()
        began, used, ready = time.monotonic(), _processor_seconds(process.pid), []
        while not ready and time.monotonic() - began < PATIENCE * seconds:
            ready, _, _ = select.select([answers], [], [], 1.0)
            if _processor_seconds(process.pid) - used > seconds:
                break
        line = answers.readline() if ready else b""
        if line:
            answer = json.loads(line)
            self.peak = max(self.peak, answer.pop("peak"))
            return Ran(**answer)
        self.close()
        self.deaths += 1
        return Ran(None, died=f"signal {-process.returncode}" if ready else "too slow")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fuzz", "--worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Threads of NumPy's waiting for each other cost more than the sums, and take memory.
            env={**os.environ, "PYTHONFAULTHANDLER": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        return self._process


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def serve() -> None:
    """Be the worker: read command lines, answer with how they ended."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from pixelmix.cli import main

    answers = os.fdopen(os.dup(1), "wb")
    for line in sys.stdin.buffer:
        words, folder = json.loads(line)
        os.chdir(folder)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            sys.argv = ["pixelmix", *words]
            code: object = None
            try:
                main()
            except SystemExit as leave:
                code = leave.code
            except BaseException:  # noqa: BLE001 - whatever comes is a finding
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            texts = [_text(file.fileno()) for file in (out, err)]
        answer = {
            "code": code if isinstance(code, int) else -1,
            "out": texts[0],
            "err": texts[1],
            "handles": len(list(Path("/proc/self/fd").iterdir())),
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _text(handle: int) -> str:
    size = min(os.fstat(handle).st_size, 1 << 22)
    return os.pread(handle, size, 0).decode(errors="surrogateescape")


@dataclass
class Tally:
    """What was seen."""

    codes: collections.Counter[str] = field(default_factory=collections.Counter)
    messages: collections.Counter[str] = field(default_factory=collections.Counter)
    findings: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def find(self, number: int, command: str, what: str, how: str) -> None:
        """Record something that should not be."""
        self.findings.append(f"{number} {command}: {what}   [{how}]")
        print("FOUND", self.findings[-1], flush=True)


def try_file(number: int, made: Case, worker: Worker, folder: Path, model: str, t: Tally) -> Path:
    """Run every command on one file; return where the file lies."""
    folder.mkdir()
    file = folder / made.name
    file.write_bytes(made.data)
    digest = hashlib.sha256(made.data).digest()
    for command, usual in COMMANDS.items():
        began = time.monotonic()
        name = f"./{made.name}" if made.name[0] == "-" else made.name
        # Drawing takes most of the time, and does not read the file.
        options = ("--no-picture",) if command == "regions" and number % 5 else usual
        if command == "into":
            gain = "a=0.5" if number % 2 else "a=1"
            options = (*POINT[:2], "--gain", gain, "-o", f"into{INTO[number % len(INTO)]}")
        verb = "remix" if command == "into" else command
        words = [verb, name, *options, "--model", model, "--threads", "1", "--json"]
        ran = worker.run(words, folder, SECONDS)
        t.slowest = max(t.slowest, time.monotonic() - began)
        problems = [*judge(ran), *_leftovers(ran, options, command, folder, file)]
        if not file.exists() or hashlib.sha256(file.read_bytes()).digest() != digest:
            problems.append("the input changed")
            file.write_bytes(made.data)
        for problem in problems:
            t.find(number, command, problem, f"{made.how}; {made.name!r:.60}")
        t.codes[f"{command} {ran.code}"] += 1
        if ran.code:
            t.messages[_template(ran.err, made.name)] += 1
    return file


def judge(ran: Ran) -> Iterator[str]:
    """Say what is wrong with the way a command ended."""
    if ran.code is None:
        yield ran.died
        return
    yield from _misspoken(ran)
    if ran.handles > 24:
        yield f"{ran.handles} open files"
    if ran.code:
        if ran.out:
            yield f"a failure printed {ran.out!r:.200}"
        return
    try:
        json.loads(ran.out)
    except ValueError as error:
        yield f"no JSON: {error}: {ran.out!r:.200}"


def _misspoken(ran: Ran) -> Iterator[str]:
    """Say what is wrong with the lines on standard error."""
    lines = ran.err.split("\n")[:-1] if ran.err else []
    if "Traceback" in ran.err:
        yield "traceback " + ran.err[-300:].replace("\n", " | ")
    elif ran.code not in (0, 1, 2):
        yield f"exit code {ran.code}"
    elif any(not line.startswith("pixelmix: ") for line in lines):
        yield f"a line that is not pixelmix's: {ran.err!r:.300}"
    elif ran.code and not (lines and lines[-1].startswith("pixelmix: error: ")):
        yield f"no message: {ran.err!r:.300}"
    if re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", ran.err):
        yield f"control characters in {ran.err!r:.300}"


def _leftovers(
    ran: Ran, options: Sequence[str], command: str, folder: Path, file: Path
) -> Iterator[str]:
    """Say what is wrong with the files a command left, and take them away."""
    left = sorted(path for path in folder.iterdir() if path.name != file.name)
    ends = {
        "remix": {f".remix{file.suffix}"},
        "separate": {".stems"},
        "regions": {".pixelmix.json"} | (set() if options else {".regions.png"}),
        "heatmap": {".heatmap.mp4"},
        "into": set[str](),
    }[command]
    wanted = {file.stem + end for end in ends} if ran.code == 0 else set()
    if command == "into" and ran.code == 0:
        wanted = {options[-1]}
    there = {path.name for path in left}
    if command == "regions" and ran.code == 0:
        there = {name.replace(file.name + ".pixelmix", file.stem + ".pixelmix") for name in there}
    if there != wanted and ran.code is not None:
        yield f"left {sorted(there)}, expected {sorted(wanted)}"
    for path in left:
        if ran.code == 0:
            yield from _unwhole(path)
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _unwhole(path: Path) -> Iterator[str]:
    """Say in what way a result cannot be read."""
    import av
    import numpy as np

    if path.suffix == ".json":
        json.loads(path.read_text(encoding="utf-8"))
        return
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    try:
        for one in files:
            with av.open(str(one.absolute()), metadata_errors="surrogateescape") as container:
                if path.suffix == ".stems" or one.name.endswith(".heatmap.mp4"):
                    for frame in container.decode(container.streams[0]):
                        if (
                            isinstance(frame, av.AudioFrame)
                            and not np.isfinite(frame.to_ndarray()).all()
                        ):
                            yield f"{one.name}: samples that are no numbers"
                            break
                else:
                    collections.deque(container.demux(), 0)
    except (av.error.FFmpegError, OSError) as error:
        yield f"{path.name!r:.60} cannot be read: {error}"


def _template(err: str, name: str) -> str:
    last = err.rstrip("\n").split("\n")[-1] if err else ""
    last = last.rsplit(": ", 1)[-1] if name not in last else last.split(name)[-1]
    return re.sub(r"\d+(\.\d+)?", "N", last)[:110]


def try_batch(number: int, worker: Worker, files: Path, work: Path, t: Tally) -> None:
    """Prepare a folder of damaged files, and ask after the program itself."""
    before = {path.name: path.read_bytes() for path in files.iterdir()}
    words = ["prepare", "files", "-o", "dataset", "--jobs", "1", "--json"]
    for command in (words, ["doctor", "--json"], ["models", "--json"]):
        ran = worker.run(command, work, SECONDS)
        for problem in judge(ran):
            t.find(number, command[0], problem, "a folder")
        t.codes[f"{command[0]} {ran.code}"] += 1
        if command[0] == "prepare" and ran.code == 0:
            document = json.loads(ran.out)
            t.codes["prepare took"] += document["sounds"]
            t.codes["prepare left out"] += len(document["left_out"])
            for left_out in document["left_out"]:
                if "died" in left_out["reason"]:
                    t.find(number, "prepare", str(left_out)[:300], "its process died")
    if before != {path.name: path.read_bytes() for path in files.iterdir()}:
        t.find(number, "prepare", "the inputs changed", "a folder")
    shutil.rmtree(work / "dataset", ignore_errors=True)


def build_models(work: Path) -> tuple[str, ...]:
    """Return two small models: windows as long as the real ones, and short ones.

    A file of two seconds is one window of the first and two of the second.
    """
    from tests.tiny_model import FRONT_END, VISION, build_tiny_bundle, tiny_description

    brief = replace(FRONT_END, rate=8_000, window_samples=8_191, n_fft=254, hop=64, rows=64)
    near = replace(VISION, short_side=64, frame_spacing=0.5)
    abouts = {"long": tiny_description(), "brief": tiny_description(front_end=brief, vision=near)}
    for name, about in abouts.items():
        if not (work / name).is_dir():
            build_tiny_bundle(work / name, about)
    return tuple(str(work / name) for name in abouts)


def main() -> None:
    """Run a part of the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="this file alone; its folder is kept")
    parser.add_argument("--model", help="a bundle to use instead of two small ones")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        return serve()
    work = (asked.work or Path(tempfile.mkdtemp(prefix="fuzz-"))).absolute()
    if asked.only is not None:
        asked.first, asked.count = asked.only, 1
    bases = build_bases(work / "bases")
    models = (asked.model,) if asked.model else build_models(work)
    worker, t, began = Worker(), Tally(), time.monotonic()
    folder, files = work / "case", work / "files"
    for number in range(asked.first, asked.first + asked.count):
        made = case(number, asked.seed, bases)
        shutil.rmtree(folder, ignore_errors=True)
        file = try_file(number, made, worker, folder, models[number % len(models)], t)
        if asked.only is not None:
            break
        files.mkdir(exist_ok=True)
        file.rename(files / file.name)
        if (number + 1) % BATCH == 0:
            try_batch(number, worker, files, work, t)
            print(f"{number + 1 - asked.first} files, {len(t.findings)} findings", flush=True)
            shutil.rmtree(files)
    worker.close()
    took = time.monotonic() - began
    print(f"{asked.count} files from {asked.first} (seed {asked.seed}) in {took:.0f} s")
    print("exit codes:", dict(sorted(t.codes.items())))
    for message, count in t.messages.most_common(40):
        print(f"{count:6}  {message!r}")
    print(f"slowest command {t.slowest:.1f} s, peak of the worker {worker.peak:.0f} MB")
    print(f"{worker.deaths} deaths of the worker, {len(t.findings)} findings")
    if asked.work is None and asked.only is None:
        shutil.rmtree(work)
    sys.exit(bool(t.findings))


if __name__ == "__main__":
    main()
