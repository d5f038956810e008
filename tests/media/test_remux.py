"""Video out: everything is copied as it is, and the new sound takes the place of the old."""

import errno
import resource
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.buffer import Buffer

from pixelmix.errors import OutputError, UsageError
from pixelmix.media.audio import AudioReader
from pixelmix.media.probe import probe
from pixelmix.media.pyav import codec_of
from pixelmix.media.remux import RemuxReport, Sound, outline, remux
from pixelmix.media.rewrite import rewrite as write_anew
from pixelmix.media.streams import Plan
from pixelmix.types import MediaInfo
from tests.media_files import (
    Chapter,
    Extras,
    Subtitle,
    Track,
    clicks,
    make_video,
    packets_of,
    tone,
)

FloatArray = npt.NDArray[np.float32]
CLICKS = [4_800, 30_000, 70_001]


def read(path: Path, track: int | None = None) -> tuple[float, FloatArray]:
    with AudioReader(probe(path, track)) as reader:
        return reader.start, np.concatenate([*reader], axis=1)


def onsets(samples: FloatArray, threshold: float = 0.4) -> list[int]:
    return [int(index) for index in np.nonzero(np.abs(samples[0]) > threshold)[0]]


def rewrite(
    source: Path,
    target: Path,
    *,
    track: int | None = None,
    codec: str | None = None,
    bit_rate: int | None = None,
    gain: float = 1.0,
) -> RemuxReport:
    """Decode the sound and write it again, as the program does with other gains."""
    info = probe(source, track)
    with AudioReader(info) as reader:
        blocks = (block * np.float32(gain) for block in reader)
        return remux(info, target, blocks, audio_start=reader.start, sound=Sound(codec, bit_rate))


def streams(path: Path) -> list[tuple[str, str, str | None, int]]:
    """Type, codec, title and disposition of every stream."""
    with av.open(str(path)) as container:
        return [
            (
                stream.type,
                codec.name if (codec := codec_of(stream)) else "",
                stream.metadata.get("title") or stream.metadata.get("name"),
                int(stream.disposition),
            )
            for stream in container.streams
        ]


SAME_CONTAINER = [
    (".mp4", "aac"),
    (".mp4", "libopus"),
    (".mp4", "libmp3lame"),
    (".mp4", "flac"),
    (".mp4", "alac"),
    (".mp4", "ac3"),
    (".mov", "aac"),
    (".mov", "pcm_s16le"),
    (".mov", "pcm_s24le"),
    (".mkv", "aac"),
    (".mkv", "libopus"),
    (".mkv", "libmp3lame"),
    (".mkv", "flac"),
    (".mkv", "ac3"),
    (".mkv", "eac3"),
    (".mkv", "pcm_s16le"),
    (".webm", "libopus"),
    (".webm", "vorbis"),
    (".ts", "aac"),
    (".ts", "ac3"),
    (".flv", "aac"),
    (".flv", "libmp3lame"),
    (".avi", "libmp3lame"),
    (".avi", "pcm_s16le"),
]


@pytest.mark.parametrize(("suffix", "codec"), SAME_CONTAINER)
@pytest.mark.parametrize("late", [Fraction(0), Fraction(1, 100), Fraction(1, 3)])
def test_new_sound_keeps_its_time_and_length(
    tmp_path: Path, suffix: str, codec: str, late: Fraction
) -> None:
    source = make_video(
        tmp_path / f"in{suffix}", audio=clicks(2, CLICKS), audio_codec=codec, audio_start=late
    )
    report = rewrite(source, tmp_path / f"out{suffix}")
    old_start, old = read(source)
    new_start, new = read(tmp_path / f"out{suffix}")
    assert new_start == pytest.approx(old_start, abs=1e-6)
    assert onsets(new) == onsets(old)
    assert len(onsets(new)) == len(CLICKS)
    self_timed = suffix == ".mp4" and codec in ("libmp3lame", "ac3") and late > 0
    if suffix in (".ts", ".flv", ".avi") or self_timed:
        # These cannot say that the last frame is not full.
        assert 0 <= new.shape[1] - old.shape[1] < 1_600
    else:
        assert new.shape == old.shape
    assert report.dropped == ()
    assert packets_of(source, 0) == packets_of(tmp_path / f"out{suffix}", 0)


