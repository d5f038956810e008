"""All stems in one video: named, sample-exact, lossless, and the picture as it was."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from pixelmix.errors import UsageError
from pixelmix.media.audio import AudioReader
from pixelmix.media.multitrack import write_multitrack
from pixelmix.media.probe import probe
from tests.media_files import Chapter, Extras, make_video, packets_of, tone

NAMES = ("violin", "guitar", "rest")
STEMS = [tone(1, frequency=frequency) * np.float32(1.5) for frequency in (200, 300, 400)]


@pytest.mark.parametrize("late", [Fraction(0), Fraction(1, 4)])
@pytest.mark.parametrize("suffix", [".mkv", ".mov", ".mp4"])
def test_stems_come_back_as_they_went_in(tmp_path: Path, suffix: str, late: Fraction) -> None:
    source = make_video(
        tmp_path / f"in{suffix}",
        seconds=1.0,
        audio_start=late,
        audio_codec="flac" if suffix != ".mov" else "pcm_s16le",
        extras=Extras(timecode="01:00:00:00") if suffix == ".mov" else None,
    )
    target = tmp_path / f"out{suffix}"
    scale = np.float32(0.5) if suffix == ".mp4" else np.float32(1)
    blocks = (
        [scale * stem[:, begin : begin + 5_000] for stem in STEMS]
        for begin in range(0, 48_000, 5_000)
    )
    info = probe(source)
    report = write_multitrack(info, target, NAMES, blocks, audio_start=info.audio.start)
    assert report.dropped == ()
    assert packets_of(target, 0) == packets_of(source, 0)
    with av.open(str(target)) as container:
        tracks = container.streams.audio
        titles = [track.metadata.get("title") or track.metadata.get("name") for track in tracks]
        marks = [bool(track.disposition & Disposition.default) for track in tracks]
        others = {stream.type for stream in container.streams} - {"video", "audio"}
    assert titles == list(NAMES)
    assert marks == [True, False, False]
    # The time code track is a data stream.
    assert others <= ({"data"} if suffix == ".mov" else set())
    for number, stem in enumerate(STEMS):
        with AudioReader(probe(target, number)) as reader:
            assert reader.start == pytest.approx(float(late), abs=1e-6)
            read = np.concatenate([*reader], axis=1)
        # ALAC keeps 24 bits; PCM keeps the very floats, beyond full scale too.
        atol = 2**-23 if suffix == ".mp4" else 0
        np.testing.assert_allclose(read, scale * stem, rtol=0, atol=atol)


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    info = probe(make_video(tmp_path / "in.mkv", seconds=0.4))
    with pytest.raises(UsageError, match=r"\.mkv, \.mov or \.mp4"):
        write_multitrack(info, tmp_path / "out.avi", NAMES, iter(()), audio_start=0.0)


def test_the_other_streams_are_no_part_of_it(tmp_path: Path) -> None:
    extras = Extras(chapters=[Chapter(0, 0.4, "One")], attachment=("a.txt", "text/plain", b"a"))
    info = probe(make_video(tmp_path / "in.mkv", seconds=0.4, extras=extras))
    report = write_multitrack(
        info, tmp_path / "out.mkv", ("a",), iter([[STEMS[0]]]), audio_start=0.0
    )
    assert len(report.kept) == 2
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
