import hashlib
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from pixelmix.errors import DeviceError, ModelError
from pixelmix.model.bundle import load_bundle
from pixelmix.model.card import write_texts
from pixelmix.model.schema import AUDIO_FILE, SYNTHESIZER_FILE, VISION_FILE, Bundle
from pixelmix.model.session import Networks
from pixelmix.types import FloatArray
from tests.tiny_model import FRONT_END, VISION, build_tiny_bundle, tiny_description


def random(*shape: int) -> FloatArray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return load_bundle(tiny_bundle)


@pytest.fixture(scope="module")
def networks(bundle: Bundle) -> Networks:
    return Networks.open(bundle, "cpu", 1)


def test_shapes_follow_the_inputs(networks: Networks) -> None:
    features = networks.features(random(2, 3, 96, 160))
    assert features.shape == (2, 4, 6, 10)
    components = networks.components(random(3, 1, 256, 256))
    assert components.shape == (3, 4, 256, 256)
    masks = networks.masks(random(5, 4), components)
    assert masks.shape == (3, 5, 256, 256)
    for array in (features, components, masks):
        assert array.dtype == np.float32
        assert array.flags.c_contiguous
    assert 0 <= masks.min() < masks.max() <= 1
    assert 0 <= features.min() < features.max() <= 1


def test_no_pictures_windows_or_regions_are_fine(networks: Networks) -> None:
    assert networks.features(random(0, 3, 64, 64)).shape == (0, 4, 4, 4)
    components = networks.components(random(0, 1, 256, 256))
    assert components.shape == (0, 4, 256, 256)
    assert networks.masks(random(0, 4), random(1, 4, 256, 256)).shape == (1, 0, 256, 256)


def test_batches_do_not_mix(networks: Networks) -> None:
    windows = random(3, 1, 256, 256)
    together = networks.components(windows)
    for one, alone in zip(together, windows, strict=True):
        np.testing.assert_allclose(one, networks.components(alone[None])[0], atol=1e-5)


def test_inputs_may_be_strided_and_double(networks: Networks) -> None:
    images = random(1, 3, 64, 96)
    wide = np.asarray(images, np.float64)[:, :, ::-1][:, :, ::-1]
    np.testing.assert_array_equal(networks.features(wide), networks.features(images))


@pytest.mark.parametrize(
    ("method", "shapes"),
    [
        ("features", [(2, 4, 64, 64)]),
        ("features", [(3, 64, 64)]),
        ("components", [(1, 1, 256, 255)]),
        ("components", [(1, 2, 256, 256)]),
        ("masks", [(1, 5), (1, 4, 256, 256)]),
        ("masks", [(1, 4), (4, 256, 256)]),
    ],
)
def test_a_wrong_shape_is_refused(
    networks: Networks, method: str, shapes: list[tuple[int, ...]]
) -> None:
    call: Callable[..., FloatArray] = getattr(networks, method)
    with pytest.raises(ModelError, match="not \\("):
        call(*(random(*shape) for shape in shapes))


def test_an_image_too_small_is_refused_in_one_line(networks: Networks) -> None:
    with pytest.raises(ModelError) as caught:
        networks.features(random(1, 3, 0, 64))
    assert "\n" not in str(caught.value)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    bundle = load_bundle(build_tiny_bundle(tmp_path / "m"))
    file = bundle.path / AUDIO_FILE
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"audio\.onnx does not match its checksum"):
        Networks.open(bundle, "cpu")


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    folder = build_tiny_bundle(tmp_path / "m")
    (folder / VISION_FILE).write_bytes(b"no network")
    bundle = write_texts(folder, tiny_description())
    with pytest.raises(ModelError, match=r"vision\.onnx is no network"):
        Networks.open(bundle, "cpu")


@pytest.mark.parametrize(
    ("change", "file"),
    [
        ({"k": 5}, VISION_FILE),
        ({"front_end": replace(FRONT_END, rows=128)}, AUDIO_FILE),
        ({"front_end": replace(FRONT_END, window_samples=65_536)}, AUDIO_FILE),
    ],
)
def test_networks_that_do_not_fit_the_description_are_refused(
    tmp_path: Path, change: dict[str, object], file: str
) -> None:
    folder = build_tiny_bundle(tmp_path / "m")
    about = replace(tiny_description(), **change)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=f"{file}.*where model.json asks for"):
        Networks.open(write_texts(folder, about), "cpu")


def test_swapped_networks_are_refused(tmp_path: Path) -> None:
    folder = build_tiny_bundle(tmp_path / "m")
    (folder / AUDIO_FILE).write_bytes((folder / SYNTHESIZER_FILE).read_bytes())
    bundle = write_texts(folder, tiny_description())
    with pytest.raises(ModelError, match=r"audio\.onnx: its inputs are features, components"):
        Networks.open(bundle, "cpu")


def test_a_wrong_stride_is_noticed(tmp_path: Path) -> None:
    folder = build_tiny_bundle(tmp_path / "m")
    about = replace(tiny_description(), vision=replace(VISION, stride=8))
    with (
        Networks.open(write_texts(folder, about), "cpu") as networks,
        pytest.raises(ModelError, match="stride of 8"),
    ):
        networks.features(random(1, 3, 64, 64))


