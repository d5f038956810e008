"""From file to file: what a separation and a remix must keep, and what they must remove."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from pixelmix.dsp.warp import HighBand
from pixelmix.errors import PixelmixError, UsageError
from pixelmix.hearing import Progress, Source
from pixelmix.media.audio import AudioReader
from pixelmix.media.probe import probe
from pixelmix.media.stemfile import StemFormat
from pixelmix.mix.gain_options import GainOption, parse_gain
from pixelmix.model.bundle import load_bundle
from pixelmix.model.session import Networks
from pixelmix.pipeline.mixer import HIGHEST_PEAK, Clip
from pixelmix.pipeline.remix import remix_video
from pixelmix.pipeline.separate import separate_video
from pixelmix.regions.parse import parse_point, parse_region, resolve
from pixelmix.stems import StemStream
from pixelmix.types import FloatArray
from tests.media_files import make_video, packets_of, tone

LEFT, RIGHT = parse_region("left=0%,0%,50%,100%"), parse_region("right=50%,0%,50%,100%")


@pytest.fixture(scope="module")
def networks(tiny_bundle: Path) -> Networks:
    return Networks.open(load_bundle(tiny_bundle), "cpu", threads=1)


def sound(path: Path) -> FloatArray:
    with AudioReader(probe(path)) as reader:
        return np.concatenate(list(reader), axis=1)


def halves(index: int) -> npt.NDArray[np.uint8]:
    """A picture whose two halves differ in colour and texture."""
    picture = np.full((48, 64, 3), (200, 40 + index % 50, 30), np.uint8)
    picture[:, 32:] = (10, 60, 220)
    picture[::4, 32:] = 255
    return picture


def chirps(seconds: float, channels: int, rate: int) -> FloatArray:
    """A sound with energy everywhere, different in each channel."""
    random = np.random.default_rng(channels)
    time = np.arange(round(seconds * rate)) / rate
    sweep = np.sin(2 * np.pi * (100 * time + 150 * time**2))
    noise = random.normal(size=(channels, len(time))) * 0.05
    return (0.3 * sweep + noise).astype(np.float32)


@pytest.mark.parametrize(
    ("suffix", "rate", "channels", "seconds"),
    [
        (".mkv", 48_000, 2, 13.3),
        (".mov", 44_100, 1, 7.0),
        (".mkv", 8_000, 1, 6.5),
        (".mov", 96_000, 2, 3.0),
        (".mkv", 48_000, 6, 6.1),
        (".mkv", 22_050, 2, 0.2),
    ],
)
def test_stems_sum_to_the_original_at_its_own_rate(
    networks: Networks, tmp_path: Path, suffix: str, rate: int, channels: int, seconds: float
) -> None:
    video = make_video(
        tmp_path / f"in{suffix}",
        seconds=max(seconds, 1.0),
        audio=chirps(seconds, channels, rate),
        rate=rate,
        audio_codec="pcm_s16le",
        draw=halves,
    )
    result = separate_video(Source(video), tmp_path / "stems", [LEFT, RIGHT], networks)
    assert set(result.files) == {"left", "right", "rest"}
    original = sound(video)
    stems = {name: read_stem(path, rate, channels) for name, path in result.files.items()}
    total = np.sum(list(stems.values()), axis=0)
    np.testing.assert_allclose(total, original, atol=1e-4)
    assert np.abs(stems["left"] - stems["right"]).max() > 1e-4
    assert result.seconds == pytest.approx(original.shape[1] / rate)


def read_stem(path: Path, rate: int, channels: int) -> FloatArray:
    import scipy.io.wavfile

    found, samples = scipy.io.wavfile.read(path)
    assert found == rate
    flat = np.asarray(samples, dtype=np.float32).reshape(-1, channels)
    return flat.T


def test_gain_of_zero_removes_exactly_the_stem(networks: Networks, tmp_path: Path) -> None:
    video = make_video(
        tmp_path / "in.mov",
        seconds=8.0,
        audio=chirps(8.0, 2, 48_000) * 0.5,
        audio_codec="pcm_f32le",
    )
    stems = separate_video(Source(video), tmp_path / "stems", [LEFT, RIGHT], networks)
    remix_video(
        Source(video), tmp_path / "out.mov", [LEFT, RIGHT], gains("left=mute"), lambda: networks
    )
    removed = sound(video) - sound(tmp_path / "out.mov")
    np.testing.assert_allclose(removed, read_stem(stems.files["left"], 48_000, 2), atol=1e-6)


def gains(*texts: str) -> Sequence[GainOption]:
    return [parse_gain(text) for text in texts]


def test_unit_gains_copy_every_packet_and_open_no_network(tmp_path: Path) -> None:
    video = make_video(tmp_path / "in.mp4", seconds=3.0)

    def never() -> Networks:
        raise AssertionError("no network is needed to copy")

    result = remix_video(Source(video), tmp_path / "out.mp4", [LEFT], gains("left=1"), never)
    assert result.report.encoding is None
    for index in (0, 1):
        assert packets_of(tmp_path / "out.mp4", index) == packets_of(video, index)


def test_a_copy_tells_its_progress_and_can_be_given_up(tmp_path: Path) -> None:
    video = make_video(tmp_path / "in.mp4", seconds=5.0)
    told: list[tuple[float, float | None]] = []

    def copy(progress: Progress) -> None:
        def never() -> Networks:
            raise AssertionError("no network is needed to copy")

        target = tmp_path / "out.mp4"
        remix_video(
            Source(video), target, [LEFT], gains("left=1"), never, overwrite=True, progress=progress
        )

    def give_up(_done: float, _total: float | None) -> None:
        raise PixelmixError("stopped")

    copy(lambda done, total: told.append((done, total)))
    assert [round(done) for done, _ in told] == [0, 1, 2, 3, 4]
    assert all(total == pytest.approx(5.0, abs=0.1) for _, total in told)
    (tmp_path / "out.mp4").unlink()
    with pytest.raises(PixelmixError, match="stopped"):
        copy(give_up)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_picture_packets_are_copied_when_the_sound_changes(
    networks: Networks, tmp_path: Path
) -> None:
    video = make_video(tmp_path / "in.mp4", seconds=3.0, b_frames=2, rotation=90)
    out = tmp_path / "out.mp4"
    remix_video(Source(video), out, [LEFT], gains("left=-6dB"), lambda: networks)
    assert packets_of(out, 0) == packets_of(video, 0)
    before, after = probe(video), probe(out)
    assert after.video == before.video
    assert after.audio.codec == before.audio.codec
    assert after.audio.start == pytest.approx(before.audio.start, abs=1e-6)


def test_time_span_leaves_the_sound_outside_alone(networks: Networks, tmp_path: Path) -> None:
    video = make_video(
        tmp_path / "in.mov", seconds=6.0, audio=chirps(6.0, 1, 48_000), audio_codec="pcm_f32le"
    )
    remix_video(
        Source(video), tmp_path / "out.mov", [LEFT], gains("left=mute@2-3"), lambda: networks
    )
    change = np.abs(sound(tmp_path / "out.mov") - sound(video))[0]
    assert change[: 2 * 48_000].max() < 1e-6
    assert change[3 * 48_000 + 1 :].max() < 1e-6
    assert change[2 * 48_000 : 3 * 48_000].max() > 1e-3


def test_no_step_at_window_borders(networks: Networks, tmp_path: Path) -> None:
    """A steady tone stays steady where one window's mask hands over to the next.

    Windows are 5.94 s and overlap by half: with one picture all through, every window has the
    same input up to the tone's phase, so that any step would come from the seams.
    """
    rate = 44_100
    video = make_video(
        tmp_path / "in.mov",
        seconds=15.0,
        audio=tone(15.0, rate=rate, channels=1, frequency=440.0),
        rate=rate,
        audio_codec="pcm_f32le",
        draw=lambda _: np.full((48, 64, 3), 90, np.uint8),
    )
    result = separate_video(Source(video), tmp_path / "stems", [LEFT], networks)
    stem = read_stem(result.files["left"], rate, 1)[0]
    inside = stem[rate : -7 * rate].astype(np.float64)
    # Away from the tone's own frequency there is nothing but what a step would scatter.
    spectrum = np.fft.rfft(inside * np.hanning(len(inside)))
    frequency = np.fft.rfftfreq(len(inside), 1 / rate)
    away = np.abs(frequency - 440.0) > 50.0
    scattered = np.abs(spectrum[away]).max() / np.abs(spectrum).max()
    assert 20 * np.log10(scattered) < -60.0


def test_start_and_duration_cut_the_stems(networks: Networks, tmp_path: Path) -> None:
    video = make_video(tmp_path / "in.mov", seconds=5.0, audio=chirps(5.0, 2, 48_000))
    source = Source(video, start=1.25, duration=2.0)
    result = separate_video(source, tmp_path / "stems", [LEFT], networks)
    assert result.seconds == pytest.approx(2.0)
    total = sum(read_stem(path, 48_000, 2) for path in result.files.values())
    np.testing.assert_allclose(total, sound(video)[:, 60_000:156_000], atol=1e-4)


def test_each_picture_goes_through_the_network_once(tiny_bundle: Path, tmp_path: Path) -> None:
    class Counting(Networks):
        count = 0

        def features(self, images: FloatArray) -> FloatArray:
            Counting.count += len(images)
            return super().features(images)

    video = make_video(tmp_path / "in.mkv", seconds=30.0, fps=5, gop=5)
    with Counting.open(load_bundle(tiny_bundle), "cpu", 1) as networks:
        info = probe(video)
        regions = resolve([parse_point("50%,50%")], info.video.width, info.video.height)
        with StemStream(Source(video), info, regions, networks) as stream:
            seconds = sum(block.samples.shape[1] for block in stream) / stream.audio.rate
    assert seconds == pytest.approx(30.0, abs=0.05)
    # One picture per half window (2.97 s), and one before the start that is the first again.
    assert 9 <= Counting.count <= 13


def test_places_outside_and_missing_places_are_refused(networks: Networks, tmp_path: Path) -> None:
    video = make_video(tmp_path / "in.mp4")
    with pytest.raises(UsageError, match="64 x 48"):
        separate_video(Source(video), tmp_path / "stems", [parse_point("70,10")], networks)
    with pytest.raises(UsageError, match="--point"):
        separate_video(Source(video), tmp_path / "stems", [], networks)
    assert {path.name for path in tmp_path.iterdir()} == {"in.mp4"}


def test_failing_half_way_leaves_nothing(networks: Networks, tmp_path: Path) -> None:
    video = make_video(tmp_path / "in.mp4", seconds=20.0, fps=5)

    def fail(done: float, _total: float | None) -> None:
        if done > 8:
            raise PixelmixError("half-way")

    for work in (
        lambda: separate_video(Source(video), tmp_path / "s", [LEFT], networks, progress=fail),
        lambda: remix_video(
            Source(video),
            tmp_path / "out.mp4",
            [LEFT],
            gains("left=0"),
            lambda: networks,
            progress=fail,
        ),
    ):
        with pytest.raises(PixelmixError, match="half-way"):
            work()
        assert {path.name for path in tmp_path.iterdir()} == {"in.mp4"}


def test_existing_folder_keeps_what_is_not_a_stem(networks: Networks, tmp_path: Path) -> None:
    video = make_video(tmp_path / "in.mp4")
    folder = tmp_path / "stems"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    separate_video(Source(video), folder, [LEFT], networks)
    assert {path.name for path in folder.iterdir()} == {"left.wav", "rest.wav", "notes.txt"}
    with pytest.raises(PixelmixError, match=r"left\.wav"):
        separate_video(Source(video), folder, [LEFT], networks)
    separate_video(Source(video), folder, [LEFT], networks, overwrite=True)
    assert (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_part_of_a_video_is_remixed_in_sync(
    networks: Networks, tmp_path: Path, suffix: str
) -> None:
    samples = chirps(8.0, 1, 48_000)
    video = make_video(
        tmp_path / f"in{suffix}", seconds=8.0, gop=25, audio=samples, audio_codec="flac"
    )
    out = tmp_path / f"out{suffix}"
    source = Source(video, start=3.0, duration=2.0)
    remix_video(source, out, [LEFT], gains("left=mute@4-20"), lambda: networks)
    info, part, whole = probe(out), sound(out), sound(video)
    assert info.video.start == pytest.approx(info.audio.start, abs=0.001)
    assert part.shape[1] == pytest.approx(2 * 48_000, abs=48)
    # Spans are counted from the start of the file: the first second of the part is untouched.
    np.testing.assert_allclose(part[:, :47_000], whole[:, 144_000:191_000], atol=1e-4)
    assert np.abs(part[:, 50_000:] - whole[:, 194_000 : 144_000 + part.shape[1]]).max() > 1e-3


def test_gain_spans_count_from_the_start_of_the_file(networks: Networks, tmp_path: Path) -> None:
    video = make_video(
        tmp_path / "in.mkv",
        seconds=6.0,
        audio=chirps(4.0, 1, 48_000),
        audio_codec="flac",
        audio_start=Fraction(2),
    )
    out = tmp_path / "out.mkv"
    remix_video(Source(video), out, [LEFT], gains("left=mute@3-20"), lambda: networks)
    change = np.abs(sound(out) - sound(video))[0]
    assert change[:47_900].max() < 1e-4
    assert change[49_000:].max() > 1e-3


@pytest.mark.parametrize("clip", ["limit", "rescale", "none"])
def test_loud_sound_is_kept_from_clipping_as_asked(
    networks: Networks, tmp_path: Path, clip: Clip
) -> None:
    video = make_video(
        tmp_path / "in.mov", seconds=4.0, audio=chirps(4.0, 2, 48_000), audio_codec="pcm_f32le"
    )
    out = tmp_path / "out.mov"
    loud = gains("left=12dB", "rest=6dB@1-2")
    result = remix_video(Source(video), out, [LEFT], loud, lambda: networks, clip=clip)
    assert {path.name for path in tmp_path.iterdir()} == {"in.mov", "out.mov"}
    remix_video(Source(video), tmp_path / "as-is.mov", [LEFT], loud, lambda: networks, clip="none")
    as_is, mixed, report = sound(tmp_path / "as-is.mov"), sound(out), result.sound
    assert report is not None
    assert report.after.true_peak is not None
    peak = 20 * np.log10(np.abs(mixed).max())
    assert report.after.true_peak >= peak - 1e-6
    assert np.abs(as_is).max() > 1
    if clip == "none":
        np.testing.assert_array_equal(mixed, as_is)
        assert report.reduction_db == 0
    elif clip == "rescale":
        # One gain for all of it: what is left below full scale is the same sound.
        assert report.after.true_peak == pytest.approx(HIGHEST_PEAK, abs=0.02)
        gain = 10 ** (-report.reduction_db / 20)
        np.testing.assert_allclose(mixed, gain * as_is, atol=1e-6)
    else:
        assert np.abs(mixed).max() <= 0.999
        assert report.reduction_db > 0


@pytest.mark.parametrize("clip", ["limit", "rescale"])
def test_sound_below_full_scale_is_left_alone(
    networks: Networks, tmp_path: Path, clip: Clip
) -> None:
    video = make_video(
        tmp_path / "in.mov", seconds=3.0, audio=chirps(3.0, 1, 48_000), audio_codec="pcm_f32le"
    )
    outs = []
    for mode in (clip, "none"):
        outs.append(tmp_path / f"{mode}.mov")
        result = remix_video(
            Source(video), outs[-1], [LEFT], gains("left=mute"), lambda: networks, clip=mode
        )
        assert result.sound is not None
        assert result.sound.reduction_db == 0
    np.testing.assert_array_equal(sound(outs[0]), sound(outs[1]))


@pytest.mark.parametrize(
    ("rate", "channels", "layout"),
    [(48_000, 6, "5.1"), (8_000, 1, "mono"), (96_000, 2, "stereo"), (44_100, 2, "stereo")],
)
def test_a_remix_keeps_rate_layout_and_length(
    networks: Networks, tmp_path: Path, rate: int, channels: int, layout: str
) -> None:
    video = make_video(
        tmp_path / "in.mkv",
        seconds=2.0,
        audio=chirps(2.0, channels, rate),
        rate=rate,
        audio_codec="flac",
        draw=halves,
    )
    out = tmp_path / "out.mkv"
    remix_video(Source(video), out, [LEFT, RIGHT], gains("left=-6dB"), lambda: networks)
    before, after = probe(video).audio, probe(out).audio
    assert (after.rate, after.channels, after.layout) == (rate, channels, layout)
    assert (after.codec, after.layout) == (before.codec, before.layout)
    assert sound(out).shape == sound(video).shape
    assert np.square(sound(out)).sum() < np.square(sound(video)).sum()


def test_the_high_band_stays_in_rest_when_asked(networks: Networks, tmp_path: Path) -> None:
    """Two tones, one above the model's band: its own stem has it only when it follows."""
    time = np.arange(2 * 48_000) / 48_000
    high = 0.2 * np.sin(2 * np.pi * 9_000 * time).astype(np.float32)
    low = 0.2 * np.sin(2 * np.pi * 440 * time).astype(np.float32)
    video = make_video(
        tmp_path / "in.mov", seconds=2.0, audio=(low + high)[None], audio_codec="pcm_f32le"
    )
    shares = {}
    modes: tuple[HighBand, ...] = ("follow", "keep")
    for mode in modes:
        result = separate_video(Source(video), tmp_path / mode, [LEFT], networks, highband=mode)
        stem = read_stem(result.files["left"], 48_000, 1)[0, 8_192:-8_192]
        # A second holds whole periods of both tones.
        tone_in = high[8_192 : 8_192 + 48_000]
        shares[mode] = np.dot(stem[:48_000], tone_in) / np.dot(tone_in, tone_in)
    # The tiny model gives the region little up there, but not nothing.
    assert abs(shares["keep"]) < 1e-6
    assert shares["follow"] > 1e-4