@pytest.mark.parametrize("target", [".mp4", ".mov", ".mkv", ".ts"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_another_container_keeps_picture_and_sound_together(
    tmp_path: Path, suffix: str, target: str
) -> None:
    source = make_video(
        tmp_path / f"in{suffix}",
        audio=clicks(2, CLICKS),
        audio_start=Fraction(1, 4),
        audio_codec="aac",
        b_frames=2,
    )
    rewrite(source, tmp_path / f"out{target}")
    heard = []
    for path in (source, tmp_path / f"out{target}"):
        start, samples = read(path)
        begin = start - probe(path).video.start
        heard.append([begin + onset / 48_000 for onset in onsets(samples)])
    assert heard[1] == pytest.approx(heard[0], abs=0.0011)
    old, new = packets_of(source, 0), packets_of(tmp_path / f"out{target}", 0)
    assert len(old) == len(new)
    if target != ".ts":
        assert [packet[0] for packet in old] == [packet[0] for packet in new]


def test_lossless_sound_survives_unchanged(tmp_path: Path) -> None:
    for suffix, codec in ((".mov", "pcm_s16le"), (".mkv", "flac"), (".mov", "pcm_s24le")):
        source = make_video(tmp_path / f"{codec}{suffix}", audio=tone(1), audio_codec=codec)
        rewrite(source, tmp_path / f"out{suffix}")
        np.testing.assert_array_equal(read(tmp_path / f"out{suffix}")[1], read(source)[1])


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".ts"])
def test_without_new_sound_every_packet_is_copied(tmp_path: Path, suffix: str) -> None:
    source = make_video(tmp_path / f"in{suffix}", b_frames=0 if suffix == ".webm" else 2)
    report = remux(probe(source), tmp_path / f"out{suffix}", None)
    assert report.encoding is None
    for index in (0, 1):
        assert packets_of(tmp_path / f"out{suffix}", index) == packets_of(source, index)


FULL = Extras(
    chapters=[Chapter(0, 1, "One"), Chapter(1, 2, "Two")],
    metadata={"title": "The film", "artist": "Somebody"},
    subtitles=[Subtitle(0.5, 1.0, "Hello"), Subtitle(1.2, 1.9, "World")],
)
TRACKS = [
    Track(tone(2, frequency=300), codec="aac", language="fra", title="Parole"),
    Track(tone(2, frequency=500), codec="aac", language="ita", title="Musica", default=True),
    Track(tone(2, frequency=700), codec="ac3", language="eng", title="Comment"),
]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_everything_else_survives(tmp_path: Path, suffix: str) -> None:
    source = make_video(
        tmp_path / f"in{suffix}",
        extras=FULL,
        rotation=90,
        with_audio=False,
        extra_audio=TRACKS,
        video_tags={"title": "Picture"},
        b_frames=2,
    )
    target = tmp_path / f"out{suffix}"
    report = rewrite(source, target, gain=0.5)
    assert report.dropped == ()
    assert streams(target) == streams(source)
    assert probe(target).video == probe(source).video
    with av.open(str(source)) as old, av.open(str(target)) as new:
        assert [chapter["metadata"] for chapter in new.chapters()] == [
            {"title": "One"},
            {"title": "Two"},
        ]
        ticks = [Fraction(chapter["time_base"] or 0) for chapter in new.chapters()]
        starts = [chapter["start"] for chapter in new.chapters()]
        assert [start * tick for start, tick in zip(starts, ticks, strict=True)] == [0, 1]
        for name, value in old.metadata.items():
            if name.lower() not in ("encoder", "minor_version"):
                assert new.metadata[name] == value
        assert [s.language for s in new.streams] == [s.language for s in old.streams]
    for index in (0, 1, 3, 4):
        assert packets_of(target, index) == packets_of(source, index)
    assert np.sqrt(np.mean(read(target)[1] ** 2)) == pytest.approx(0.25 / 2**0.5, abs=0.01)


