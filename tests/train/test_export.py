import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from torch import nn

from pixelmix.errors import ModelError, OutputError
from pixelmix.model.bundle import load_bundle, verify
from pixelmix.model.graphs import Graph, expected_graphs
from pixelmix.model.schema import AUDIO_FILE, NETWORK_FILES, SYNTHESIZER_FILE, VISION_FILE
from pixelmix.model.session import Networks
from pixelmix.train import export
from pixelmix.train.export import TOLERANCE, Parity, export_bundle
from pixelmix.train.nets import AudioNetwork, NetworkSizes, Synthesizer, VisionNetwork
from pixelmix.train.onnx_files import write_graph
from tests.tiny_model import FRONT_END, VISION, tiny_description

K = 3
ABOUT = tiny_description(
    "exported", k=K, front_end=FRONT_END, vision=replace(VISION, short_side=64)
)
Nets = tuple[VisionNetwork, AudioNetwork, Synthesizer]


def small_backbone() -> nn.Sequential:
    """Return layers of stride 16 with the normalisation and skips that exporters stumble over."""
    layers: list[nn.Module] = []
    for before, after in ((3, 8), (8, 8), (8, 8), (8, 512)):
        conv = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
        layers += [conv, nn.BatchNorm2d(after), nn.ReLU6()]
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def nets() -> Nets:
    torch.manual_seed(0)
    sizes = NetworkSizes(k=K, unet_width=4, unet_levels=5)
    vision, audio, synthesizer = VisionNetwork(sizes), AudioNetwork(sizes), Synthesizer(K)
    vision.features = small_backbone()
    nn.init.normal_(synthesizer.scale)
    with torch.no_grad():  # in training mode: gives every normalisation statistics of its own
        vision(torch.randn(8, 3, 64, 64) + 0.5)
        audio(4 * torch.randn(4, 1, 256, 256) - 7)
    return vision, audio, synthesizer


@pytest.fixture(scope="module")
def half(nets: Nets, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Parity]:
    target = tmp_path_factory.mktemp("export") / "half"
    return target, export_bundle(*nets, ABOUT, target)


def written_masks(folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    images = random.normal(size=(2, 3, 96, 64)).astype(np.float32)
    spectra = random.normal(-7, 4, (2, 1, 256, 256)).astype(np.float32)
    with Networks.open(load_bundle(folder), "cpu", 1) as networks:
        features, components = networks.features(images), networks.components(spectra)
        return features, components, networks.masks(features.max(axis=(2, 3)), components)


def torch_masks(nets: Nets) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    images = torch.tensor(random.normal(size=(2, 3, 96, 64)).astype(np.float32))
    spectra = torch.tensor(random.normal(-7, 4, (2, 1, 256, 256)).astype(np.float32))
    vision, audio, synthesizer = nets
    with torch.inference_mode():
        vision.eval()
        audio.eval()
        features, components = torch.sigmoid(vision(images)), audio(spectra)
        masks = torch.sigmoid(synthesizer(features.amax(dim=(2, 3)), components))
    vision.train()
    audio.train()
    return features.numpy(), components.numpy(), masks.numpy()


def test_the_bundle_is_complete_and_verified(half: tuple[Path, Parity]) -> None:
    folder, parity = half
    bundle = load_bundle(folder)
    verify(bundle)
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        [*NETWORK_FILES, "model.json", "MODEL_CARD.md"]
    )
    assert (bundle.name, bundle.k, bundle.front_end) == ("exported", K, FRONT_END)
    assert max(parity.features, parity.components, parity.masks) <= TOLERANCE
    assert parity.masks < parity.rounding < 0.05
    assert [file.name for file in folder.parent.iterdir()] == ["half"]


