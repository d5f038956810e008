"""Stopped half-way: the right exit code, and nothing half-made."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.media_files import make_video, tone


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        (signal.SIGTERM, 128 + signal.SIGTERM),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_stopped_half_way(
    tmp_path: Path, tiny_bundle: Path, number: signal.Signals, code: int
) -> None:
    video = make_video(
        tmp_path / "in.mkv",
        seconds=600.0,
        fps=1,
        gop=5,
        audio=tone(600.0, rate=16_000, channels=1),
        rate=16_000,
        audio_codec="flac",
    )
    before = video.read_bytes()
    words = ["remix", str(video), "--point", "a=50%,50%", "--gain", "a=0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pixelmix", *words, "--model", str(tiny_bundle)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not any(path.name.startswith(".in.remix.partial-") for path in tmp_path.iterdir()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    if number == signal.SIGKILL:
        # Nobody could clean up: the next run does.
        assert len(list(tmp_path.iterdir())) == 2
        again = [*words, "--duration", "5", "-o", str(tmp_path / "in.remix.mkv")]
        subprocess.run(
            [sys.executable, "-m", "pixelmix", *again, "--model", str(tiny_bundle)],
            check=True,
            capture_output=True,
        )
        (tmp_path / "in.remix.mkv").unlink()
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]
    assert video.read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_all_jobs_stop(
    tmp_path: Path, tiny_bundle: Path, number: signal.Signals, code: int
) -> None:
    sound = tone(600.0, rate=16_000, channels=1)
    video = make_video(
        tmp_path / "0.mkv", seconds=600.0, fps=1, gop=5, audio=sound, rate=16_000,
        audio_codec="flac",
    )  # fmt: skip
    inputs = [f"{number}.mkv" for number in range(9)]
    for name in inputs[1:]:
        (tmp_path / name).write_bytes(video.read_bytes())
    words = ["remix", str(tmp_path), "--point", "a=50%,50%", "--gain", "a=0", "--jobs", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pixelmix", *words, "--model", str(tiny_bundle)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not any(".partial-" in path.name for path in tmp_path.iterdir()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    assert "Traceback" not in errors
    # Some may have been finished by then; nothing half-made is left, and the rest is not begun.
    found = {path.name for path in tmp_path.iterdir()}
    results = {name.replace(".mkv", ".remix.mkv") for name in inputs}
    assert set(inputs) <= found <= {*inputs, *results}
    assert not results <= found
