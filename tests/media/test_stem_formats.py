"""Stems as whole numbers: the nearest ones, read back by any program, clipping counted."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.errors import OutputError, UsageError
from pixelmix.media.flac import FlacWriter
from pixelmix.media.samples import layout_name
from pixelmix.media.stemfile import StemFormat, StemWriter
from pixelmix.media.wav import WavWriter
from pixelmix.types import FloatArray

Whole = npt.NDArray[np.int64]


def read_back(path: Path, bits: int) -> tuple[Whole, int, str]:
    """Return whole numbers (channels, samples), the rate and the layout."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        channels, layout = stream.layout.nb_channels, layout_name(stream.layout)
        blocks = [
            frame.to_ndarray().reshape(-1, channels).astype(np.int64)
            for frame in container.decode(stream)
        ]
        rate = stream.rate
    values = np.concatenate([*blocks, np.zeros((0, channels), np.int64)])
    # FFmpeg gives 24 bits in the upper ones of 32.
    return (values >> (8 if bits == 24 else 0)).T, rate, layout


def writer(path: Path, rate: int, channels: int, layout: str, bits: int) -> StemWriter:
    if path.suffix == ".flac":
        return FlacWriter(path, rate, channels, layout, bits)
    return WavWriter(path, rate, channels, layout, bits)


def noise(channels: int, samples: int, level: float, seed: int) -> FloatArray:
    random = np.random.default_rng(seed)
    return (level * random.standard_normal((channels, samples))).astype(np.float32)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize("bits", [16, 24])
@given(
    lengths=st.lists(st.integers(0, 5000), max_size=4),
    channels=st.sampled_from([1, 2, 3]),
    seed=st.integers(0, 99),
)
@settings(max_examples=8, deadline=None)
def test_the_nearest_whole_numbers_are_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    suffix: str,
    bits: int,
    lengths: list[int],
    channels: int,
    seed: int,
) -> None:
    path = tmp_path_factory.mktemp("stems") / f"a{suffix}"
    samples = noise(channels, sum(lengths) + 1, 0.5, seed)
    layout = ("mono", "stereo", "2.1")[channels - 1]
    with writer(path, 44_100, channels, layout, bits) as file:
        for block in np.split(samples, np.cumsum(lengths, dtype=int), axis=1):
            file.write(block)
    found, rate, _ = read_back(path, bits)
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    exact = samples * np.float64(most + 1)
    assert found.shape == samples.shape
    assert rate == 44_100
    assert np.abs(found - np.clip(exact, least, most)).max() <= 0.5
    assert file.samples == samples.shape[1]
    assert file.clipped == np.count_nonzero((exact < least - 0.5) | (exact > most + 0.5))


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize(
    ("rate", "channels", "layout"), [(48_000, 6, "5.1"), (8_000, 1, "mono"), (96_000, 2, "stereo")]
)
def test_rate_and_layout_are_kept(
    tmp_path: Path, suffix: str, rate: int, channels: int, layout: str
) -> None:
    path = tmp_path / f"a{suffix}"
    with writer(path, rate, channels, layout, 24) as file:
        file.write(noise(channels, 1000, 0.1, 0))
    found, *rest = read_back(path, 24)
    assert found.shape == (channels, 1000)
    assert rest == [rate, layout]


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_what_passes_full_scale_is_clipped_and_counted(tmp_path: Path, suffix: str) -> None:
    samples = np.array([[0.5, 1.0, -1.0, -1.5, 7.0]], np.float32)
    with writer(tmp_path / f"a{suffix}", 48_000, 1, "mono", 16) as file:
        file.write(samples)
        assert file.clipped == 3
    found = read_back(tmp_path / f"a{suffix}", 16)[0]
    assert found.tolist() == [[16384, 32767, -32768, -32768, 32767]]


def test_wav_chunks_end_on_even_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with WavWriter(path, 48_000, 1, "mono", 24) as file:
        file.write(np.array([[0.25, -0.25, 0.5]], np.float32))
    data = path.read_bytes()
    assert len(data) % 2 == 0
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert read_back(path, 24)[0].tolist() == [[1 << 21, -(1 << 21), 1 << 22]]


def test_an_empty_flac_file_is_whole(tmp_path: Path) -> None:
    FlacWriter(tmp_path / "a.flac", 48_000, 2, "stereo", 16).close()
    with av.open(str(tmp_path / "a.flac")) as container:
        assert container.streams.audio[0].rate == 48_000


def test_what_flac_cannot_hold_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="WAV"):
        StemFormat("flac", "32f")
    with pytest.raises(UsageError, match="12 channels"):
        FlacWriter(tmp_path / "a.flac", 48_000, 12, "7.1.4", 24)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_output_error() -> None:
    with (
        pytest.raises(OutputError, match="disk is full"),
        FlacWriter(Path("/dev/full"), 48_000, 1, "mono", 24) as file,
    ):
        file.write(noise(1, 1_000_000, 0.5, 0))