def test_matroska_attachments_and_cover_survive(tmp_path: Path) -> None:
    cover = np.random.default_rng(1).integers(0, 255, (32, 32, 3)).astype(np.uint8)
    font = bytes(range(256)) * 4
    extras = Extras(cover=cover, attachment=("a.ttf", "application/x-truetype-font", font))
    source = make_video(tmp_path / "in.mkv", extras=extras)
    report = rewrite(source, tmp_path / "out.mkv")
    assert report.dropped == ()
    assert streams(tmp_path / "out.mkv") == streams(source)
    with av.open(str(tmp_path / "out.mkv")) as container:
        (attached,) = container.streams.attachments
        assert (attached.name, attached.data) == ("a.ttf", font)
    assert packets_of(tmp_path / "out.mkv", 2)[0][0] == packets_of(source, 2)[0][0]


def test_mp4_cover_survives_in_both(tmp_path: Path) -> None:
    cover = np.zeros((32, 32, 3), np.uint8)
    source = make_video(tmp_path / "in.mp4", extras=Extras(cover=cover))
    for target in (tmp_path / "out.mp4", tmp_path / "out.mkv"):
        assert rewrite(source, target).dropped == ()
        assert packets_of(target, 2)[0][0] == packets_of(source, 2)[0][0]
    (dropped,) = rewrite(source, tmp_path / "out.mov").dropped
    assert "cover art" in dropped


