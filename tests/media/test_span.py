"""A part of a video: cut where it can be, with picture, sound and chapters together."""

from pathlib import Path

import av
import numpy as np
import pytest

from pixelmix.media.audio import AudioReader
from pixelmix.media.frames import PictureReader
from pixelmix.media.probe import probe
from pixelmix.media.remux import remux
from pixelmix.media.span import Span, cut_start
from tests.media_files import Chapter, Extras, Subtitle, clicks, make_video, packets_of

EXTRAS = Extras(
    chapters=[Chapter(0, 2, "One"), Chapter(2, 4, "Two"), Chapter(4, 6, "Three")],
    subtitles=[Subtitle(0.5, 1, "a"), Subtitle(2.2, 2.9, "b"), Subtitle(5, 5.5, "c")],
)


def cut(source: Path, target: Path, start: float, end: float | None) -> tuple[Path, float]:
    """Write a part of `source` with its own sound encoded anew."""
    info = probe(source)
    begin = cut_start(info, target, start)
    duration = None if end is None else end - begin
    with AudioReader(info, begin, duration) as reader:
        remux(info, target, iter(reader), audio_start=reader.start, span=Span(begin, end))
    return target, begin


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts"])
@pytest.mark.parametrize(("start", "end"), [(2.5, 4.5), (0.0, 3.0), (3.25, None)])
def test_a_part_begins_at_zero_with_picture_and_sound_together(
    tmp_path: Path, suffix: str, start: float, end: float | None
) -> None:
    at = [48_000 * second + 24_000 for second in range(6)]
    source = make_video(
        tmp_path / f"in{suffix}", seconds=6, audio=clicks(6, at), extras=EXTRAS, b_frames=2, gop=25
    )
    late = probe(source).video.start
    target, begin = cut(source, tmp_path / f"out{suffix}", start + late, end and end + late)
    begin -= late
    assert begin <= start
    if suffix in (".mp4", ".mov"):
        assert begin == pytest.approx(start, abs=0.0401)
    with AudioReader(probe(target)) as reader:
        samples = np.concatenate([*reader], axis=1)
        assert reader.bridged_samples < 1_000 or suffix == ".ts"
        heard = reader.start + np.nonzero(np.abs(samples[0]) > 0.4)[0] / reader.rate
    clock = probe(target).video.start if suffix == ".ts" else 0.0
    stop = 6.0 if end is None else end
    wanted = [second + 0.5 - begin for second in range(6) if begin <= second + 0.5 < stop]
    assert heard - clock == pytest.approx(wanted, abs=0.022 if suffix == ".ts" else 0.0011)
    with (
        PictureReader(probe(source), 32, tolerance=0) as old,
        PictureReader(probe(target), 32, tolerance=0) as new,
    ):
        for time in np.arange(0.0, stop - begin - 0.1, 0.37):
            before = old.at(late + begin + float(time) + 0.01)
            after = new.at(clock + float(time) + 0.01)
            np.testing.assert_array_equal(after.rgb, before.rgb)


def test_chapters_and_subtitles_are_cut(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=6, extras=EXTRAS, gop=25)
    target, _ = cut(source, tmp_path / "out.mp4", 2.5, 4.5)
    with av.open(str(target)) as container:
        found = []
        for chapter in container.chapters():
            tick = float(chapter["time_base"] or 0)
            found.append((chapter["metadata"]["title"], chapter["start"] * tick))
        assert [title for title, _ in found] == ["Two", "Three"]
        assert [time for _, time in found] == pytest.approx([0, 4 - 2.48], abs=0.001)
        (text,) = container.streams.subtitles
        lines = [bytes(packet)[2:] for packet in container.demux(text) if packet.size > 2]
    assert lines == [b"b"]


def test_a_part_is_short_and_begins_with_a_key_frame(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", seconds=6, gop=25)
    target, begin = cut(source, tmp_path / "out.mkv", 2.5, 4.5)
    assert begin == pytest.approx(2.0, abs=0.001)
    packets = packets_of(target, 0)
    assert packets[0][3]
    assert len(packets) == pytest.approx(63, abs=2)
    assert probe(target).duration == pytest.approx(2.5, abs=0.1)


def test_a_part_without_new_sound_copies_it(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", seconds=6, audio_codec="pcm_s16le")
    info = probe(source)
    remux(info, tmp_path / "out.mkv", None, span=Span(cut_start(info, tmp_path / "out.mkv", 3), 5))
    with AudioReader(probe(tmp_path / "out.mkv")) as reader:
        total = sum(block.shape[1] for block in reader)
    assert total == pytest.approx(96_000, abs=2_100)
