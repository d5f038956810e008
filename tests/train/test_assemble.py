from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from pixelmix.errors import ModelError, OutputError, PixelmixError
from pixelmix.model.bundle import load_bundle, verify
from pixelmix.model.images import network_input
from pixelmix.model.schema import Description
from pixelmix.model.session import Networks
from pixelmix.train.__main__ import main
from pixelmix.train.assemble import assemble, describe, export_run
from pixelmix.train.backbone import load_backbone, load_projection
from pixelmix.train.cache import PROJECTION
from pixelmix.train.export import Parity, export_bundle
from pixelmix.train.kit import WEIGHTS
from pixelmix.train.loop import Trainer
from pixelmix.train.model import Separator
from pixelmix.train.nets import AudioNetwork, Synthesizer, VisionNetwork
from tests.train.tiny_kit import NAMES, TINY

PICTURE = np.random.default_rng(0).integers(0, 256, (224, 288, 3), np.uint8)


@pytest.fixture(scope="module")
def trainer() -> Trainer:
    torch.manual_seed(0)
    trainer = Trainer(TINY, len(NAMES))
    trainer.model.audio(torch.randn(4, 1, 32, 64))  # gives the normalisation statistics
    with torch.no_grad():
        for weight in trainer.average.parameters():
            weight.add_(0.1 * torch.randn(weight.shape))
    return trainer


@pytest.fixture(scope="module")
def run(trainer: Trainer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    trainer.save(folder)
    return folder


def test_the_assembled_networks_are_those_of_the_training(
    trainer: Trainer, kit: Path, cache: Path
) -> None:
    projection, model = load_projection(cache / PROJECTION), trainer.average.eval()
    networks = assemble(model.state_dict(), projection, kit / WEIGHTS, TINY.sizes)
    images = torch.tensor(PICTURE).permute(2, 0, 1)[None].float() / 127.5 - 1
    spectra = torch.randn(2, 1, 32, 64)
    with torch.inference_mode():
        maps = load_backbone(kit / WEIGHTS, TINY.sizes)(images)
        cells = projection.apply(maps)
        seen, wanted = networks.vision(images).sigmoid(), model.head(cells[..., None, :])
        torch.testing.assert_close(seen, wanted.permute(0, 3, 1, 2), rtol=0, atol=1e-4)
        pooled = model.head(cells.flatten(1, 2))
        torch.testing.assert_close(seen.amax((2, 3)), pooled, rtol=0, atol=1e-4)
        heard = model.audio(spectra)
        torch.testing.assert_close(networks.audio(spectra), heard, rtol=0, atol=1e-5)
        masks = networks.synthesizer(pooled, heard)
        paired = model.syn.paired(pooled[None].expand(2, -1, -1), heard)
        torch.testing.assert_close(masks, paired, rtol=0, atol=1e-5)


def few_layers() -> nn.Sequential:
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
        torch.manual_seed(1)
        vision.features = few_layers()
        return export_bundle(vision, audio, synthesizer, about, target, overwrite=overwrite)

    monkeypatch.setattr("pixelmix.train.assemble.export_bundle", export)


@pytest.mark.usefixtures("few_layers_exported")
def test_a_run_becomes_a_bundle(
    trainer: Trainer, run: Path, kit: Path, cache: Path, tmp_path: Path
) -> None:
    target = tmp_path / "small"
    bundle = export_run(run, cache, kit, target, recipe=TINY, scores={"NSDR": 1.5})
    verify(load_bundle(target))
    assert (bundle.name, bundle.k, bundle.scores) == ("small", 3, {"NSDR": 1.5})
    assert bundle.front_end == TINY.front_end
    assert (bundle.mask_type, bundle.mask_threshold) == ("binary", None)
    model, projection = trainer.average.eval(), load_projection(cache / PROJECTION)
    images = network_input(PICTURE, bundle.vision)
    torch.manual_seed(1)
    with Networks.open(bundle, "cpu", 1) as networks, torch.inference_mode():
        cells = projection.apply(few_layers()(torch.tensor(images)))
        wanted = model.head(cells[..., None, :]).permute(0, 3, 1, 2)
        # Weights are rounded to half precision.
        np.testing.assert_allclose(networks.features(images), wanted, atol=1e-2)
    with pytest.raises(OutputError, match="exists already"):
        export_run(run, cache, kit, target, recipe=TINY)


def test_windows_share_their_pictures() -> None:
    about = describe("name", TINY, 3, {})
    assert about.vision.frame_spacing == pytest.approx(
        TINY.front_end.hop_samples / TINY.front_end.rate
    )


def test_parts_that_do_not_fit_are_refused(
    run: Path, kit: Path, cache: Path, tmp_path: Path
) -> None:
    torch.save({"mu": torch.zeros(9), "P": torch.zeros(9, 2)}, tmp_path / PROJECTION)
    with pytest.raises(ModelError, match=PROJECTION) as caught:
        export_run(run, tmp_path, kit, tmp_path / "a", recipe=TINY)
    assert "\n" not in str(caught.value)
    with pytest.raises(PixelmixError, match=r"last\.pt"):
        export_run(tmp_path, cache, kit, tmp_path / "a", recipe=TINY)
    assert not (tmp_path / "a").exists()


def test_checkpoints_have_the_documented_keys() -> None:
    parts = {key.split(".")[0] for key in Separator(TINY, len(NAMES)).state_dict()}
    assert parts == {"head", "audio", "syn", "emb"}


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["-o", str(tmp_path / "out")]
    assert main(["export", str(tmp_path), str(tmp_path), *out]) == 1
    assert main(["run", str(tmp_path), "--minutes", "1", *out]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert "last.pt" in first
    assert "solos.csv" in second


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "kit", "-o", "run", "--minutes", "0"],
        ["run", "kit", "-o", "run"],
        ["export", "run", "kit", "-o", "m", "--score", "8"],
        [],
    ],
)
def test_a_wrong_command_line_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err
