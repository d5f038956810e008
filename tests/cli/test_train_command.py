"""`pixelmix train` and `pixelmix export`: what they refuse, in words."""

from pathlib import Path

import pytest

from pixelmix.cli.export import export
from pixelmix.cli.train import train
from pixelmix.errors import InputError, ModelError, OutputError, UsageError
from pixelmix.train import checkpoint
from tests.cli.conftest import Run
from tests.data.tiny_dataset import make_dataset


def test_what_is_no_dataset_is_one_line(run: Run, tmp_path: Path) -> None:
    assert run("train", tmp_path, "-o", "run").failed_with(1, "no finished dataset", "prepare")


def test_a_wrong_setting_is_a_usage_error(run: Run, tmp_path: Path) -> None:
    assert run("train", tmp_path, "-o", "run", "--set", "x=1").failed_with(2, "'x'", "--set x=1")


def test_help_names_both_presets(run: Run) -> None:
    assert "default|paper" in run("train", "--help").out


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """Return a folder that looks like a run with a checkpoint."""
    folder = tmp_path / "begun"
    folder.mkdir()
    (folder / checkpoint.FILE).write_bytes(b"a checkpoint")
    return folder


def test_an_old_run_is_kept(tmp_path: Path, begun: Path) -> None:
    with pytest.raises(OutputError, match="--resume, start anew with --overwrite"):
        train(tmp_path, begun)
    with pytest.raises(UsageError, match="give one of them"):
        train(tmp_path, begun, resume=True, overwrite=True)
    with pytest.raises(ModelError, match=r"no training run \(recipe\.json"):
        train(tmp_path, begun, resume=True)
    assert (begun / checkpoint.FILE).read_bytes() == b"a checkpoint"


def test_a_frozen_backbone_needs_weights(tmp_path: Path) -> None:
    data = make_dataset(tmp_path / "data", seconds=3.0).folder
    with pytest.raises(UsageError, match="--vision-weights imagenet"):
        train(data, tmp_path / "run", device="cpu")
    with pytest.raises(ModelError, match="cannot be read"):
        train(data, tmp_path / "run", vision_weights=str(tmp_path / "none.safetensors"))
    with pytest.raises(UsageError, match="no preset 'papers'"):
        train(data, tmp_path / "run", preset="papers")


def test_export_says_what_is_missing(tmp_path: Path, begun: Path) -> None:
    with pytest.raises(ModelError, match="no training run"):
        export(begun, tmp_path / "model")
    (tmp_path / "scores.json").write_text("{}")
    with pytest.raises(InputError, match="holds no evaluation"):
        export(begun, tmp_path / "model", scores=[tmp_path / "scores.json"])
    assert not (tmp_path / "model").exists()
