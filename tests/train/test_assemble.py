import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file, save_file
from torch import nn

from pixelmix.data.dataset import Dataset
from pixelmix.errors import ModelError, OutputError
from pixelmix.model.bundle import load_bundle, verify
from pixelmix.model.images import network_input
from pixelmix.model.schema import Description
from pixelmix.model.session import Networks
from pixelmix.train import checkpoint
from pixelmix.train.assemble import Words, assemble, describe, export_run
from pixelmix.train.backbone import Backbone, load_projection, normalised
from pixelmix.train.export import Parity, export_bundle
from pixelmix.train.features import PROJECTION
from pixelmix.train.mixtures import Mixer, Source
from pixelmix.train.nets import AudioNetwork, Synthesizer, VisionNetwork
from pixelmix.train.recipe import Recipe, preset
from pixelmix.train.run import Data, Run
from pixelmix.train.trainer import Trainer
from tests.data.tiny_dataset import KINDS
from tests.train.tiny_recipe import TINY, TUNED

PICTURES = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), np.uint8)
SPECTRA = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
WORDS = Words("Made for tests.", "CC BY 4.0", {"NSDR": 1.5})
DATA = Data("songs", ("bell", "bass_drum"), 7, 12.4, 30, {"CC0": 5, "CC BY 4.0": 32})


def perturbed(recipe: Recipe, backbone: Backbone | None = None) -> Trainer:
    """A trainer whose average is neither its start nor its model."""
    fabric = Fabric(accelerator="cpu", devices=1)
    trainer = Trainer(fabric, recipe, len(KINDS), recipe.steps, backbone)
    torch.manual_seed(1)
    average = trainer.average.train()
    average.audio(torch.randn(4, 1, 64, 64))  # gives the normalisation statistics
    with torch.no_grad():
        for name, weight in average.named_parameters():
            if not name.startswith("vision.network.features"):
                weight.add_(0.1 * torch.randn(weight.shape))
    average.eval()
    trainer.steps = 5
    return trainer


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    return perturbed(TINY)


@pytest.fixture(scope="module")
def run(
    trainer: Trainer, kit: Dataset, features: Path, backbone: Backbone,
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:  # fmt: skip
    run = Run(tmp_path_factory.mktemp("run"))
    run.begin(TINY, kit, Mixer(Source(kit.folder, features, TINY, 1)), backbone, features)
    checkpoint.save(trainer.state(), run.folder)
    return run


def copied(run: Run, target: Path, leave_out: str = "") -> Run:
    for file in run.folder.iterdir():
        if file.name != leave_out:
            (target / file.name).write_bytes(file.read_bytes())
    return Run(target)


# The networks


def test_the_assembled_networks_are_those_of_a_frozen_training(
    trainer: Trainer, run: Run, features: Path, backbone: Backbone
) -> None:
    model, projection = trainer.average, load_projection(features / PROJECTION)
    networks = assemble(run, run.recipe(), checkpoint.load(run.folder).average)
    images = normalised(torch.from_numpy(PICTURES), TINY)
    with torch.inference_mode():
        cells = projection.apply(backbone.network(images))
        seen = networks.vision(images)
        assert seen.shape == (2, TINY.sizes.k, 4, 6)
        # Every cell alone, then the strongest.
        wanted = model.vision(cells[..., None, :]).permute(0, 3, 1, 2)
        torch.testing.assert_close(seen, wanted, rtol=1e-3, atol=1e-4)
        pooled = model.vision(cells.flatten(1, 2))
        torch.testing.assert_close(seen.amax((2, 3)), pooled, rtol=1e-3, atol=1e-4)
        heard = model.audio(SPECTRA)
        torch.testing.assert_close(networks.audio(SPECTRA), heard, rtol=0, atol=1e-5)
        masks = networks.synthesizer(pooled.sigmoid(), heard)
        paired = model.syn.paired(pooled.sigmoid()[None].expand(2, -1, -1), heard)
        torch.testing.assert_close(masks, paired, rtol=0, atol=1e-5)


def test_the_assembled_networks_are_those_of_a_tuned_training(tmp_path: Path) -> None:
    trainer = perturbed(TUNED)
    model = trainer.average
    networks = assemble(Run(tmp_path), TUNED, copy.deepcopy(trainer.state().average))
    images = normalised(torch.from_numpy(PICTURES), TUNED)
    with torch.inference_mode():
        seen = networks.vision(images)
        assert torch.equal(seen, model.vision.network(images))  # type: ignore[operator]
        pooled = model.vision(torch.from_numpy(PICTURES)[None, :, None])
        torch.testing.assert_close(seen.amax((2, 3)), pooled[0], rtol=1e-3, atol=1e-4)
        heard = model.audio(SPECTRA)
        torch.testing.assert_close(networks.audio(SPECTRA), heard, rtol=0, atol=1e-5)
    for name in ("scale", "bias"):
        assert torch.equal(getattr(networks.synthesizer, name), getattr(model.syn, name))


def test_assembled_networks_are_ready_for_use(run: Run) -> None:
    for network in assemble(run, run.recipe(), checkpoint.load(run.folder).average):
        assert not any(module.training for module in network.modules())
        assert not any(weight.requires_grad for weight in network.parameters())


# The bundle


def few_layers() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.AvgPool2d(16), nn.Conv2d(3, 1_280, 1))


