"""Files that mean no good: names with commands for the terminal, samples that are no numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

from pixelmix.cli.console import Console
from tests.cli.conftest import Run
from tests.media_files import make_video, tone

POINT = ("--point", "a=50%,50%")


@pytest.mark.parametrize("name", ["two\nlines", "red\x1b[31m", "\u202emirrored", "not utf \udcff"])
def test_hostile_name_stays_one_line_of_plain_text(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.mp4").write_bytes(b"no video")
    ran = run("separate", f"{name}.mp4", *POINT)
    assert ran.failed_with(1, "not a video file")
    assert ran.err[:-1].isprintable()


def test_hostile_name_is_told_and_kept(run: Run, tmp_path: Path) -> None:
    video = make_video(tmp_path / "\udcff\n\x1b[31m.mkv")
    ran = run("remix", video.name, *POINT, "--gain", "a=0.5")
    assert ran.code == 0
    assert all(line.isprintable() for line in ran.out.splitlines() + ran.err.splitlines())
    ran = run("separate", video.name, *POINT, "--json")
    assert ran.json["input"] == video.name
    assert ran.out.isascii()
    assert {path.name for path in tmp_path.iterdir()} == {
        video.name,
        f"{video.stem}.remix.mkv",
        f"{video.stem}.stems",
    }


def test_no_numbers_in_the_sound_are_silence_and_said(run: Run, tmp_path: Path) -> None:
    sound = tone(2.0, rate=16_000, channels=1)
    sound[:, [100, 200, 300]] = np.nan, np.inf, -3e38
    video = make_video(tmp_path / "in.mkv", audio=sound, rate=16_000, audio_codec="pcm_f32le")
    ran = run("separate", video, *POINT, "--json")
    assert ran.code == 0
    assert ran.json["run"]["bad_samples"] == 3
    assert "3 samples are no numbers" in ran.err
    stem = (tmp_path / "in.stems" / "a.wav").read_bytes()
    rest = (tmp_path / "in.stems" / "rest.wav").read_bytes()
    both = [np.frombuffer(wav[-4 * 32_000 :], np.float32) for wav in (stem, rest)]
    sound[:, [100, 200, 300]] = 0.0
    np.testing.assert_allclose(both[0] + both[1], sound[0], atol=1e-6)


def test_document_is_plain_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    Console(as_json=True).document({"path": "\udcff \u202e \x1b é"})
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed) == {"path": "\udcff \u202e \x1b é"}
