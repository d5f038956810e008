from pathlib import Path

import numpy as np
import pytest

from pixelmix.errors import InputError
from pixelmix.media.mono import read_mono
from pixelmix.media.wav import WavWriter
from pixelmix.types import FloatArray
from tests.media_files import make_video


def write(file: Path, samples: FloatArray, rate: int) -> Path:
    with WavWriter(file, rate, len(samples)) as writer:
        writer.write(samples.astype(np.float32))
    return file


def sine(seconds: float, rate: int) -> FloatArray:
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    return wave.astype(np.float32)


def test_sound_is_resampled_in_place(tmp_path: Path) -> None:
    file = write(tmp_path / "a.wav", sine(2.0, 48_000)[None], 48_000)
    found = read_mono(file, 11_025)
    assert found.dtype == np.float32
    assert abs(len(found) - 22_050) <= 1
    middle = slice(1_000, 20_000)
    np.testing.assert_allclose(found[middle], sine(2.0, 11_025)[middle], atol=2e-3)


def test_channels_become_their_mean(tmp_path: Path) -> None:
    wave = sine(0.5, 8_000)
    file = write(tmp_path / "a.wav", np.stack([wave, 0 * wave]), 8_000)
    np.testing.assert_allclose(read_mono(file, 8_000), wave / 2, atol=1e-6)


def test_what_holds_no_sound_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.opus").write_text("no sound at all")
    make_video(tmp_path / "mute.mp4", seconds=0.5, with_audio=False)
    (tmp_path / "folder.wav").mkdir()
    write(tmp_path / "empty.wav", np.zeros((1, 0), np.float32), 8_000)
    for name in ("gone.wav", "text.opus", "mute.mp4", "empty.wav", "folder.wav"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")) as caught:
            read_mono(tmp_path / name, 8_000)
        assert "\n" not in str(caught.value)