@pytest.fixture
def few_layers_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a few layers in the backbone's place: exporting all of it takes half a minute."""

    def export(
        vision: VisionNetwork,
        audio: AudioNetwork,
        synthesizer: Synthesizer,
        about: Description,
        target: Path,
        *,
        overwrite: bool,
    ) -> Parity:
        vision.features = few_layers()
        return export_bundle(vision, audio, synthesizer, about, target, overwrite=overwrite)

    monkeypatch.setattr("pixelmix.train.assemble.export_bundle", export)


@pytest.mark.usefixtures("few_layers_exported")
def test_a_run_becomes_a_bundle(trainer: Trainer, run: Run, features: Path, tmp_path: Path) -> None:
    target = tmp_path / "small"
    bundle, parity = export_run(run, target, WORDS)
    assert max(parity.features, parity.components, parity.masks) < 1e-4
    verify(load_bundle(target))
    assert bundle == load_bundle(target)
    assert (bundle.name, bundle.summary, bundle.k) == ("small", "Made for tests.", TINY.sizes.k)
    assert bundle.scores == {"NSDR": 1.5}
    assert "5 steps of 4 mixtures" in bundle.training
    assert "kit: 8 recordings" in bundle.training
    model, projection = trainer.average, load_projection(features / PROJECTION)
    images = network_input(PICTURES[0], bundle.vision)
    with Networks.open(bundle, "cpu", 1) as networks, torch.inference_mode():
        cells = projection.apply(few_layers()(torch.tensor(images)))
        wanted = model.vision(cells[..., None, :]).sigmoid().permute(0, 3, 1, 2)
        # Weights are rounded to half precision.
        np.testing.assert_allclose(networks.features(images), wanted, atol=2e-2)
        heard = model.audio(SPECTRA)
        found = networks.components(SPECTRA.numpy())
        np.testing.assert_allclose(found, heard, atol=2e-2 * float(heard.abs().max()))
    with pytest.raises(OutputError, match="exists already"):
        export_run(run, target, WORDS)


# Its card


def test_the_card_tells_front_end_pictures_and_masks() -> None:
    about = describe("name", TINY, DATA, 9, WORDS)
    assert (about.name, about.k, about.front_end) == ("name", TINY.sizes.k, TINY.front_end)
    vision = about.vision
    assert (vision.short_side, vision.stride) == (64, 16)
    assert (vision.mean, vision.std) == (TINY.image_mean, TINY.image_std)
    assert (vision.frames_per_window, vision.frame_spacing) == (TINY.frames, TINY.frame_spacing)
    assert (about.mask_type, about.mask_threshold) == ("binary", None)
    cut = describe("name", replace(TINY, threshold=0.4), DATA, 9, WORDS)
    assert (cut.mask_type, cut.mask_threshold) == ("binary", 0.4)
    ratio = describe("name", replace(TINY, threshold=0.4, mask="ratio"), DATA, 9, WORDS)
    assert (ratio.mask_type, ratio.mask_threshold) == ("ratio", None)


