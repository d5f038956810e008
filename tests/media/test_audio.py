"""Sound in: every sample at its time, whatever the container does to it."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from pixelmix.errors import InputError
from pixelmix.media.audio import AudioReader
from pixelmix.media.probe import probe
from tests.media_files import Track, clicks, corrupt_packets, make_video, packets_of, tone

FloatArray = npt.NDArray[np.float32]
CLICKS = [4_800, 30_000, 70_001]


def read(
    path: Path, start: float | None = None, duration: float | None = None
) -> tuple[float, FloatArray]:
    with AudioReader(probe(path), start, duration) as reader:
        blocks = [*reader]
        shape = np.zeros((reader.channels, 0), np.float32)
        return reader.start, np.concatenate([shape, *blocks], axis=1)


def onsets(samples: FloatArray, threshold: float = 0.4) -> list[int]:
    return [int(index) for index in np.nonzero(np.abs(samples[0]) > threshold)[0]]


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
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
        (".mkv", "vorbis"),
        (".mkv", "flac"),
        (".mkv", "ac3"),
        (".mkv", "eac3"),
        (".mkv", "pcm_f32le"),
        (".webm", "libopus"),
        (".webm", "vorbis"),
        (".avi", "pcm_s16le"),
        (".ogv", "libopus"),
    ],
)
def test_a_click_is_heard_at_its_sample(tmp_path: Path, suffix: str, codec: str) -> None:
    path = make_video(tmp_path / f"a{suffix}", audio=clicks(2, CLICKS), audio_codec=codec)
    start, samples = read(path)
    assert start == 0
    assert onsets(samples) == CLICKS
    # Codecs fill up their last frame; containers that say so get it cut.
    assert 96_000 <= samples.shape[1] < 96_000 + 1_536


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".webm", ".ts"])
def test_length_is_exact_where_the_container_states_it(tmp_path: Path, suffix: str) -> None:
    codec = "pcm_s16le" if suffix == ".mov" else None
    _, samples = read(
        make_video(tmp_path / f"a{suffix}", audio=tone(2)[:, :95_123], audio_codec=codec)
    )
    assert samples.shape[1] == 95_123 or suffix == ".ts"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".ts", ".webm"])
def test_picture_and_sound_stay_together_when_the_sound_is_late(
    tmp_path: Path, suffix: str
) -> None:
    path = make_video(tmp_path / f"a{suffix}", audio=clicks(2, CLICKS), audio_start=Fraction(1, 2))
    info = probe(path)
    start, samples = read(path)
    heard = [start - info.video.start + onset / 48_000 for onset in onsets(samples)]
    # Milliseconds are all that most of these containers keep of a late start.
    assert heard == pytest.approx([0.5 + click / 48_000 for click in CLICKS], abs=0.0011)


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_rates(tmp_path: Path, rate: int) -> None:
    sound = tone(0.5, rate=rate)
    path = make_video(
        tmp_path / "a.mkv", audio=sound, rate=rate, audio_codec="pcm_f32le", seconds=0.5
    )
    _, samples = read(path)
    np.testing.assert_array_equal(samples, sound)


@pytest.mark.parametrize(
    ("channels", "layout"), [(1, "mono"), (2, "stereo"), (3, "2.1"), (6, "5.1"), (8, "7.1")]
)
def test_channels_keep_their_order(tmp_path: Path, channels: int, layout: str) -> None:
    sound = tone(0.5, channels=channels)
    track = Track(sound, codec="flac", layout=layout)
    path = make_video(tmp_path / "a.mkv", audio_track=track, seconds=0.5)
    assert probe(path).audio.layout == layout
    _, samples = read(path)
    np.testing.assert_allclose(samples, sound, atol=2**-15)


@pytest.mark.parametrize(
    ("codec", "step"),
    [
        ("pcm_u8", 2**-7),
        ("pcm_s16le", 2**-15),
        ("alac", 2**-15),
        ("pcm_s24le", 2**-23),
        ("pcm_s32le", 2**-23),
        ("pcm_f64le", 0),
    ],
)
def test_sample_formats(tmp_path: Path, codec: str, step: float) -> None:
    sound = tone(0.2)
    path = make_video(tmp_path / "a.mov", audio=sound, audio_codec=codec, seconds=0.2)
    _, samples = read(path)
    np.testing.assert_allclose(samples, sound, atol=step)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("start", [0.0, 0.3333, 1.0, 7.25, 11.9])
def test_a_part_is_the_same_as_that_part_of_the_whole(
    tmp_path: Path, suffix: str, start: float
) -> None:
    noise = np.random.default_rng(5).uniform(-0.5, 0.5, (1, 12 * 44_100)).astype(np.float32)
    path = make_video(
        tmp_path / f"a{suffix}", audio=noise, rate=44_100, audio_codec="aac", seconds=1
    )
    first, whole = read(path)
    begin, part = read(path, first + start, 0.7)
    sample = round(start * 44_100)
    assert begin == pytest.approx(first + sample / 44_100, abs=1e-9)
    assert part.shape[1] == min(round((start + 0.7) * 44_100), whole.shape[1]) - sample
    np.testing.assert_allclose(part, whole[:, sample : sample + part.shape[1]], atol=1e-6)


def test_parts_laid_end_to_end_are_the_whole(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", audio=tone(3, rate=44_100), rate=44_100, seconds=1)
    _, whole = read(path)
    cuts = [0.0, 0.7771, 1.3, 2.2]
    lengths = [*np.diff(cuts).tolist(), None]
    parts = [read(path, cut, length)[1] for cut, length in zip(cuts, lengths, strict=True)]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-6)


def test_a_start_outside_the_sound(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mov", audio=tone(1), seconds=1, audio_start=Fraction(1))
    start, samples = read(path, 0.0, 1.5)
    assert start == pytest.approx(1.0)
    assert samples.shape[1] == 24_000
    _, nothing = read(path, 5.0)
    assert nothing.shape == (2, 0)


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "aac"), (".mkv", "flac"), (".mkv", "libopus")]
)
def test_a_hole_is_bridged_by_silence(tmp_path: Path, suffix: str, codec: str) -> None:
    track = Track(clicks(4, [*CLICKS, 180_000]), codec=codec, holes=[(1.8, 2.6)])
    path = make_video(tmp_path / f"a{suffix}", audio_track=track, seconds=4)
    with AudioReader(probe(path)) as reader:
        samples = np.concatenate([*reader], axis=1)
        assert onsets(samples) == [*CLICKS, 180_000]
        assert reader.bridged_samples == pytest.approx(0.8 * 48_000, abs=9_300)
        assert reader.bridged_samples > 30_000
        assert reader.corrupt_packets == 0
    assert samples.shape[1] == pytest.approx(192_000, abs=1_536)


def test_whole_milliseconds_are_not_holes(tmp_path: Path) -> None:
    """44,100 Hz in Matroska: no packet's time is a whole millisecond."""
    path = make_video(
        tmp_path / "a.mkv", audio=tone(20, rate=44_100), rate=44_100, audio_codec="flac", seconds=1
    )
    with AudioReader(probe(path)) as reader:
        assert sum(block.shape[1] for block in reader) == 20 * 44_100
        assert reader.bridged_samples == 0
        assert reader.trimmed_samples == 0


