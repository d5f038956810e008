"""The grid: containers x codecs x rates x channels, each remixed and each copied."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pixelmix.media.audio import AudioReader
from pixelmix.media.probe import probe
from pixelmix.media.remux import remux
from pixelmix.media.verify import verify
from tests.media_files import Chapter, Extras, Track, clicks, make_video, packets_of
from tests.media_files import FloatArray as Samples

SECONDS = 0.6
VIDEO = {".avi": "mpeg4", ".mpg": "mpeg2video", ".webm": "libvpx"}
GRID = [
    *((".mp4", "aac", rate, 2) for rate in (8_000, 22_050, 44_100, 96_000)),
    *((".mp4", "aac", 48_000, channels) for channels in (1, 6, 8)),
    *((".mp4", codec, 48_000, 2) for codec in ("libopus", "libmp3lame", "alac", "flac", "ac3")),
    *((".mov", "pcm_s16le", rate, 2) for rate in (8_000, 44_100, 192_000)),
    *((".mov", "pcm_s24le", 48_000, channels) for channels in (1, 6, 8)),
    (".mov", "aac", 44_100, 2),
    *((".mkv", "flac", rate, 2) for rate in (8_000, 44_100, 96_000)),
    *((".mkv", codec, 44_100, 2) for codec in ("aac", "libmp3lame", "ac3", "pcm_f32le")),
    *((".mkv", codec, 48_000, 6) for codec in ("aac", "eac3", "ac3", "libopus", "flac")),
    *((".webm", "libopus", 48_000, channels) for channels in (1, 2, 6)),
    *((".avi", codec, 44_100, 2) for codec in ("pcm_s16le", "libmp3lame")),
    (".avi", "pcm_s16le", 8_000, 1),
    *((".ts", codec, 48_000, 2) for codec in ("aac", "ac3", "mp2")),
    (".ts", "aac", 44_100, 6),
    *((".mpg", codec, 48_000, 2) for codec in ("mp2", "ac3")),
    (".mpg", "mp2", 44_100, 1),
]


@pytest.fixture(params=GRID, ids=lambda cell: "-".join(str(word).lstrip(".") for word in cell))
def cell(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    suffix, codec, rate, channels = request.param
    chapters = [Chapter(0, 0.3, "One"), Chapter(0.3, SECONDS, "Two")]
    place = suffix not in (".avi", ".ts", ".mpg")
    # Away from the start: where nothing hides the encoder's priming, it takes that place.
    at = [round(0.4 * rate)]
    sound = clicks(SECONDS, at, rate=rate, channels=channels)
    return make_video(
        tmp_path / f"in{suffix}",
        seconds=SECONDS,
        size=(32, 32),
        video_codec=VIDEO.get(suffix),
        b_frames=2 if suffix in (".mp4", ".mov", ".mkv", ".ts") else 0,
        audio_track=Track(sound, rate, codec, language="fra", title="Son", default=True),
        extras=Extras(chapters=chapters if place else (), metadata={"title": "A film"}),
    )


def heard(path: Path) -> tuple[Fraction, Samples]:
    with AudioReader(probe(path)) as reader:
        return Fraction(reader.start), np.concatenate([*reader], axis=1)


def onset(samples: Samples) -> int:
    return int(np.argmax(np.abs(samples[0])))


def test_a_changed_gain_leaves_time_picture_and_properties(cell: Path) -> None:
    target = cell.with_name(f"out{cell.suffix}")
    info = probe(cell)
    with AudioReader(info) as reader:
        blocks = (block * np.float32(0.5) for block in reader)
        report = remux(info, target, blocks, audio_start=reader.start)
    (old_start, old), (new_start, new) = heard(cell), heard(target)
    rate = info.audio.rate
    assert abs(onset(new) - onset(old) + (new_start - old_start) * rate) <= 1
    assert np.abs(new).max() == pytest.approx(0.5 * np.abs(old).max(), rel=0.25)
    assert packets_of(target, info.video.index) == packets_of(cell, info.video.index)
    written = probe(target)
    # What is stated of a program stream is a guess; the samples tell, and fill up a last packet.
    assert 0 <= new.shape[1] - old.shape[1] <= 2 * 1_152
    if cell.suffix != ".mpg":
        assert written.duration == pytest.approx(info.duration, abs=1 / 25)
    audio, before = written.audio, info.audio
    assert (audio.codec, audio.rate, audio.channels) == (before.codec, rate, before.channels)
    assert (audio.layout, audio.language, audio.title) == (
        before.layout,
        before.language,
        before.title,
    )
    assert [check for check in verify(info, target, report, None) if not check.passed] == []
    assert (report.dropped, report.notes) == ((), ())


def test_unit_gains_copy_every_packet(cell: Path) -> None:
    target = cell.with_name(f"out{cell.suffix}")
    report = remux(probe(cell), target, None)
    assert report.encoding is None
    for index in (0, 1):
        assert packets_of(target, index) == packets_of(cell, index)
