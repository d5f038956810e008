"""Stems out: WAV files that any program reads back sample for sample."""

import struct
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.errors import OutputError
from pixelmix.media.wav import WavWriter


def read_back(path: Path) -> tuple[npt.NDArray[np.float32], int, str]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert stream.codec_context.name == "pcm_f32le"
        blocks = [
            np.frombuffer(bytes(frame.planes[0]), "<f4")[: frame.samples * frame.layout.nb_channels]
            for frame in container.decode(stream)
        ]
        channels = stream.codec_context.layout.nb_channels
        data = np.concatenate(blocks).reshape(-1, channels).T
        return data, stream.rate, stream.codec_context.layout.name


@given(
    channels=st.integers(1, 6),
    lengths=st.lists(st.integers(0, 900), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
@settings(max_examples=15, deadline=None)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, channels: int, lengths: list[int], seed: int
) -> None:
    lengths = [*lengths, 1]
    noise = np.random.default_rng(seed)
    blocks = [noise.normal(0, 2, (channels, size)).astype(np.float32) for size in lengths]
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    with WavWriter(path, 44_100, channels) as writer:
        for block in blocks:
            writer.write(block)
        assert writer.samples == sum(lengths)
    data, rate, _ = read_back(path)
    assert rate == 44_100
    np.testing.assert_array_equal(data, np.concatenate(blocks, axis=1))


@pytest.mark.parametrize(
    ("channels", "layout"), [(3, "2.1"), (4, "quad"), (6, "5.1"), (6, "5.1(side)"), (8, "7.1")]
)
def test_the_layout_is_kept(tmp_path: Path, channels: int, layout: str) -> None:
    path = tmp_path / "a.wav"
    with WavWriter(path, 48_000, channels, layout) as writer:
        writer.write(np.ones((channels, 10), np.float32))
    assert read_back(path)[2] == layout


def test_a_large_file_becomes_rf64(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    samples = np.linspace(-1, 1, 3_000, dtype=np.float32).reshape(2, 1_500)
    with WavWriter(path, 48_000, 2, largest_riff=5_000) as writer:
        writer.write(samples)
    data = path.read_bytes()
    assert data[:4] == b"RF64"
    riff, size, count = struct.unpack_from("<QQQ", data, 20)
    assert (riff, size, count) == (len(data) - 8, 12_000, 1_500)
    np.testing.assert_array_equal(read_back(path)[0], samples)


def test_a_small_file_is_a_plain_riff(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with WavWriter(path, 48_000, 2) as writer:
        writer.write(np.zeros((2, 100), np.float32))
    data = path.read_bytes()
    assert data[:4] == b"RIFF"
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8


def test_an_empty_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    WavWriter(path, 48_000, 1).close()
    assert struct.unpack_from("<I", path.read_bytes()[-4:])[0] == 0
    data = path.read_bytes()
    assert data[8:12] == b"WAVE"
    assert data[-8:-4] == b"data"


def test_what_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="folder does not exist"):
        WavWriter(tmp_path / "gone" / "a.wav", 48_000, 1)
    with WavWriter(tmp_path / "a.wav", 48_000, 1) as writer, pytest.raises(ValueError, match="2"):
        writer.write(np.zeros((2, 3), np.float32))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_an_output_error() -> None:
    writer = WavWriter(Path("/dev/full"), 48_000, 1)
    with pytest.raises(OutputError, match="disk is full"):
        writer.write(np.zeros((1, 1_000_000), np.float32))
    with pytest.raises(OutputError, match="disk is full"):
        writer.close()
