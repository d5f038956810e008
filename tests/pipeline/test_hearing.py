"""Reading a file's sound: windows that overlap, and stretches that do not."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pixelmix.hearing import Hearing, Source, Stretch
from pixelmix.media.probe import probe
from pixelmix.types import FloatArray, FrontEnd
from tests.media_files import make_video
from tests.tiny_model import FRONT_END


class Sound:
    """Stands in for a file's sound."""

    def __init__(self, samples: FloatArray, rate: int, block: int) -> None:
        self.rate, self.channels = rate, len(samples)
        self.start, self.corrupt_packets, self.bridged_samples, self.bad_samples = 0.0, 0, 0, 0
        self._blocks = [samples[:, i : i + block] for i in range(0, samples.shape[1], block)]

    def __iter__(self) -> Iterator[FloatArray]:
        return iter(self._blocks)

    def close(self) -> None:
        self._blocks = []


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hearing") / "in.mkv"
    samples = np.random.default_rng(0).normal(0, 0.1, (2, 132_300)).astype(np.float32)
    return make_video(path, seconds=3.0, fps=5, audio=samples, rate=44_100, audio_codec="flac")


def stretches_of(video: Path, fe: FrontEnd, sound: Sound) -> tuple[list[Stretch], Hearing]:
    with Hearing(Source(video), probe(video), fe) as hearing:
        hearing.audio.close()
        hearing.audio = sound  # type: ignore[assignment]
        return [*hearing.stretches()], hearing


@given(
    length=st.integers(0, 3_000),
    block=st.integers(1, 900),
    frames=st.integers(2, 12),
    spare=st.integers(0, 7),
)
@example(length=0, block=1, frames=2, spare=0)
@settings(max_examples=50, deadline=None)
def test_stretches_cover_the_sound_exactly_once(
    video: Path, length: int, block: int, frames: int, spare: int
) -> None:
    hop = 8
    window = max((frames - 1) * hop + spare, 16)
    fe = FrontEnd(
        rate=8_000, window_samples=window, n_fft=16, hop=hop, rows=9, warp_base=None, log_floor=1e-9
    )
    samples = np.arange(1, length + 1, dtype=np.float32)[None]
    stretches, hearing = stretches_of(video, fe, Sound(samples, 8_000, block))
    covered = []
    for stretch in stretches:
        first = stretch.window.start_sample // hop
        numbers = range(fe.frames)[stretch.frames]
        assert len(numbers) == stretch.frames.stop - stretch.frames.start > 0
        covered += [first + number for number in numbers]
        assert stretch.start == pytest.approx(covered[-len(numbers)] * hop / fe.rate)
        (own,) = stretch.window.samples
        wanted = samples[0, stretch.window.start_sample :][: len(own)]
        assert np.array_equal(own[: len(wanted)], wanted)
        assert not own[len(wanted) :].any()
    assert covered == [*range(length // hop + 1)]
    assert hearing.seconds == pytest.approx(length / 8_000)


def test_a_stretch_is_the_middle_of_its_window(video: Path) -> None:
    samples = np.zeros((1, 20 * 11_025), np.float32)
    stretches, _ = stretches_of(video, FRONT_END, Sound(samples, 11_025, 4_096))
    assert [stretch.window.index for stretch in stretches] == [*range(len(stretches))]
    assert stretches[0].frames == slice(0, 192)
    assert {(one.frames.start, one.frames.stop) for one in stretches[1:-1]} == {(64, 192)}


def test_a_part_of_a_file_counts_from_the_start_of_the_file(video: Path) -> None:
    told: list[tuple[float, float | None]] = []

    def progress(done: float, total: float | None) -> None:
        told.append((done, total))

    source = Source(video, start=1.0, duration=1.5)
    with Hearing(source, probe(video), FRONT_END, progress) as hearing:
        (stretch,) = hearing.stretches()
    assert stretch.start == pytest.approx(1.0, abs=1e-3)
    assert hearing.first_sample == 44_100
    assert hearing.seconds == pytest.approx(1.5, abs=1e-3)
    assert not source.whole
    assert [total for _, total in told] == [pytest.approx(1.5, abs=1e-3)]


def test_samples_pass_as_they_are(video: Path) -> None:
    with Hearing(Source(video), probe(video), FRONT_END) as hearing:
        blocks = [samples for samples, _ in hearing]
        damage = hearing.damage
    assert sum(block.shape[1] for block in blocks) == 132_300
    assert blocks[-1].shape == (2, 0)
    assert (damage.corrupt_packets, damage.bridged_seconds) == (0, 0.0)
    assert hearing.seconds == pytest.approx(3.0, abs=1e-3)


def test_windows_have_every_channel_or_their_mean(video: Path) -> None:
    heard = []
    for downmix in (False, True):
        with Hearing(Source(video), probe(video), FRONT_END, downmix=downmix) as hearing:
            heard.append([window for _, windows in hearing for window in windows])
    both, mean = heard
    assert [window.samples.shape[0] for window in both + mean] == [2] * len(both) + [1] * len(mean)
    assert len(both) == len(mean) > 0
    for one, other in zip(both, mean, strict=True):
        assert np.std(one.samples[0] - one.samples[1]) > 0.02
        np.testing.assert_allclose(one.samples.mean(axis=0), other.samples[0], atol=1e-6)
