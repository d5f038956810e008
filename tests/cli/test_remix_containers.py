"""`remix --verify`, `--dry-run`, `--keep-original-audio`, `--audio-track` as a user sees them."""

from pathlib import Path

import av
import pytest
from av.stream import Disposition

from tests.cli.conftest import Run
from tests.media_files import Track, make_video, packets_of, tone

MUTE = ("--point", "a=50%,50%", "--gain", "a=mute")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return make_video(
        tmp_path / "in.mkv",
        seconds=1.0,
        audio_track=Track(tone(1), codec="aac", language="eng", title="Talk", default=True),
        extra_audio=[Track(tone(1, frequency=300), codec="aac", language="fra", title="Paroles")],
    )


def test_verify_prints_what_became_of_every_stream(run: Run, video: Path) -> None:
    ran = run("remix", video, *MUTE, "--verify")
    assert ran.code == 0, ran.err
    words = " ".join(ran.out.split())
    assert "25 packets identical" in words
    assert "begins +0.000 ms, 48128 samples of 48128" in words
    ran = run("remix", video, "--point", "a=50%,50%", "--gain", "a=1", "--verify", "--json", "-y")
    assert ran.code == 0, ran.err
    findings = [str(check["finding"]) for check in ran.json["checks"]]  # type: ignore[union-attr, call-overload, index]
    assert sum("packets identical" in finding for finding in findings) == 3


def test_a_result_that_is_not_whole_is_not_written(run: Run, tmp_path: Path) -> None:
    # AVI cannot say that the sound begins after the picture.
    late = make_video(tmp_path / "in.ts", seconds=1.0, audio_codec="mp2", b_frames=2)
    ran = run("remix", late, *MUTE, "--verify", "-o", "out.avi")
    assert ran.failed_with(1, "out.avi: not written", "begins", ".mkv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.ts"]


def test_dry_run_tells_and_writes_nothing(run: Run, tmp_path: Path, video: Path) -> None:
    ran = run("remix", video, *MUTE, "--dry-run", "--json", "-o", "out.mp4", "--bitrate", "128k")
    assert ran.code == 0, ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]
    document = ran.json
    assert (document["container"], document["audio_codec"]) == ("mp4", "aac")
    fates = [stream["how"] for stream in document["streams"]]  # type: ignore[union-attr, call-overload, index]
    assert fates == ["copied", "encoded", "copied"]
    size = document["bytes"]
    assert document["work"] == pytest.approx(1 + 1 / 17, abs=0.1)
    assert run("remix", video, *MUTE, "-o", "out.mp4", "--bitrate", "128k").code == 0
    assert size == pytest.approx((tmp_path / "out.mp4").stat().st_size, rel=0.3)
    again = run("remix", video, *MUTE, "--dry-run", "-o", "out.mp4")
    assert again.failed_with(1, "out.mp4: already exists")
    assert run("remix", video, *MUTE, "--gain", "b=2", "--dry-run").failed_with(2, "'b'")


def test_the_original_stays_as_one_more_track(run: Run, tmp_path: Path, video: Path) -> None:
    ran = run("remix", video, *MUTE, "--keep-original-audio", "--verify")
    assert ran.code == 0, ran.err
    target = tmp_path / "in.remix.mkv"
    with av.open(str(target)) as container:
        tracks = [
            (track.metadata["title"], track.language, bool(track.disposition & Disposition.default))
            for track in container.streams.audio
        ]
    assert tracks == [
        ("Talk", "eng", True),
        ("Paroles", "fra", False),
        ("Talk (original)", "eng", False),
    ]
    assert [packet[0] for packet in packets_of(target, 3)] == [
        packet[0] for packet in packets_of(video, 1)
    ]


def test_a_track_is_chosen_by_its_language(run: Run, tmp_path: Path, video: Path) -> None:
    assert run("remix", video, *MUTE, "--audio-track", "fra").code == 0
    target = tmp_path / "in.remix.mkv"
    assert packets_of(target, 1) == packets_of(video, 1)
    assert packets_of(target, 2) != packets_of(video, 2)
    ran = run("separate", video, "--point", "50%,50%", "--audio-track", "ita")
    assert ran.failed_with(2, "no audio track ita", "eng, Talk", "fra, Paroles")


def test_stems_go_into_one_video(run: Run, tmp_path: Path, video: Path) -> None:
    ran = run("separate", video, "--point", "left=25%,50%", "--multitrack", "--json")
    assert ran.code == 0, ran.err
    target = tmp_path / "in.stems.mkv"
    paths = {str(stem["path"]) for stem in ran.json["stems"]}  # type: ignore[union-attr, call-overload, index]
    assert paths == {str(target)}
    with av.open(str(target)) as container:
        titles = [track.metadata["title"] for track in container.streams.audio]
    assert titles == ["left", "rest"]
    assert run("separate", video, "--multitrack", "-o", "a.avi").failed_with(2, ".mov")
