from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from PIL import Image
from torch import nn

from pixelmix.data.dataset import SCENES, Dataset
from pixelmix.errors import ModelError
from pixelmix.model.bundle import load_bundle
from pixelmix.model.images import network_input
from pixelmix.model.schema import Bundle
from pixelmix.model.session import Networks
from pixelmix.train.assemble import Words, describe
from pixelmix.train.backbone import Backbone
from pixelmix.train.export import export_bundle
from pixelmix.train.losses import examples
from pixelmix.train.mixtures import Mixer, Source
from pixelmix.train.model import Separator
from pixelmix.train.nets import AudioNetwork, Synthesizer, VisionNetwork
from pixelmix.train.run import Data
from pixelmix.train.trainer import Trainer
from pixelmix.train.warm import picture_side, sound_side
from tests.train.tiny_recipe import TINY

SIZES = replace(TINY.sizes, backbone="mobilenet_v3_small", head_context=1, same_padding=False)
RECIPE = replace(TINY, sizes=SIZES)
BILINEAR = Image.Resampling.BILINEAR


def used(network: nn.Module) -> None:
    """Give its normalisations statistics."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.3)
            nn.init.normal_(module.bias, 0.0, 0.3)
            nn.init.normal_(module.running_mean, 0.0, 0.5)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def vision() -> VisionNetwork:
    torch.manual_seed(2)
    network = VisionNetwork(SIZES)
    used(network)
    return network.eval()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, vision: VisionNetwork) -> Bundle:
    """A model with random weights; its normalisations have been used."""
    torch.manual_seed(1)
    audio = AudioNetwork(SIZES)
    used(audio)
    synthesizer = Synthesizer(SIZES.k)
    nn.init.normal_(synthesizer.scale)
    nn.init.constant_(synthesizer.bias, 0.7)
    target = tmp_path_factory.mktemp("models") / "one"
    data = Data("set", (), 1, 1.0, 1, {})
    export_bundle(
        vision, audio.eval(), synthesizer,
        describe("one", RECIPE, data, 1, Words()), target,
    )  # fmt: skip
    return load_bundle(target)


@pytest.fixture(scope="module")
def mixer(kit: Dataset, features: Path) -> Mixer:
    return Mixer(Source(kit.folder, features, TINY, TINY.steps))


def test_the_sound_side_computes_what_the_bundle_does(
    bundle: Bundle, kit: Dataset, mixer: Mixer
) -> None:
    separator = Separator(RECIPE, len(mixer.kinds))
    state = sound_side(bundle, kit, mixer, RECIPE)
    missing = separator.load_state_dict(state, strict=False).missing_keys
    assert {name.split(".")[0] for name in missing} == {"vision"}
    spectra = examples(mixer.draw(TINY.steps), RECIPE).log_magnitude
    assert spectra.shape[-1] == RECIPE.front_end.frames
    vectors = torch.rand(2, SIZES.k)
    with Networks.open(bundle, "cpu") as networks, torch.no_grad():
        wanted = networks.components(spectra.numpy())
        masks = networks.masks(vectors.numpy(), wanted)
        components = separator.eval().audio(spectra)
        found = separator.syn(vectors, components).sigmoid()
    np.testing.assert_allclose(components, wanted, atol=2e-3 * np.abs(wanted).max())
    np.testing.assert_allclose(found, masks, atol=2e-3)


@pytest.mark.parametrize("faint", [False, True])
def test_the_backbone_computes_what_the_bundles_does(
    bundle: Bundle, vision: VisionNetwork, *, faint: bool
) -> None:
    other = VisionNetwork(SIZES).eval().features
    used(other)
    if faint:
        for module in other.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.data[0] = 0.0
    images = torch.rand(2, 3, 64, 80) * 2 - 1
    with torch.no_grad():
        # The bundle's weights are rounded to half precision.
        wanted, before = vision.features(images), other(images)
        found = picture_side(bundle, Backbone(other, ""), SIZES).network(images)
    assert float((before - wanted).abs().max()) > 0.1 * float(wanted.abs().max())
    np.testing.assert_allclose(found, wanted, atol=1e-2 * float(wanted.abs().max()))


def test_the_backbone_of_another_network_is_refused(bundle: Bundle, backbone: Backbone) -> None:
    with pytest.raises(ModelError, match="no mobilenet_v2"):
        picture_side(bundle, backbone, TINY.sizes)


def test_normalisations_know_the_mixtures(bundle: Bundle, kit: Dataset, mixer: Mixer) -> None:
    """Measured on the very batches, so that training begins where the bundle stands."""
    separator = Separator(RECIPE, len(mixer.kinds))
    separator.load_state_dict(sound_side(bundle, kit, mixer, RECIPE), strict=False)
    spectra = torch.cat([examples(mixer.draw(step), RECIPE).log_magnitude for step in range(4)])
    with torch.no_grad():
        separator.audio.bn0.eval()
        wanted = separator.audio.eval()(spectra)
        separator.audio.train().bn0.eval()
        found = separator.audio(spectra)
    spread = float(wanted.std())
    assert float((found - wanted).abs().mean()) < 0.02 * spread


def test_class_vectors_are_what_the_bundle_sees(bundle: Bundle, kit: Dataset, mixer: Mixer) -> None:
    state = sound_side(bundle, kit, mixer, RECIPE)
    vectors = state["emb.weight"].sigmoid()
    assert vectors.shape == (len(mixer.kinds) + 1, SIZES.k)
    assert {still.kind for still in kit.stills} == {*mixer.kinds, SCENES}
    with Networks.open(bundle, "cpu") as networks:
        for kind, vector in zip((*mixer.kinds, SCENES), vectors, strict=True):
            pictures = [s.picture for s in kit.stills if (s.kind, s.split) == (kind, "train")]
            assert len(pictures) == 2
            images = [kit.picture(picture) for picture in pictures]
            side = bundle.vision.short_side
            small = [np.asarray(Image.fromarray(i).resize((side, side), BILINEAR)) for i in images]
            inputs = np.concatenate([network_input(picture, bundle.vision) for picture in small])
            seen = networks.features(inputs)
            np.testing.assert_allclose(vector, seen.max(axis=(2, 3)).mean(axis=0), atol=1e-5)


def test_a_trainer_begins_there(
    bundle: Bundle, kit: Dataset, mixer: Mixer, backbone: Backbone
) -> None:
    state = sound_side(bundle, kit, mixer, RECIPE)
    trainer = Trainer(Fabric(accelerator="cpu", devices=1), RECIPE, len(mixer.kinds), 4, backbone)
    trainer.begin(state)
    for model in (trainer.model, trainer.average):
        for name, value in state.items():
            assert model.state_dict()[name].equal(value), name
    trainer.step(mixer.draw(0))
    assert trainer.steps == 1


@pytest.mark.parametrize("change", [{"k": 4}, {"unet_width": 3}])
def test_a_model_of_other_sizes_is_refused(
    bundle: Bundle, kit: Dataset, mixer: Mixer, change: dict[str, int]
) -> None:
    other = replace(RECIPE, sizes=replace(SIZES, **change))
    with pytest.raises(ModelError, match=r"sizes|front end"):
        sound_side(bundle, kit, mixer, other)


def test_another_front_end_is_refused(bundle: Bundle, kit: Dataset, mixer: Mixer) -> None:
    other = replace(RECIPE, front_end=replace(RECIPE.front_end, log_floor=0.1))
    with pytest.raises(ModelError, match="front end"):
        sound_side(bundle, kit, mixer, other)