def test_a_corrupt_packet_loses_only_itself(tmp_path: Path) -> None:
    sound = clicks(4, [10_000, 100_000, 180_000])
    path = make_video(tmp_path / "a.mp4", audio=sound, audio_codec="flac", seconds=4)
    count = len(packets_of(path, 1))
    corrupt_packets(path, 1, [12, 13, count - 1])
    with AudioReader(probe(path)) as reader:
        samples = np.concatenate([*reader], axis=1)
        assert reader.corrupt_packets == 3
        assert reader.bridged_samples == pytest.approx(2 * 4_608 + 3_000, abs=1_700)
    assert onsets(samples) == [10_000, 100_000, 180_000]
    assert samples.shape[1] == pytest.approx(192_000, abs=48)


def test_a_corrupt_aac_packet_loses_only_itself_and_its_neighbour(tmp_path: Path) -> None:
    # FFmpeg's decoder answers such a packet with an error code of no name.
    path = make_video(tmp_path / "a.mp4", audio=tone(4), seconds=4)
    corrupt_packets(path, 1, range(50, 52))
    with AudioReader(probe(path)) as reader:
        samples = np.concatenate([*reader], axis=1)
        assert reader.corrupt_packets >= 1
        assert reader.bridged_samples <= 4 * 1_024
    assert samples.shape[1] == pytest.approx(192_000, abs=2_048)