def test_full_precision_equals_pytorch(nets: Nets, tmp_path: Path) -> None:
    parity = export_bundle(*nets, ABOUT, tmp_path / "full", half=False)
    assert parity.rounding == parity.masks
    for found, wanted in zip(written_masks(tmp_path / "full"), torch_masks(nets), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    assert all(module.training for module in nets[0].modules()), "the caller's mode has changed"


def test_half_precision_is_near_and_half_the_size(nets: Nets, half: tuple[Path, Parity]) -> None:
    folder, _ = half
    for found, wanted in zip(written_masks(folder), torch_masks(nets), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0.02, atol=0.02)
    weights = sum(p.numel() for net in nets for p in net.parameters())
    assert sum((folder / name).stat().st_size for name in NETWORK_FILES) < 2.5 * weights + 40_000


def test_weights_are_stored_in_half_and_nothing_about_the_maker(
    half: tuple[Path, Parity],
) -> None:
    folder, _ = half
    for name in NETWORK_FILES:
        model = onnx.load(folder / name, load_external_data=False)
        types = {t.data_type for t in model.graph.initializer if len(t.dims) > 1}
        assert types <= {TensorProto.FLOAT16}
        content = (folder / name).read_bytes()
        for trace in (b"pixelmix", b".py", b"torch.", b"site-packages", b"File "):
            assert trace not in content
    assert model.opset_import[0].version >= 17


def test_free_axes_have_names(half: tuple[Path, Parity]) -> None:
    axes = {}
    for name in NETWORK_FILES:
        graph = onnx.load(half[0] / name).graph
        axes[name] = [
            tuple(dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim)
            for value in (*graph.input, *graph.output)
        ]
    assert axes == {
        VISION_FILE: [("pictures", 3, "height", "width"), ("pictures", K, "rows", "cols")],
        AUDIO_FILE: [("windows", 1, 256, 256), ("windows", K, 256, 256)],
        SYNTHESIZER_FILE: [
            ("regions", K),
            ("windows", K, 256, 256),
            ("windows", "regions", 256, 256),
        ],
    }


@pytest.fixture
def quick(half: tuple[Path, Parity], monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the graphs from the bundle that is there: for tests of what happens around them."""

    def copy_graph(_: nn.Module, __: tuple[torch.Tensor, ...], graph: Graph, folder: Path) -> None:
        shutil.copy(half[0] / graph.file, folder)

    monkeypatch.setattr(export, "write_graph", copy_graph)


def test_the_same_network_gives_the_same_file(nets: Nets, tmp_path: Path) -> None:
    graph = expected_graphs(ABOUT)[0]
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        write_graph(nets[0], (torch.zeros(2, 3, 32, 48),), graph, folder)
    assert (tmp_path / "a" / graph.file).read_bytes() == (tmp_path / "b" / graph.file).read_bytes()


@pytest.mark.usefixtures("quick")
def test_other_networks_than_the_graphs_are_an_error_and_leave_nothing(
    nets: Nets, tmp_path: Path
) -> None:
    other = Synthesizer(K)
    for wrong in (torch.ones(K), torch.full((K,), torch.nan)):
        other.scale.data = wrong
        with pytest.raises(ModelError, match="masks differ from PyTorch by"):
            export_bundle(nets[0], nets[1], other, ABOUT, tmp_path / "bundle")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("quick")
def test_a_description_that_does_not_fit_leaves_nothing(nets: Nets, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="licence"):
        export_bundle(*nets, replace(ABOUT, licence=""), tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def no_graphs(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_leaves_nothing(
    nets: Nets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "write_graph", no_graphs)
    with pytest.raises(KeyboardInterrupt):
        export_bundle(*nets, ABOUT, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def spoil(value: float) -> Callable[[AudioNetwork], None]:
    def change(audio: AudioNetwork) -> None:
        weight = next(p for p in audio.parameters() if p.ndim == 4)
        weight.data[0, 0, 0, 0] = value

    return change


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e6])
def test_weights_beyond_half_precision_are_refused(
    nets: Nets, tmp_path: Path, value: float
) -> None:
    audio = AudioNetwork(NetworkSizes(k=K, unet_width=4, unet_levels=5))
    spoil(value)(audio)
    with pytest.raises(ModelError, match="half precision"):
        export_bundle(nets[0], audio, nets[2], ABOUT, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_only_a_bundle_is_replaced_and_only_when_asked(
    nets: Nets, half: tuple[Path, Parity], tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="allow overwriting"):
        export_bundle(*nets, ABOUT, half[0])
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").touch()
    with pytest.raises(OutputError, match="no model bundle"):
        export_bundle(*nets, ABOUT, precious, overwrite=True)
    assert (precious / "file").exists()
    with pytest.raises(OutputError, match="cannot be written"):
        export_bundle(*nets, ABOUT, tmp_path / "no" / "such" / "folder")


@pytest.mark.usefixtures("quick")
def test_replacing_a_bundle_keeps_the_old_one_until_the_new_one_is_whole(
    nets: Nets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "bundle"
    export_bundle(*nets, ABOUT, target)
    old = load_bundle(target)
    with monkeypatch.context() as patch:
        patch.setattr(export, "TOLERANCE", -1.0)
        with pytest.raises(ModelError):
            export_bundle(*nets, ABOUT, target, overwrite=True)
    assert load_bundle(target) == old
    export_bundle(*nets, replace(ABOUT, name="newer"), target, overwrite=True)
    assert load_bundle(target).name == "newer"
    assert list(tmp_path.iterdir()) == [target]