def test_a_time_code_track_is_made_again(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mov", extras=Extras(timecode="01:00:00:05"))
    report = rewrite(source, tmp_path / "out.mov")
    assert report.dropped == ()
    with av.open(str(tmp_path / "out.mov")) as container:
        codes = [stream.metadata.get("timecode") for stream in container.streams]
    assert codes.count("01:00:00:05") == 2


def test_tags_of_phones_survive(tmp_path: Path) -> None:
    tags = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.model": "Phone"}
    source = make_video(
        tmp_path / "in.mov",
        extras=Extras(metadata=tags),
        container_options={"movflags": "use_metadata_tags"},
    )
    report = rewrite(source, tmp_path / "out.mov")
    assert report.notes == ()
    with av.open(str(tmp_path / "out.mov")) as container:
        assert tags.items() <= container.metadata.items()


def test_what_the_container_cannot_hold_is_named(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", extras=FULL, audio_codec="aac")
    report = rewrite(source, tmp_path / "out.mp4")
    assert len(report.dropped) == 1
    assert "stream 2 (subtitle, " in report.dropped[0]
    assert "mp4 cannot hold it" in report.dropped[0]
    with pytest.raises(UsageError, match=r"webm cannot hold h264 video.*\.mkv"):
        rewrite(source, tmp_path / "out.webm")
    report = rewrite(source, tmp_path / "out.ts")
    assert any("tags" in note for note in report.notes)


def test_a_video_of_an_unknown_codec_is_left_out_and_named(tmp_path: Path) -> None:
    lines = [Subtitle(0.2, 0.8, "words")]
    source = make_video(tmp_path / "in.mp4", extras=Extras(subtitles=lines))
    data = source.read_bytes()
    assert data.count(b"sbtl") == 1
    source.write_bytes(data.replace(b"sbtl", b"vide"))
    report = rewrite(source, tmp_path / "out.mp4")
    assert report.dropped[0].startswith("stream 2 (video")


def test_the_chosen_track_keeps_its_place(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", with_audio=False, extra_audio=TRACKS)
    rewrite(source, tmp_path / "out.mkv", track=2, gain=0.1)
    assert streams(tmp_path / "out.mkv") == streams(source)
    sounds = [read(tmp_path / "out.mkv", track)[1] for track in range(3)]
    levels = [float(np.sqrt(2 * np.mean(sound**2))) for sound in sounds]
    assert levels == pytest.approx([0.5, 0.5, 0.05], abs=0.01)


def test_a_file_on_the_web_keeps_its_index_first(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", container_options={"movflags": "faststart"})
    rewrite(source, tmp_path / "out.mp4")
    data = (tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    rewrite(make_video(tmp_path / "b.mp4"), tmp_path / "out.mp4")
    data = (tmp_path / "out.mp4").read_bytes()
    assert data.index(b"moov") > data.index(b"mdat")


def test_hevc_keeps_the_tag_that_players_want(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", video_codec="libx265", video_tag="hvc1", seconds=0.4)
    rewrite(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_hdr_side_data_survives(tmp_path: Path) -> None:
    options = {
        "x265-params": "log-level=none:hdr10=1:colorprim=bt2020:transfer=smpte2084:"
        "colormatrix=bt2020nc:max-cll=1000,400:"
        "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    }
    source = make_video(
        tmp_path / "in.mkv",
        video_codec="libx265",
        pixel_format="yuv420p10le",
        video_options=options,
        seconds=0.4,
    )
    rewrite(source, tmp_path / "out.mkv")
    found = []
    for path in (source, tmp_path / "out.mkv"):
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            names = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")
            found.append([frame.side_data.get(name) for name in names])
            found[-1] = [bytes(data) for data in found[-1] if isinstance(data, Buffer)]
            assert frame.color_trc == 16
    assert found[0] == found[1]
    assert len(found[0]) == 2


def test_codec_and_bit_rate_can_be_chosen(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", audio=tone(4), seconds=4)
    report = rewrite(source, tmp_path / "out.mkv", codec="mp3", bit_rate=64_000)
    assert report.encoding is not None
    assert (report.encoding.codec, report.encoding.bit_rate) == ("mp3", 64_000)
    info = probe(tmp_path / "out.mkv")
    assert info.audio.codec.startswith("mp3")
    assert info.audio.bit_rate == pytest.approx(64_000, rel=0.1)
    with pytest.raises(UsageError, match="no audio codec 'mp5'"):
        rewrite(source, tmp_path / "out.mkv", codec="mp5")
    with pytest.raises(UsageError, match=r"webm; this container takes opus"):
        remux(
            probe(make_video(tmp_path / "in.webm")),
            tmp_path / "out.webm",
            iter(()),
            sound=Sound("aac"),
        )


def test_a_rate_the_codec_does_not_know_is_converted_and_said(tmp_path: Path) -> None:
    sound = clicks(2, [4_410, 44_100], rate=44_100)
    source = make_video(tmp_path / "in.webm", audio=sound, rate=44_100, audio_codec="vorbis")
    report = rewrite(source, tmp_path / "out.webm")
    assert report.encoding is not None
    assert (report.encoding.codec, report.encoding.rate) == ("opus", 48_000)
    assert any("44100 Hz" in note for note in report.notes)
    start, samples = read(tmp_path / "out.webm")
    peaks = onsets(samples, 0.25)
    assert start == 0
    assert peaks[0] == pytest.approx(4_800, abs=1)
    assert peaks[-1] == pytest.approx(48_000, abs=1)
    length = read(source)[1].shape[1]
    assert samples.shape[1] == pytest.approx(length * 48_000 / 44_100, abs=1)


@pytest.mark.parametrize(("channels", "layout"), [(1, "mono"), (6, "5.1"), (8, "7.1")])
@pytest.mark.parametrize("codec", ["aac", "flac", "libopus"])
def test_channels_survive(tmp_path: Path, channels: int, layout: str, codec: str) -> None:
    track = Track(tone(1, channels=channels, frequency=200), codec=codec, layout=layout)
    source = make_video(tmp_path / "in.mkv", audio_track=track, seconds=1)
    rewrite(source, tmp_path / "out.mkv")
    info = probe(tmp_path / "out.mkv")
    assert (info.audio.channels, info.audio.layout) == (channels, layout)
    old, new = read(source)[1][:, 9_000:30_000], read(tmp_path / "out.mkv")[1][:, 9_000:30_000]
    for channel in range(channels):
        if layout in ("5.1", "7.1") and channel == 3:
            continue  # The bass channel keeps only bass.
        assert np.corrcoef(old[channel], new[channel])[0, 1] > 0.9


def test_side_surrounds_go_into_opus(tmp_path: Path) -> None:
    track = Track(tone(1, channels=6), codec="ac3", layout="5.1(side)", rate=48_000)
    source = make_video(tmp_path / "in.mkv", audio_track=track, seconds=1)
    assert probe(source).audio.layout == "5.1(side)"
    report = rewrite(source, tmp_path / "out.mkv", codec="opus")
    assert report.encoding is not None
    assert report.encoding.layout == "5.1"


def test_blocks_are_taken_as_the_video_advances(tmp_path: Path) -> None:
    """Memory does not grow with the length: sound is asked for only when it is due."""
    source = make_video(tmp_path / "in.mkv", seconds=20, size=(16, 16), audio_codec="pcm_s16le")
    target = tmp_path / "out.mkv"
    sizes: list[int] = []

    def blocks() -> Iterator[FloatArray]:
        for _ in range(20):
            sizes.append(target.stat().st_size if target.exists() else 0)
            yield np.random.default_rng(0).uniform(-0.5, 0.5, (2, 48_000)).astype(np.float32)

    remux(probe(source), target, blocks())
    # A second of this sound is 192,000 bytes: what was given is written, not kept.
    assert all(size > (number - 3) * 192_000 for number, size in enumerate(sizes))


def test_sound_longer_or_shorter_than_the_picture(tmp_path: Path) -> None:
    for seconds in (0.5, 6.0):
        source = make_video(tmp_path / "in.mp4", audio=tone(seconds), seconds=2)
        rewrite(source, tmp_path / "out.mp4")
        assert probe(tmp_path / "out.mp4").duration == pytest.approx(max(2.0, seconds), abs=0.03)
        assert read(tmp_path / "out.mp4")[1].shape[1] == round(seconds * 48_000)


def test_no_sound_at_all_comes(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", audio_codec="flac")
    remux(probe(source), tmp_path / "out.mkv", iter(()))
    assert packets_of(tmp_path / "out.mkv", 0) == packets_of(source, 0)


def test_an_error_in_the_sound_is_passed_on_as_it_is(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4")

    def broken() -> Iterator[FloatArray]:
        yield np.zeros((2, 1_000), np.float32)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        remux(probe(source), tmp_path / "out.mp4", broken())


def test_a_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=0.4)
    with pytest.raises(OutputError, match="folder does not exist"):
        rewrite(source, tmp_path / "gone" / "out.mp4")


def test_an_unknown_suffix_is_a_usage_error(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mp4", seconds=0.4)
    with pytest.raises(UsageError, match=r"\.mp4 .*\.mkv"):
        rewrite(source, tmp_path / "out.xyz")


def _handles() -> int:
    """Count the files that this process has open."""
    return len([*Path("/proc/self/fd").iterdir()])


def _fill_up(info: MediaInfo, target: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 480_000)).astype(np.float32)
    remux(info, target, iter([noise]))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_disk_that_fills_up_is_an_output_error(tmp_path: Path, suffix: str) -> None:
    source = make_video(tmp_path / f"in{suffix}", audio_codec="flac")
    target = tmp_path / f"out{suffix}"
    target.symlink_to("/dev/full")
    with pytest.raises(OutputError, match="disk is full"):
        _fill_up(probe(source), target)


def test_a_disk_too_full_for_the_header_leaves_no_file_open(tmp_path: Path) -> None:
    font = ("a.ttf", "font/ttf", bytes(1_000_000))
    source = make_video(tmp_path / "in.mkv", seconds=0.4, extras=Extras(attachment=font))
    target = tmp_path / "out.mkv"
    target.symlink_to("/dev/full")
    before = _handles()
    for _ in range(3):
        with pytest.raises(OutputError, match="disk is full"):
            remux(probe(source), target, None)
    assert _handles() == before


def test_a_file_that_may_not_grow_is_an_output_error(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", audio_codec="flac")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        with pytest.raises(OutputError, match=f"larger|{errno.EFBIG}"):
            _fill_up(probe(source), tmp_path / "out.mkv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _two_sounds(path: Path) -> MediaInfo:
    """Make a video whose tracks FLV takes one at a time, but not both."""
    byte = Track(tone(1, rate=44_100), rate=44_100, codec="pcm_u8")
    first = Track(tone(1, rate=44_100), rate=44_100, codec="aac")
    return probe(make_video(path, seconds=1, audio_track=first, extra_audio=[byte]))


def test_what_a_container_cannot_hold_beside_the_rest_is_left_out(tmp_path: Path) -> None:
    info = _two_sounds(tmp_path / "in.mov")
    report = remux(info, tmp_path / "out.flv", None)
    assert report.dropped == (
        "stream 2 (audio, pcm_u8): flv cannot hold it beside the other streams",
    )
    assert [kind for kind, *_ in streams(tmp_path / "out.flv")] == ["video", "audio"]
    # The track that was chosen goes first.
    report = remux(probe(info.path, 1), tmp_path / "second.flv", None)
    assert [words[:25] for words in report.dropped] == ["stream 1 (audio, aac): fl"]


def test_a_packet_that_no_muxer_takes_is_said(tmp_path: Path) -> None:
    source = make_video(tmp_path / "in.mkv", seconds=1, audio_codec="aac")
    packet = packets_of(source, 0)[10][0]
    # The length of its first unit, longer than the packet.
    source.write_bytes(source.read_bytes().replace(packet, b"\xff" * 4 + packet[4:]))
    with pytest.raises(OutputError, match=r"mpegts does not take .* near 0\.4 s.*\.mkv"):
        remux(probe(source), tmp_path / "out.ts", None)
    remux(probe(source), tmp_path / "out.mkv", None)


def test_speakers_without_names_do_not_end_the_program(tmp_path: Path) -> None:
    sound = Track(tone(1, rate=44_100), rate=44_100, codec="pcm_s16le")
    info = probe(make_video(tmp_path / "in.mkv", seconds=1, audio_track=sound))
    with pytest.raises(UsageError, match=r"flv cannot hold pcm_s16le sound; .*\.mkv"):
        remux(info, tmp_path / "out.flv", None)
    report = rewrite(info.path, tmp_path / "out.flv")
    assert report.encoding is not None
    assert report.encoding.codec == "pcm_s16le"
    assert read(tmp_path / "out.flv")[1].shape == (2, 44_100)


def test_a_refused_header_is_said_and_leaves_no_file_open(tmp_path: Path) -> None:
    info = _two_sounds(tmp_path / "in.mov")
    kinds = ("video", "audio", "audio")
    plans = [Plan(i, kind, f"{kind} {i}", "copied") for i, kind in enumerate(kinds)]
    before = _handles()
    for _ in range(3):
        with pytest.raises(
            OutputError, match=r"out\.flv: flv refuses .*\(video 0, audio 1, audio 2\).*\.mkv"
        ):
            write_anew(info, tmp_path / "out.flv", plans, [], None)
    assert _handles() == before
    assert not (tmp_path / "out.flv").exists()


def test_an_original_that_does_not_fit_beside_the_new_sound_is_a_usage_error(
    tmp_path: Path,
) -> None:
    sound = Track(tone(1, rate=44_100), rate=44_100, codec="pcm_u8")
    info = probe(make_video(tmp_path / "in.mov", seconds=1, audio_track=sound))
    with pytest.raises(UsageError, match=r"flv cannot hold the original sound .*\.mkv"):
        outline(info, tmp_path / "out.flv", Sound(keep_original=True))
