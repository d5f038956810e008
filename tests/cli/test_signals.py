"""Stopped half-way: the right exit code, and nothing half-made."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.media_files import make_video, tone
from tests.stopping import stop_half_way

REMIX = ("remix", "--point", "a=50%,50%", "--gain", "a=0")


def long_video(path: Path) -> Path:
    """Ten minutes: long enough to be stopped half-way."""
    sound = tone(600.0, rate=16_000, channels=1)
    return make_video(
        path, seconds=600.0, fps=1, gop=5, audio=sound, rate=16_000, audio_codec="flac"
    )


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
    video = long_video(tmp_path / "in.mkv")
    before = video.read_bytes()
    words = [*REMIX, str(video), "--model", str(tiny_bundle)]
    stop_half_way(words, lambda: bool([*tmp_path.glob(".in.remix.partial-*")]), number, code)
    if number == signal.SIGKILL:
        # Nobody could clean up: the next run does.
        assert len(list(tmp_path.iterdir())) == 2
        again = [*words, "--duration", "5", "-o", str(tmp_path / "in.remix.mkv")]
        subprocess.run(
            [sys.executable, "-m", "pixelmix", *again],
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
    video = long_video(tmp_path / "0.mkv")
    inputs = [f"{index}.mkv" for index in range(9)]
    for name in inputs[1:]:
        (tmp_path / name).write_bytes(video.read_bytes())
    words = [*REMIX, str(tmp_path), "--jobs", "2", "--model", str(tiny_bundle)]
    stop_half_way(words, lambda: bool([*tmp_path.glob(".*.partial-*")]), number, code)
    # Some may have been finished by then; nothing half-made is left, and the rest is not begun.
    found = {path.name for path in tmp_path.iterdir()}
    results = {name.replace(".mkv", ".remix.mkv") for name in inputs}
    assert set(inputs) <= found <= {*inputs, *results}
    assert not results <= found