def test_windows_share_their_pictures() -> None:
    recipe = preset("default")
    spacing = describe("name", recipe, DATA, 9, WORDS).vision.frame_spacing
    assert spacing == pytest.approx(recipe.front_end.hop_samples / recipe.front_end.rate)


def test_the_card_tells_data_and_training() -> None:
    text = describe("name", TINY, DATA, 4_321, WORDS).training
    for fact in (
        "data set songs: 7 recordings, 12 minutes of 2 classes (bell, bass drum)",
        "30 pictures",
        "4321 steps of 4 mixtures",
        "binary masks, used as they come",
        "mobilenet_v2, unchanged",
        "5 levels, 2 channels",
        "preset default",
    ):
        assert fact in text
    tuned = replace(TUNED, threshold=0.5)
    text = describe("name", tuned, replace(DATA, kinds=()), 9, WORDS).training
    assert "12 minutes, and 30 pictures" in text
    assert "mobilenet_v3_small, trained too" in text
    assert "as they come" not in text


def test_the_card_tells_licences() -> None:
    licence = describe("name", TINY, DATA, 9, WORDS).licence
    assert licence == (
        "Weights: CC BY 4.0. Licences of the recordings and pictures trained on: "
        "CC0 (5); CC BY 4.0 (32)."
    )
    about = describe("name", TINY, DATA, 9, Words())
    assert about.licence.startswith("Weights: Not stated by whoever trained them.")
    assert about.summary == "PixelPlayer trained on songs (default)."


# What does not fit


def other_recipe(run: Run) -> None:
    text = (run.folder / "recipe.json").read_text()
    (run.folder / "recipe.json").write_text(text.replace('"unet_width": 2', '"unet_width": 3'))


def other_projection(run: Run) -> None:
    tensors = load_file(run.folder / "vision.safetensors")
    tensors["projection.matrix"] = tensors["projection.matrix"][:, :3].contiguous()
    save_file(tensors, run.folder / "vision.safetensors")


def other_backbone(run: Run) -> None:
    tensors = load_file(run.folder / "vision.safetensors")
    tensors.pop("features.0.0.weight")
    save_file(tensors, run.folder / "vision.safetensors")


def no_synthesizer(run: Run) -> None:
    state = checkpoint.load(run.folder)
    kept = {k: v for k, v in state.average.items() if not k.startswith("syn.")}
    checkpoint.save(replace(state, average=kept), run.folder)


def no_head(run: Run) -> None:
    state = checkpoint.load(run.folder)
    kept = {k: v for k, v in state.average.items() if k != "vision.a.bias"}
    checkpoint.save(replace(state, average=kept), run.folder)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (other_recipe, r"last\.pt: does not fit"),
        (other_projection, r"last\.pt: does not fit"),
        (other_backbone, "frozen backbone is no mobilenet_v2"),
        (no_synthesizer, r"last\.pt: does not fit"),
        (no_head, r"last\.pt: does not fit the run's recipe \('vision\.a\.bias'\)"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    run: Run, tmp_path: Path, spoil: Callable[[Run], None], reason: str
) -> None:
    (tmp_path / "run").mkdir()
    other = copied(run, tmp_path / "run")
    spoil(other)
    with pytest.raises(ModelError, match=reason) as caught:
        export_run(other, tmp_path / "bundle", WORDS)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize("name", ["recipe.json", "data.json", "vision.safetensors", "last.pt"])
def test_a_run_that_is_not_whole_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(ModelError, match=name.replace(".", r"\.")) as caught:
        export_run(copied(run, tmp_path / "run", name), tmp_path / "bundle", WORDS)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "bundle").exists()


def test_names_of_bundles_are_checked_first(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="bundle folder"):
        export_run(run, tmp_path / "a name", WORDS)
