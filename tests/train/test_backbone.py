import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from pixelmix.errors import ModelError
from pixelmix.model.images import network_input
from pixelmix.train.backbone import (
    IMAGENET,
    Backbone,
    Projection,
    expected_input,
    feature_maps,
    layers_of,
    load_backbone,
    load_projection,
    normalised,
    principal,
    restore_backbone,
    save_projection,
    stated_input,
)
from pixelmix.train.nets import NetworkSizes
from pixelmix.train.settings import override
from pixelmix.types import Vision
from tests.train.tiny_recipe import TINY, random_layers

SMALL = NetworkSizes(backbone="mobilenet_v3_small")
RESNET = NetworkSizes(backbone="resnet18")
IMAGES = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0)) - 0.5


def maps(backbone: Backbone) -> Tensor:
    with torch.inference_mode():
        found: Tensor = backbone.network(IMAGES)
    return found


@pytest.fixture(scope="module")
def small() -> dict[str, Tensor]:
    return random_layers("mobilenet_v3_small")


@pytest.fixture(scope="module")
def resnet() -> dict[str, Tensor]:
    """The state dict of a whole ResNet by torchvision's names."""
    torch.manual_seed(0)
    state: dict[str, Tensor] = torchvision.models.resnet18(weights=None).state_dict()
    return state


def named(layers: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"features.{key}": value for key, value in layers.items()}