def with_weights_in(file: Path, location: str) -> bytes:
    """Return a network whose first weights are in the file called `location`."""
    model = onnx.load(file)
    weight = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(weight, location, 0, len(weight.raw_data))
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    return model.SerializeToString()


@pytest.mark.parametrize(
    "location", ["weights.bin", "../weights.bin", "link.bin", "{}/weights.bin", "/dev/zero"]
)
def test_weights_outside_the_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    folder = build_tiny_bundle(tmp_path / "m")
    weight = numpy_helper.to_array(onnx.load(folder / VISION_FILE).graph.initializer[0])
    for place in (folder, tmp_path):
        (place / "weights.bin").write_bytes(weight.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "weights.bin")
    content = with_weights_in(folder / VISION_FILE, location.format(tmp_path))
    (folder / VISION_FILE).write_bytes(content)
    monkeypatch.chdir(folder)
    bundle = write_texts(folder, tiny_description())
    with pytest.raises(ModelError, match="weights in another file"):
        Networks.open(bundle, "cpu")


@pytest.mark.parametrize("key", [b"\x8a\x00\x08location", b"\x0a\x88\x00location"])
def test_no_other_spelling_lets_weights_outside_the_file_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: bytes
) -> None:
    folder = build_tiny_bundle(tmp_path / "m")
    weight = numpy_helper.to_array(onnx.load(folder / VISION_FILE).graph.initializer[0])
    (folder / "eights.bin").write_bytes(weight.tobytes())
    content = with_weights_in(folder / VISION_FILE, "weights.bin")
    usual = b"\x0a\x08location\x12\x0bweights.bin"
    assert content.count(usual) == 1
    # A byte more for the key, one less for the name: the file stays valid.
    (folder / VISION_FILE).write_bytes(content.replace(usual, key + b"\x12\x0aeights.bin"))
    monkeypatch.chdir(folder)
    with pytest.raises(ModelError, match="weights in another file"):
        Networks.open(write_texts(folder, tiny_description()), "cpu")


def test_a_node_may_be_called_location(tmp_path: Path) -> None:
    folder = build_tiny_bundle(tmp_path / "m")
    model = onnx.load(folder / VISION_FILE)
    model.graph.node[0].name = "location"
    model.graph.node[1].name = "where/location"
    (folder / VISION_FILE).write_bytes(model.SerializeToString())
    Networks.open(write_texts(folder, tiny_description()), "cpu").close()


def test_explicit_gpu_without_a_gpu_is_an_error(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pixelmix.model.device._driver_obstacle", lambda: "no driver")
    for name in ("cuda", "tensorrt"):
        with pytest.raises(DeviceError, match=f"device '{name}' cannot be used"):
            Networks.open(bundle, name)


def test_auto_without_a_gpu_says_why(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pixelmix.model.device._driver_obstacle", lambda: "no driver")
    with Networks.open(bundle, "auto") as networks:
        assert networks.device.name == "cpu"
        assert networks.device.reason


def test_a_closed_bundle_frees_its_sessions(bundle: Bundle) -> None:
    networks = Networks.open(bundle, "cpu")
    networks.close()
    networks.close()
    with pytest.raises(ValueError, match="closed"):
        networks.features(random(1, 3, 64, 64))


def test_rested_networks_give_the_same(bundle: Bundle) -> None:
    images = random(1, 3, 64, 64)
    with Networks.open(bundle, "cpu", 1) as networks:
        first = networks.features(images)
        networks.rest()
        networks.rest()
        assert np.array_equal(networks.features(images), first)
        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(lambda _: networks.features(images), range(8)):
                networks.rest()
                assert np.array_equal(found, first)


def test_closed_networks_do_not_wake_up(bundle: Bundle) -> None:
    networks = Networks.open(bundle, "cpu")
    networks.close()
    networks.rest()
    with pytest.raises(ValueError, match="closed"):
        networks.features(random(1, 3, 64, 64))


def test_networks_that_changed_while_they_rested_are_refused(tmp_path: Path) -> None:
    folder = build_tiny_bundle(tmp_path / "tiny")
    with Networks.open(load_bundle(folder), "cpu") as networks:
        networks.rest()
        (folder / AUDIO_FILE).write_bytes(b"other")
        with pytest.raises(ModelError, match=AUDIO_FILE):
            networks.features(random(1, 3, 64, 64))


def test_runs_are_reproducible(bundle: Bundle, networks: Networks) -> None:
    images = random(2, 3, 96, 96)
    with Networks.open(bundle, "cpu", 1) as again:
        first, second = networks.features(images), again.features(images)
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


def test_nothing_is_printed_and_torch_stays_out(tiny_bundle: Path) -> None:
    script = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from pixelmix.model.bundle import load_bundle\n"
        "from pixelmix.model.session import Networks\n"
        "with Networks.open(load_bundle(Path(sys.argv[1]))) as networks:\n"
        "    networks.features(np.zeros((1, 3, 64, 64), np.float32))\n"
        "assert not {'torch', 'onnx', 'av', 'typer'} & sys.modules.keys()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tiny_bundle)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