FORMATS = [StemFormat("wav", "16"), StemFormat("wav", "24"), StemFormat("flac", "16")]


@pytest.mark.parametrize("stored", FORMATS, ids=lambda f: f"{f.kind}{f.bits}")
def test_stems_of_whole_numbers_sum_to_the_original_bit_for_bit(
    networks: Networks, tmp_path: Path, stored: StemFormat
) -> None:
    video = make_video(
        tmp_path / "in.mkv",
        seconds=2.0,
        audio=chirps(2.0, 2, 44_100),
        rate=44_100,
        audio_codec="pcm_s16le",
        draw=halves,
    )
    result = separate_video(
        Source(video), tmp_path / "stems", [LEFT, RIGHT], networks, stored=stored
    )
    assert {path.name for path in result.files.values()} == {
        f"{name}.{stored.kind}" for name in ("left", "right", "rest")
    }
    assert set(result.clipped.values()) == {0}
    original = sound(video)
    total = sum(read_whole(path) for path in result.files.values())
    np.testing.assert_array_equal(total, original)


def read_whole(path: Path) -> FloatArray:
    """Read a stem as whole numbers, full scale 1."""
    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray().reshape(-1, 2) for frame in container.decode(audio=0)]
    values = np.concatenate(blocks)
    scale = 2.0**15 if values.dtype == np.int16 else 2.0**31
    return np.asarray(values.T / scale, np.float32)


def test_a_stem_that_clips_is_counted(networks: Networks, tmp_path: Path) -> None:
    loud = 8 * chirps(1.0, 1, 48_000)
    video = make_video(tmp_path / "in.mov", seconds=1.0, audio=loud, audio_codec="pcm_f32le")
    source = Source(video)
    whole = separate_video(source, tmp_path / "a", [LEFT], networks, stored=FORMATS[0])
    assert sum(whole.clipped.values()) > 1000
    as_float = separate_video(source, tmp_path / "b", [LEFT], networks)
    assert set(as_float.clipped.values()) == {0}
