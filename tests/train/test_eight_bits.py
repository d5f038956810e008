"""A model in 8 bits: nearly the same masks, the same bytes every time, and what is refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import pixelmix.train.quantise
from pixelmix.data.dataset import Dataset, Index
from pixelmix.errors import ModelError, OutputError
from pixelmix.model.bundle import find_bundle, load_bundle, read_checked, verify
from pixelmix.model.schema import Bundle
from pixelmix.model.session import Networks
from pixelmix.train.assemble import Words
from pixelmix.train.quantise import quantise
from tests.data.tiny_dataset import make_dataset
from tests.tiny_model import build_tiny_bundle


@pytest.fixture(autouse=True)
def few_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixelmix.train.quantise, "_MIXTURES", 6)
    monkeypatch.setattr(pixelmix.train.quantise, "_PICTURES", 6)


def kinds_of_weights(bundle: Bundle, file: str) -> set[int]:
    graph = onnx.load_from_string(read_checked(bundle, file)).graph
    return {weights.data_type for weights in graph.initializer if len(weights.dims) == 4}


def test_the_shipped_model_hears_nearly_the_same_in_8_bits(
    tmp_path: Path, kit: Dataset, capfd: pytest.CaptureFixture[str]
) -> None:
    original = load_bundle(find_bundle("default"))
    small, gap = quantise(original, kit, tmp_path / "small", Words())
    assert capfd.readouterr() == ("", "")
    verify(small)
    assert 0 < gap < 0.05
    assert small.bytes < 0.75 * original.bytes
    assert kinds_of_weights(small, "audio.onnx") == {TensorProto.INT8}
    assert TensorProto.INT8 in kinds_of_weights(small, "vision.onnx")
    assert small.name == "small"
    assert f"quantised: default ({original.id})" in small.training
    assert original.licence == small.licence
    assert (small.front_end, small.vision, small.k) == (
        original.front_end, original.vision, original.k,
    )  # fmt: skip
    # Pictures of any size, and several windows at once, as the original takes them.
    random = np.random.default_rng(0)
    with Networks.open(small, "cpu") as networks:
        images = random.normal(0, 1, (2, 3, 96, 144)).astype(np.float32)
        assert networks.features(images).shape == (2, small.k, 6, 9)
        spectra = random.normal(-3, 2, (2, 1, 256, 256)).astype(np.float32)
        assert networks.components(spectra).shape == (2, small.k, 256, 256)


def test_twice_is_the_same(tmp_path: Path, tiny_bundle: Path, kit: Dataset) -> None:
    first, second = (
        quantise(load_bundle(tiny_bundle), kit, tmp_path / name, Words())[0] for name in "ab"
    )
    assert first.files == second.files
    assert first.files["audio.onnx"] != load_bundle(tiny_bundle).files["audio.onnx"]


def test_recordings_with_their_own_pictures_will_do(
    tmp_path: Path, tiny_bundle: Path, videos: Dataset
) -> None:
    words = Words("Small.", "CC0", {"NSDR": 1.0})
    small, _ = quantise(load_bundle(tiny_bundle), videos, tmp_path / "small", words)
    assert (small.summary, small.licence, dict(small.scores)) == ("Small.", "CC0", {"NSDR": 1.0})


def test_what_is_refused(tmp_path: Path, tiny_bundle: Path, kit: Dataset) -> None:
    bundle = load_bundle(tiny_bundle)
    there = build_tiny_bundle(tmp_path / "there")
    with pytest.raises(OutputError, match="exists already"):
        quantise(bundle, kit, there, Words())
    assert load_bundle(there).name == "tiny"
    silent = Dataset(kit.folder, Index(kit.rate, kit.side, (), (), ()), np.zeros(0, np.int64))
    with pytest.raises(ModelError, match="no sounds or no pictures"):
        quantise(bundle, silent, tmp_path / "new", Words())
    other = make_dataset(tmp_path / "other")
    other.rate = 16_000
    with pytest.raises(ModelError, match="prepare it with --rate 11025"):
        quantise(bundle, other, tmp_path / "new", Words())
    (there / "audio.onnx").write_bytes(b"no network")
    with pytest.raises(ModelError, match="install the model again"):
        quantise(load_bundle(there), kit, tmp_path / "new", Words())
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".*"))
