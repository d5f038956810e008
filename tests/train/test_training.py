"""Whole training runs on a dataset in miniature: interrupted, resumed, shared by two processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pixelmix.data.dataset import Dataset
from pixelmix.errors import InputError, ModelError, PixelmixError, UsageError
from pixelmix.train import checkpoint
from pixelmix.train.loop import Launch, train
from pixelmix.train.nets import dilated_features
from pixelmix.train.recipe import Recipe, preset
from pixelmix.train.run import LOG, Run
from pixelmix.train.settings import override
from tests.data.tiny_dataset import make_dataset

STEPS = 12
SETTINGS = (
    "front_end.window_samples=4095", "front_end.n_fft=254", "front_end.hop=64",
    "front_end.rows=64", "sizes.k=3", "sizes.unet_width=2", "sizes.unet_levels=5",
    "sizes.head_width=6", "projection_size=5", "tuning_steps=0", "views=1",
    "short_side=64", "batch=4",
    "log_steps=2", "save_steps=3", "sample_steps=5", "precision=fp32", "warmup_steps=1",
    f"steps={STEPS}",
    # As torchvision's weights ask for.
    "image_mean=0.485,0.456,0.406", "image_std=0.229,0.224,0.225", "sizes.same_padding=false",
)  # fmt: skip
ALONE = Launch("cpu", threads=1)


def tiny(*more: str) -> Recipe:
    return override(preset("default"), (*SETTINGS, *more))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("data") / "set", seconds=3.0).folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "mobilenet.safetensors"
    layers = dilated_features("mobilenet_v2").state_dict()
    save_file({f"features.{key}": value.contiguous() for key, value in layers.items()}, file)
    return str(file)


@pytest.fixture(scope="module")
def whole(dataset: Path, weights: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed; it is shared, so leave it unchanged."""
    run = Run(tmp_path_factory.mktemp("run"))
    train(dataset, run, tiny(), weights, ALONE, lambda _: None)
    return run.folder


