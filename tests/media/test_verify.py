"""A remix compared with its input: whole ones pass, and every kind of harm is seen."""

from fractions import Fraction
from pathlib import Path

import pytest

from pixelmix.media.audio import AudioReader
from pixelmix.media.probe import probe
from pixelmix.media.remux import RemuxReport, remux
from pixelmix.media.span import Span, cut_start
from pixelmix.media.verify import Check, verify
from tests.media_files import Chapter, Extras, Subtitle, Track, corrupt_packets, make_video, tone

EXTRAS = Extras(
    chapters=[Chapter(0, 0.5, "One"), Chapter(0.5, 1, "Two")],
    subtitles=[Subtitle(0.2, 0.8, "Hello")],
)


def film(path: Path, codec: str, *, late: Fraction = Fraction(0), video: str | None = None) -> Path:
    texts = path.suffix in (".mp4", ".mov", ".mkv")
    return make_video(
        path,
        seconds=1.0,
        video_codec=video,
        b_frames=2 if texts else 0,
        audio_track=Track(tone(1), codec=codec, default=True, start=late),
        extra_audio=[Track(tone(1, frequency=300), codec=codec, language="fra", title="B")],
        extras=EXTRAS if texts else None,
    )


def written(source: Path, target: Path, *, new: bool) -> RemuxReport:
    info = probe(source)
    if not new:
        return remux(info, target, None)
    with AudioReader(info) as reader:
        return remux(info, target, (0.5 * block for block in reader), audio_start=reader.start)


def faults(checks: tuple[Check, ...]) -> list[str]:
    return [f"{check.subject}: {check.finding}" for check in checks if not check.passed]


WAYS = [
    (".mp4", "aac", None, ".mp4"),
    (".mp4", "aac", None, ".mkv"),
    (".mp4", "aac", None, ".ts"),
    (".mov", "pcm_s16le", None, ".mov"),
    (".mov", "pcm_s16le", None, ".mkv"),
    (".mkv", "libopus", None, ".mkv"),
    (".mkv", "flac", None, ".mp4"),
    (".webm", "libopus", None, ".webm"),
    (".avi", "libmp3lame", None, ".avi"),
    (".ts", "aac", None, ".ts"),
    (".ts", "aac", None, ".mp4"),
    (".mpg", "mp2", "mpeg2video", ".mpg"),
    (".mpg", "mp2", "mpeg2video", ".mkv"),
]


@pytest.mark.parametrize(("suffix", "codec", "video", "target"), WAYS)
@pytest.mark.parametrize("new", [True, False], ids=["new sound", "copied"])
def test_a_whole_result_passes(
    tmp_path: Path, suffix: str, codec: str, video: str | None, target: str, *, new: bool
) -> None:
    source = film(tmp_path / f"in{suffix}", codec, video=video)
    report = written(source, tmp_path / f"out{target}", new=new)
    checks = verify(probe(source), tmp_path / f"out{target}", report, None)
    assert faults(checks) == []
    identical = [check for check in checks if "packets identical" in check.finding]
    assert len(identical) == sum(one.how == "copied" for one in report.streams)


def test_a_part_passes(tmp_path: Path) -> None:
    for suffix, codec in ((".mp4", "aac"), (".mkv", "flac")):
        source, target = film(tmp_path / f"in{suffix}", codec), tmp_path / f"out{suffix}"
        info = probe(source)
        span = Span(cut_start(info, target, 0.4), 0.9)
        with AudioReader(info, span.start, 0.9 - span.start) as reader:
            report = remux(info, target, iter(reader), audio_start=reader.start, span=span)
        assert faults(verify(info, target, report, span)) == []


@pytest.mark.parametrize("number", [0, 2])
def test_damaged_packets_are_seen(tmp_path: Path, number: int) -> None:
    source, target = film(tmp_path / "in.mp4", "aac"), tmp_path / "out.mp4"
    report = written(source, target, new=True)
    corrupt_packets(target, number, [3, 4])
    (fault,) = faults(verify(probe(source), target, report, None))
    assert "2 of " in fault
    assert f"stream {number} " in fault


def test_sound_too_late_or_too_short_is_seen(tmp_path: Path) -> None:
    source, target = film(tmp_path / "in.mkv", "flac"), tmp_path / "out.mkv"
    info = probe(source)
    for late, cut in ((0.005, 0), (0.0, 9_600)):
        with AudioReader(info) as reader:
            blocks = (block[:, cut:] for block in reader)
            report = remux(info, target, blocks, audio_start=reader.start + late)
        (fault,) = faults(verify(info, target, report, None))
        assert fault.startswith("stream 1 (audio, flac): begins")


def test_another_file_is_seen(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", "aac")
    report = written(source, tmp_path / "out.mp4", new=False)
    other = make_video(tmp_path / "other.mp4", seconds=2.0)
    found = faults(verify(probe(source), other, report, None))
    words = ("packets instead of", "is missing", "long, the input")
    assert all(any(word in fault for fault in found) for word in words)