def whole(layers: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {**named(layers), "classifier.3.weight": torch.rand(7, 1_024)}


def doubled(layers: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.double() if v.is_floating_point() else v for k, v in named(layers).items()}


@pytest.mark.parametrize(
    ("ending", "keys"),
    [("safetensors", named), ("safetensors", whole), ("pth", dict), ("pth", doubled)],
)
def test_weights_come_as_files_of_many_kinds(
    small: dict[str, Tensor],
    tmp_path: Path,
    ending: str,
    keys: Callable[[Mapping[str, Tensor]], dict[str, Tensor]],
) -> None:
    file = tmp_path / f"weights.{ending}"
    (save_file if ending == "safetensors" else torch.save)(keys(small), file)
    backbone = load_backbone(file, SMALL)
    for name, value in backbone.network.state_dict().items():
        torch.testing.assert_close(value, small[name], rtol=0, atol=0)
    assert maps(backbone).shape == (2, 576, 4, 6)
    assert not any(p.requires_grad for p in backbone.network.parameters())
    assert not any(module.training for module in backbone.network.modules())


def test_a_resnets_layers_have_names_of_their_own(
    resnet: dict[str, Tensor], tmp_path: Path
) -> None:
    torch.save(resnet, tmp_path / "resnet.pth")
    backbone = load_backbone(tmp_path / "resnet.pth", RESNET)
    model = torchvision.models.resnet18(weights=None)
    model.load_state_dict(resnet)
    plain = nn.Sequential(*list(model.children())[:-2]).eval()
    with torch.inference_mode():
        dense, sparse = maps(backbone), plain(IMAGES)
    # At half the stride every second cell is torchvision's.
    torch.testing.assert_close(dense[..., ::2, ::2], sparse, rtol=1e-3, atol=1e-4)


def test_torchvisions_weights_are_taken_without_a_file(
    small: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    get_model = torchvision.models.get_model

    def trained(name: str, weights: str | None) -> nn.Module:
        model: nn.Module = get_model(name, weights=None)
        if weights == "DEFAULT":
            model.get_submodule("features").load_state_dict(small)
        return model

    monkeypatch.setattr(torchvision.models, "get_model", trained)
    assert load_backbone(None, SMALL).checksum == restore_backbone(small, SMALL).checksum

    def offline(name: str, weights: str | None) -> nn.Module:
        if weights:
            raise OSError("no network")
        return trained(name, weights)

    monkeypatch.setattr(torchvision.models, "get_model", offline)
    with pytest.raises(ModelError, match=r"small cannot be had \(no network\).*--vision-weights"):
        load_backbone(None, SMALL)


@pytest.mark.parametrize("same_padding", [False, True])
def test_kept_layers_give_the_same_backbone(
    small: dict[str, Tensor], *, same_padding: bool
) -> None:
    sizes = replace(SMALL, same_padding=same_padding)
    backbone = restore_backbone(small, sizes)
    restored = restore_backbone(layers_of(backbone, sizes), sizes)
    assert restored.checksum == backbone.checksum
    assert torch.equal(maps(restored), maps(backbone))
    padded = any(isinstance(m, nn.ZeroPad2d) for m in backbone.network.modules())
    assert padded == same_padding


def test_kept_layers_have_plain_names(backbone: Backbone) -> None:
    layers = layers_of(backbone, TINY.sizes)
    wanted = random_layers()
    assert list(layers) == list(wanted)
    assert all(torch.equal(layers[name], wanted[name]) for name in wanted)


def test_checksums_tell_weights_apart(small: dict[str, Tensor]) -> None:
    first, again = (restore_backbone(small, SMALL).checksum for _ in range(2))
    padded = restore_backbone(small, replace(SMALL, same_padding=True)).checksum
    name = list(small)[-2]
    other = restore_backbone({**small, name: small[name] + 1e-3}, SMALL).checksum
    assert first == again == padded != other


def test_layers_of_another_network_are_refused(small: dict[str, Tensor]) -> None:
    with pytest.raises(ModelError, match="is no mobilenet_v2; use a new folder") as caught:
        restore_backbone(small, TINY.sizes)
    assert "\n" not in str(caught.value)


def test_weights_tell_what_input_they_ask_for(weights: Path, tmp_path: Path) -> None:
    others = replace(
        TINY, image_mean=(0.0, 0.0, 0.0), image_std=(1.0, 1.0, 1.0),
        sizes=replace(TINY.sizes, same_padding=False),
    )  # fmt: skip
    assert override(others, expected_input(str(weights))) == TINY
    for recipe in (TINY, override(TINY, expected_input(IMAGENET))):
        file = str(tmp_path / "stated.safetensors")
        save_file({"weight": torch.zeros(2)}, file, stated_input(recipe))
        assert override(others, expected_input(file)) == recipe
    # Those without a word about it are torchvision's.
    save_file({"weight": torch.zeros(2)}, tmp_path / "plain.safetensors")
    for name in (IMAGENET, "model.pth", str(tmp_path / "plain.safetensors")):
        recipe = override(TINY, expected_input(name))
        assert recipe.image_mean == (0.485, 0.456, 0.406)
        assert recipe.image_std == (0.229, 0.224, 0.225)
        assert not recipe.sizes.same_padding
    (tmp_path / "bad.safetensors").write_bytes(b"not weights")
    for name in ("gone.safetensors", "bad.safetensors"):
        with pytest.raises(ModelError, match=name) as caught:
            expected_input(str(tmp_path / name))
        assert "\n" not in str(caught.value)


class Runs:
    """Unpickled, it would run code."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return print, ("code was run",)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("none.pth", None),
        ("none.safetensors", None),
        ("empty.pth", b""),
        ("empty.safetensors", b""),
        ("text.pth", b"not weights"),
        ("text.safetensors", b"not weights"),
        ("spoilt.pth", b"\x80\x02U\x01\xcc."),
        ("cut.pth", b"PK\x03\x04" + bytes(100)),
        ("foreign.pth", b"\x80\x02h\x05."),
        ("code.pth", pickle.dumps({"weights": Runs()}, protocol=2)),
        ("object.pth", {"weights": Runs()}),
        ("other.pth", {"epoch": 3}),
        ("list.pth", [torch.zeros(2)]),
        ("nothing.pth", {}),
        ("shape.pth", {"features.0.0.weight": torch.zeros(2)}),
    ],
)
def test_what_are_no_weights_is_refused(
    tmp_path: Path, name: str, content: object, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        torch.save(content, file)
    with pytest.raises(ModelError, match=str(file)) as caught:
        load_backbone(file, SMALL)
    assert "\n" not in str(caught.value)
    assert not capsys.readouterr().out


def test_weights_of_another_network_are_refused(weights: Path) -> None:
    with pytest.raises(ModelError, match=f"{weights}: these are no weights of mobilenet_v3_small"):
        load_backbone(weights, SMALL)


def test_pictures_are_normalised_as_in_use() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    recipe = replace(TINY, image_mean=(0.485, 0.456, 0.406), image_std=(0.229, 0.224, 0.225))
    vision = Vision(64, 16, recipe.image_mean, recipe.image_std, 3, 1.0)
    found = normalised(torch.from_numpy(picture)[None], recipe)
    np.testing.assert_allclose(found, network_input(picture, vision), atol=1e-5)


def test_feature_maps_are_those_of_the_network(backbone: Backbone) -> None:
    pictures = list(np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), np.uint8))
    found = feature_maps(backbone.network, pictures, TINY)
    with torch.inference_mode():
        wanted = backbone.network(normalised(torch.from_numpy(np.stack(pictures)), TINY))
    assert found.shape == (2, 1_280, 4, 6)
    assert found.dtype == torch.float32
    # They are made in half precision.
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.05 * float(wanted.abs().max()))


def test_projected_cells_are_uncorrelated_and_bounded() -> None:
    torch.manual_seed(0)
    cells = torch.randn(2_000, 6) @ torch.diag(torch.tensor([9.0, 4.0, 1.0, 0.5, 0.1, 0.01]))
    cells = cells @ torch.linalg.qr(torch.randn(6, 6)).Q + 3
    floor = 0.1
    projection = principal(cells, 4, floor)
    found = projection.apply(cells.T[None, :, :, None])[0, :, 0]
    assert found.shape == (2_000, 4)
    torch.testing.assert_close(found.mean(0), torch.zeros(4), rtol=0, atol=1e-4)
    covariance = torch.cov(found.T)
    torch.testing.assert_close(covariance, covariance.diagonal().diag(), rtol=0, atol=1e-4)
    spread = torch.tensor([9.0, 4.0, 1.0, 0.5])
    wanted = spread / (spread + floor)
    torch.testing.assert_close(covariance.diagonal().sqrt(), wanted, rtol=0.05, atol=0)


def test_projections_survive_the_file(tmp_path: Path) -> None:
    projection = Projection(torch.rand(5), torch.rand(5, 2))
    save_projection(projection, tmp_path / "good")
    found = load_projection(tmp_path / "good")
    assert all(torch.equal(a, b) for a, b in zip(found, projection, strict=True))
    save_file({"mean": torch.rand(4)}, tmp_path / "bad")
    (tmp_path / "broken").write_bytes(b"broken")
    for name in ("bad", "broken", "gone"):
        with pytest.raises(ModelError, match=f"{name}: holds no projection"):
            load_projection(tmp_path / name)