def started(dataset: Path, run: Path, weights: str, *more: str) -> subprocess.Popen[str]:
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    words = ["train", dataset, "-o", run, *settings, "--vision-weights", weights]
    return subprocess.Popen(
        [sys.executable, "-m", "pixelmix", *map(str, words), "--threads", "1", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def assert_same(ours: checkpoint.State, theirs: checkpoint.State, tolerance: float = 0.0) -> None:
    assert list(ours) == list(theirs)
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=tolerance)


def steps_in(log: Path) -> Sequence[int]:
    return [json.loads(line)["step"] for line in log.read_text().splitlines()]


def test_training_learns_and_says_so(dataset: Path, whole: Path) -> None:
    state = checkpoint.load(whole)
    assert state.step == STEPS
    assert state.seconds > 0
    lines = [json.loads(line) for line in (whole / LOG).read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(2, STEPS + 1, 2))
    assert all(0 < line["total"] < 10 and 0 <= line["waited"] <= 1 for line in lines)
    assert list((whole / "tensorboard").iterdir())
    data = Run(whole).data()
    assert data.kinds == Dataset.open(dataset).kinds
    assert data.recordings == 8
    assert data.licences == {"CC0": 18}


def test_a_run_stopped_between_checkpoints_goes_on_exactly(
    dataset: Path, weights: str, whole: Path, tmp_path: Path
) -> None:
    class StoppedError(Exception):
        pass

    def stop_at_8(line: str) -> None:
        if line.startswith("step 8 "):
            raise StoppedError

    run = Run(tmp_path)
    with pytest.raises(StoppedError):
        train(dataset, run, tiny(), weights, ALONE, stop_at_8)
    assert checkpoint.load(tmp_path).step == 6
    # The backbone is known from the run.
    train(dataset, run, run.recipe(), None, ALONE, lambda _: None)
    ours, theirs = checkpoint.load(tmp_path), checkpoint.load(whole)
    assert_same(ours.model, theirs.model)
    assert_same(ours.average, theirs.average)
    assert steps_in(tmp_path / LOG) == steps_in(whole / LOG)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_a_killed_run_goes_on_exactly(
    dataset: Path, weights: str, whole: Path, tmp_path: Path
) -> None:
    process = started(dataset, tmp_path, weights)
    deadline = time.monotonic() + 240
    while not (tmp_path / checkpoint.FILE).exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert checkpoint.load(tmp_path).step < STEPS
    resumed = started(dataset, tmp_path, weights, "--resume")
    _, errors = resumed.communicate(timeout=240)
    assert resumed.returncode == 0, errors
    assert "going on at step" in errors
    ours, theirs = checkpoint.load(tmp_path), checkpoint.load(whole)
    assert_same(ours.model, theirs.model)
    assert_same(ours.average, theirs.average)


def test_two_processes_take_the_steps_of_one(dataset: Path, weights: str, tmp_path: Path) -> None:
    # Muon would enlarge what rounding leaves in directions without a gradient.
    plain, one, two = "optimiser=adamw", Run(tmp_path / "one"), tmp_path / "two"
    one.folder.mkdir()
    train(dataset, one, tiny(plain), weights, ALONE, lambda _: None)
    process = started(dataset, two, weights, "--set", plain, "--processes", "2", "--device", "cpu")
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "2 x cpu" in errors
    assert out.count("trained") == 1
    ours, theirs = checkpoint.load(two), checkpoint.load(one.folder)
    assert ours.step == theirs.step
    # The order of sums differs, and Adam divides by small numbers.
    assert_same(ours.model, theirs.model, 1e-4)
    assert_same(ours.average, theirs.average, 1e-4)


def test_a_resumed_run_follows_a_changed_recipe(
    dataset: Path, weights: str, tmp_path: Path
) -> None:
    run = Run(tmp_path)
    train(dataset, run, tiny("steps=3"), weights, ALONE, lambda _: None)
    before = checkpoint.load(tmp_path).model
    still = tiny("steps=6", "learning_rate=0", "kernel_rate=0", "weight_decay=0")
    train(dataset, run, still, None, ALONE, lambda _: None)
    after = checkpoint.load(tmp_path).model
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert moved
    assert all("running" in name or "batches" in name for name in moved)
    with pytest.raises(ModelError, match="another recipe"):
        train(dataset, run, tiny("optimiser=sgd"), None, ALONE, lambda _: None)


def test_a_fresh_start_forgets_the_old_run(
    dataset: Path, weights: str, whole: Path, tmp_path: Path
) -> None:
    run = Run(tmp_path)
    train(dataset, run, tiny("steps=2", "seed=5"), weights, ALONE, lambda _: None)
    train(dataset, run, tiny(), weights, ALONE, lambda _: None, fresh=True)
    assert_same(checkpoint.load(tmp_path).model, checkpoint.load(whole).model)
    assert steps_in(tmp_path / LOG) == steps_in(whole / LOG)


@pytest.mark.parametrize(
    "more",
    [
        ("mask=ratio", "compete_weight=0", "weighting=none"),
        ("dominance=mixture", "weighting=magnitude", "silent_picture=0"),
        ("front_end.warp_base=none", "level=none", "sources=0,0,1", "silent_scene=1"),
        ("pairing=any", "same_kind=1", "optimiser=sgd", "schedule=steps", "rate_drops=0.5"),
        ("precision=bf16", "many_from=0.5", "full_from=0"),
        ("vision=tuned", "frames=2", "picture_changes=crop", "batch=2"),
    ],
    ids=" ".join,
)
def test_every_kind_of_recipe_trains(
    dataset: Path, weights: str, tmp_path: Path, more: tuple[str, ...]
) -> None:
    recipe = tiny("workers=0", "steps=2", "log_steps=1", *more)
    trainer = train(dataset, Run(tmp_path), recipe, weights, ALONE, lambda _: None)
    assert trainer.steps == 2
    assert all(value.isfinite().all() for value in checkpoint.load(tmp_path).model.values())


def test_videos_without_classes_train(weights: str, tmp_path: Path) -> None:
    folder = make_dataset(tmp_path / "videos", videos=True, seconds=3.0).folder
    index = (folder / "dataset.json").read_text()
    for kind in Dataset.open(folder).kinds:
        index = index.replace(f'"kind": "{kind}"', '"kind": ""')
    (folder / "dataset.json").write_text(index)
    run = Run(tmp_path / "run")
    run.create()
    train(folder, run, tiny("steps=2", "workers=0"), weights, ALONE, lambda _: None)
    assert run.data().kinds == ()


def test_processes_that_do_not_know_of_each_other_are_refused(
    dataset: Path, weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="2 processes were started"):
        train(dataset, Run(tmp_path), tiny(), weights, ALONE, lambda _: None)
    assert not (tmp_path / checkpoint.FILE).exists()


def test_what_does_not_fit_is_refused_in_words(
    dataset: Path, weights: str, whole: Path, tmp_path: Path
) -> None:
    def refused(error: type[PixelmixError], words: str, folder: Path, *more: str) -> None:
        with pytest.raises(error, match=words) as caught:
            train(dataset, Run(folder), tiny(*more), weights, ALONE, lambda _: None)
        assert "\n" not in str(caught.value)

    refused(ModelError, "another recipe", whole, "sizes.k=4")
    with pytest.raises(UsageError, match="--vision-weights FILE"):
        train(dataset, Run(tmp_path), tiny(), None, ALONE, lambda _: None)
    with pytest.raises(ModelError, match="no weights of resnet18"):
        train(
            dataset, Run(tmp_path), tiny("sizes.backbone=resnet18"), weights, ALONE, lambda _: None
        )
    with pytest.raises(InputError, match="no finished dataset"):
        train(tmp_path, Run(tmp_path), tiny(), weights, ALONE, lambda _: None)
