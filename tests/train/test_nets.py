from dataclasses import replace

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pixelmix.errors import ModelError
from pixelmix.train.nets import (
    STRIDE,
    AudioNetwork,
    NetworkSizes,
    Synthesizer,
    VisionNetwork,
    dilated_features,
)
from pixelmix.train.recipe import Recipe
from pixelmix.train.settings import dump, load


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet_v3_small", "regnet_y_400mf"])
def test_every_second_cell_is_the_undilated_network(backbone: str) -> None:
    torch.manual_seed(0)
    dilated = dilated_features(backbone).eval()
    plain = torchvision.models.get_model(backbone, weights=None)
    layers = getattr(plain, "features", None)
    if layers is None:
        layers = nn.Sequential(*list(plain.children())[:-2])
    layers.load_state_dict(dilated.state_dict())
    images = torch.randn(1, 3, 96, 160)
    with torch.inference_mode():
        dense, sparse = dilated(images), layers.eval()(images)
    assert dense.shape[2:] == (96 // STRIDE, 160 // STRIDE)
    torch.testing.assert_close(dense[..., ::2, ::2], sparse, rtol=1e-3, atol=1e-4)


# A 7x7, 5x5, 3x3 and 1x1 convolution of stride 2 each occur in these.
@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet_v2", "mobilenet_v3_small"])
def test_tensorflow_padding_keeps_16_pixels_per_cell(backbone: str) -> None:
    sizes = NetworkSizes(backbone=backbone, k=3, head_width=8, same_padding=True)
    network = VisionNetwork(sizes).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 3, 64, 112)).shape == (2, 3, 4, 7)


def test_tensorflow_padding_sees_one_pixel_further_right() -> None:
    # The very last row and column reach a 3x3 stride-2 convolution with this padding only.
    conv = nn.Conv2d(1, 1, 3, stride=2, padding=1, bias=False)
    nn.init.ones_(conv.weight)
    picture = torch.zeros(1, 1, 8, 8)
    picture[..., 0, 0] = 1.0
    assert conv(picture)[0, 0, 0, 0] == 1
    network = VisionNetwork(NetworkSizes(backbone="mobilenet_v2", same_padding=True))
    first = next(m for m in network.features.modules() if isinstance(m, nn.ZeroPad2d))
    assert first(picture).shape == (1, 1, 9, 9)
    assert first(picture)[0, 0, 0, 0] == 1


@pytest.mark.parametrize(
    ("backbone", "reason"),
    [
        ("no_such_net", "no model named"),
        ("densenet121", "cannot be brought to stride 16"),
        ("vit_b_16", "no plain feature layers"),
    ],
)
def test_backbones_that_do_not_fit_are_refused(backbone: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        dilated_features(backbone)


def test_building_leaves_normalisation_untouched() -> None:
    network = VisionNetwork(NetworkSizes(k=2))
    assert network.training
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.num_batches_tracked == 0
            assert bool((module.running_var == 1).all())


def test_stock_sizes_are_those_of_the_paper() -> None:
    with torch.device("meta"):
        vision, audio = VisionNetwork(NetworkSizes()), AudioNetwork(NetworkSizes())
    assert round(parameters(vision) / 1e6, 1) == 11.3
    assert round(parameters(audio) / 1e6, 1) == 30.3


@pytest.mark.parametrize("levels", [5, 6, 7])
def test_components_have_the_size_of_the_input(levels: int) -> None:
    network = AudioNetwork(NetworkSizes(k=3, unet_width=2, unet_levels=levels)).eval()
    with torch.inference_mode():
        assert network(torch.zeros(2, 1, 256, 128)).shape == (2, 3, 256, 128)


@given(
    k=st.integers(1, 5),
    regions=st.integers(1, 4),
    windows=st.integers(1, 3),
    seed=st.integers(0, 9),
)
@settings(max_examples=20, deadline=None)
def test_the_synthesizer_is_a_weighted_sum(k: int, regions: int, windows: int, seed: int) -> None:
    torch.manual_seed(seed)
    network = Synthesizer(k)
    nn.init.normal_(network.scale)
    nn.init.normal_(network.bias)
    features, components = torch.rand(regions, k), torch.randn(windows, k, 3, 2)
    with torch.inference_mode():
        logits = network(features, components)
        paired = network.paired(features.expand(windows, -1, -1), components)
        for window in range(windows):
            for region in range(regions):
                wanted = network.bias + sum(
                    network.scale[i] * features[region, i] * components[window, i] for i in range(k)
                )
                torch.testing.assert_close(logits[window, region], wanted)
    torch.testing.assert_close(paired, logits)


def test_sizes_can_be_stored_and_read_back() -> None:
    sizes = NetworkSizes(backbone="mobilenet_v2", k=7, same_padding=True)
    assert load(dump(replace(Recipe(), sizes=sizes)), "recipe.json").sizes == sizes