def test_a_corrupt_beginning_does_not_move_the_rest(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", audio=clicks(2, CLICKS), audio_codec="flac")
    corrupt_packets(path, 1, [0, 1])
    start, samples = read(path)
    assert start == 0
    assert onsets(samples) == [30_000, 70_001]


def test_overlaps_are_trimmed(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    first = make_video(tmp_path / "1.ts", audio=tone(2), audio_codec="mp2")
    later = make_video(
        tmp_path / "2.ts", audio=tone(2), audio_codec="mp2", audio_start=Fraction(7, 4)
    )
    path.write_bytes(first.read_bytes() + later.read_bytes())
    with AudioReader(probe(path)) as reader:
        total = sum(block.shape[1] for block in reader)
        assert reader.trimmed_samples == pytest.approx(12_000, abs=2_000)
        assert total == pytest.approx(180_000, abs=2_000)


def test_a_file_cut_short_gives_what_it_has(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", audio=tone(4), seconds=4)
    info = probe(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with AudioReader(info) as reader:
        total = sum(block.shape[1] for block in reader)
    assert 48_000 < total < 150_000


def test_a_change_of_rate_in_mid_stream_is_resampled(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    first = make_video(tmp_path / "1.ts", audio=tone(2), audio_codec="mp2", seconds=2)
    later = make_video(
        tmp_path / "2.ts",
        audio=tone(2, rate=44_100),
        rate=44_100,
        audio_codec="mp2",
        seconds=2,
        video_start=Fraction(2),
        audio_start=Fraction(2),
    )
    path.write_bytes(first.read_bytes() + later.read_bytes())
    with AudioReader(probe(path)) as reader:
        samples = np.concatenate([*reader], axis=1)
    assert reader.rate == 48_000
    assert samples.shape[1] == pytest.approx(4 * 48_000, abs=4_000)
    tail = samples[0, -48_000:-4_800]
    spectrum = np.abs(np.fft.rfft(tail * np.hanning(tail.size)))
    assert np.argmax(spectrum) * 48_000 / tail.size == pytest.approx(440, abs=3)


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", audio=tone(60), audio_codec="flac", seconds=1)
    with AudioReader(probe(path)) as reader:
        assert max(block.shape[1] for block in reader) < 1 << 16


def test_hours_of_silence_for_a_second_of_sound_are_refused(tmp_path: Path) -> None:
    video = make_video(tmp_path / "in.mkv", audio_codec="aac", with_audio=True)
    jumping = tmp_path / "jumping.mkv"
    with av.open(str(video)) as source, av.open(str(jumping), "w") as output:
        copies = [output.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            if packet.dts is None or packet.pts is None:
                continue
            if packet.stream.type == "audio" and packet.pts * packet.time_base > 1:
                packet.pts += round(5_000 / packet.time_base)
                packet.dts = packet.pts
            packet.stream = copies[packet.stream.index]
            output.mux(packet)
    with pytest.raises(InputError, match=r"jumping\.mkv: 1\.4 hours of its sound are missing"):
        read(jumping)
    start, samples = read(jumping, duration=1.0)
    assert (start, samples.shape[1]) == (0.0, 48_000)
