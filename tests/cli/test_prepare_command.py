"""`pixelmix prepare` from the outside."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pixelmix.data.dataset import Dataset
from tests.cli.conftest import Run
from tests.media_files import make_video, tone
from tests.stopping import stop_half_way


def film(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return make_video(path, seconds=6.5, fps=2, audio=tone(6.5, rate=16_000), rate=16_000)


def test_a_dataset_is_made_and_described(run: Run, tmp_path: Path) -> None:
    film(tmp_path / "videos" / "val" / "harp" / "a.mp4")
    for number in range(12):
        (tmp_path / "videos" / f"{number:02}.mp4").write_text("no video")
    ran = run("prepare", "videos", "-o", "set", "--side", "32", "--rate", "8000", "--jobs", "2")
    assert ran.code == 0, ran.err
    assert (ran.err, "1 sounds (1 val), 0.1 minutes, 13 pictures" in ran.out) == ("", True)
    assert "left out: 12" in ran.out
    assert "videos/09.mp4: " in ran.out
    assert "videos/10.mp4" not in ran.out
    dataset = Dataset.open(tmp_path / "set")
    assert (dataset.rate, dataset.side, dataset.kinds) == (8000, 32, ("harp",))

    ran = run("prepare", "videos", "-o", "set", "--side", "32", "--rate", "8000", "--json")
    assert (ran.code, ran.err) == (0, "")
    document = ran.json
    assert (document["added"], document["sounds"], document["pictures"]) == (0, 1, 13)
    assert document["splits"] == {"val": 1}
    left_out = document["left_out"]
    assert isinstance(left_out, list)
    assert len(left_out) == 12
    assert document["kinds"] == [
        {"kind": "harp", "sounds": 1, "seconds": pytest.approx(6.5, abs=0.1), "pictures": 13}
    ]

    assert run("prepare", "videos", "-o", "set").failed_with(1, "set", "rate 8000", "rate 11025")
    assert run("prepare", "videos", "-o", "videos").failed_with(1, "videos", "new folder")


def test_what_cannot_be_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    assert run("prepare", "videos", "-o", "set").failed_with(1, "videos", "no video")
    assert run("prepare", "gone", "-o", "set").failed_with(1, "gone")
    assert not (tmp_path / "set").exists()
    assert run("prepare", "videos").code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_stopped_half_way(tmp_path: Path, number: signal.Signals, code: int) -> None:
    film(tmp_path / "videos" / "a.mp4")
    # Whoever opens it waits for ever.
    os.mkfifo(tmp_path / "videos" / "b.mp4")
    target = tmp_path / "set"
    words = ["prepare", str(tmp_path / "videos"), "-o", str(target), "--jobs", "1"]
    sound = target / "sound.i16"
    stop_half_way(words, lambda: sound.exists() and sound.stat().st_size > 0, number, code)
    assert {file.name for file in target.iterdir()} == {
        "journal.jsonl",
        "pictures.bin",
        "sound.i16",
    }
    (tmp_path / "videos" / "b.mp4").unlink()
    (tmp_path / "videos" / "b.mp4").write_text("no video")
    done = subprocess.run(
        [sys.executable, "-m", "pixelmix", *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    # The first was safe on disk before.
    assert "0 new" in done.stdout
    assert "left out: 1" in done.stdout
