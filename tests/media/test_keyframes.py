"""The small index of MP4 files tells the same key frames as the full one."""

from fractions import Fraction
from pathlib import Path

import pytest

from pixelmix.media import keyframes
from pixelmix.media.opening import open_input
from pixelmix.media.probe import probe
from pixelmix.media.remux import remux
from pixelmix.media.span import Span, cut_start
from tests.media_files import make_video

TIMES = [Fraction(n, 3) for n in range(20)]


def key_times(path: Path) -> list[Fraction | None]:
    scout = keyframes.Scout(probe(path), 1)
    keys = [scout.key_before(time) for time in TIMES]
    scout.close()
    return [None if key is None else key.time for key in keys]


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("late", [Fraction(0), Fraction(1, 2)])
def test_keys_are_the_same_with_the_small_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, b_frames: int, cut: bool, late: Fraction
) -> None:
    path = make_video(tmp_path / "in.mp4", seconds=6.0, gop=20, b_frames=b_frames, video_start=late)
    if cut:
        info = probe(path)
        path = tmp_path / "cut.mp4"
        remux(info, path, None, span=Span(cut_start(info, path, 2.3)))
    small = key_times(path)
    monkeypatch.setattr(keyframes, "_open_light", lambda info: open_input(info.path))
    assert small == key_times(path)
