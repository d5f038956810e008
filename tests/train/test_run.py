import json
import pickle
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.data.dataset import Dataset
from pixelmix.errors import ModelError, OutputError
from pixelmix.train import checkpoint
from pixelmix.train.backbone import (
    Backbone,
    expected_input,
    layers_of,
    load_backbone,
    load_projection,
    restore_backbone,
)
from pixelmix.train.checkpoint import Checkpoint
from pixelmix.train.features import PROJECTION
from pixelmix.train.mixtures import Mixer, Source
from pixelmix.train.run import BOARD, LOG, Data, Run
from pixelmix.train.settings import override
from tests.data.tiny_dataset import KINDS
from tests.train.tiny_recipe import TINY, TUNED

STATE = Checkpoint(
    model={"a.weight": torch.arange(6.0).reshape(2, 3), "count": torch.tensor(7)},
    average={"a.weight": torch.ones(2, 3), "count": torch.tensor(7)},
    optimiser={"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.1}]},
    step=7,
    seconds=1.5,
)


class Runs:
    """Unpickled, it would run code."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return print, ("code was run",)


def document(**changes: object) -> dict[str, object]:
    whole = {
        "model": {"a": torch.zeros(2)},
        "average": {"a": torch.zeros(2)},
        "optimiser": {"state": {}, "param_groups": []},
        "step": 3,
        "seconds": 1.0,
    }
    return {**whole, **changes}


# The checkpoint


def test_checkpoints_survive_the_file(tmp_path: Path) -> None:
    assert not Run(tmp_path).has_checkpoint()
    checkpoint.save(STATE, tmp_path)
    assert Run(tmp_path).has_checkpoint()
    assert [file.name for file in tmp_path.iterdir()] == [checkpoint.FILE]
    found = checkpoint.load(tmp_path)
    assert (found.step, found.seconds) == (7, 1.5)
    for ours, theirs in ((found.model, STATE.model), (found.average, STATE.average)):
        assert list(ours) == list(theirs)
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert found.optimiser["param_groups"] == [{"lr": 0.1}]


def test_a_checkpoint_is_replaced_only_when_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(STATE, tmp_path)
    before = (tmp_path / checkpoint.FILE).read_bytes()

    def cut_off(_: object, file: object) -> None:
        file.write(b"some")  # type: ignore[attr-defined]
        raise RuntimeError("no space left\nin detail: ...")

    monkeypatch.setattr(torch, "save", cut_off)
    with pytest.raises(OutputError, match=r"last\.pt: cannot be written \(no space left\)$"):
        checkpoint.save(replace(STATE, step=8), tmp_path)
    assert (tmp_path / checkpoint.FILE).read_bytes() == before
    monkeypatch.undo()
    checkpoint.save(replace(STATE, step=9), tmp_path)
    assert checkpoint.load(tmp_path).step == 9
    assert [file.name for file in tmp_path.iterdir()] == [checkpoint.FILE]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"last\.pt: cannot be written"):
        checkpoint.save(STATE, tmp_path / "gone")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nothing",
        b"\x80\x02U\x01\xcc.",
        b"\x80\x02h\x05.",
        pickle.dumps(document(optimiser=Runs()), protocol=2),
        document(optimiser=Runs()),
        document(model=Runs()),
        {},
        [1],
        torch.zeros(3),
        {"model": {}},
        document(step=1.5),
        document(step="3"),
        document(seconds=None),
        document(optimiser=[]),
        document(model=[torch.zeros(2)]),
        document(average={"a": 3}),
        document(average=None),
    ],
)
def test_what_is_no_checkpoint_is_refused(
    tmp_path: Path, content: object, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / checkpoint.FILE
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        torch.save(content, file)
    with pytest.raises(ModelError, match=f"^{file}: ") as caught:
        checkpoint.load(tmp_path)
    assert "\n" not in str(caught.value)
    assert not capsys.readouterr().out, "code was run"


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    folder = tmp_path_factory.mktemp("damaged")
    checkpoint.save(STATE, folder)
    return folder, (folder / checkpoint.FILE).read_bytes()


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damage_is_never_a_traceback(damaged: tuple[Path, bytes], data: st.DataObject) -> None:
    folder, whole = damaged
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 3))):
        content[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)) | st.just(len(whole)))
    (folder / checkpoint.FILE).write_bytes(content[:cut])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        message = ""
        try:
            checkpoint.load(folder)
        except ModelError as error:
            message = str(error)
    assert "\n" not in message


def test_a_run_that_has_not_been_trained_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"holds no checkpoint \(last\.pt\) yet; train it first"):
        checkpoint.load(tmp_path)


# The folder


@pytest.fixture(scope="module")
def begun(
    kit: Dataset, features: Path, backbone: Backbone, tmp_path_factory: pytest.TempPathFactory
) -> Run:
    run = Run(tmp_path_factory.mktemp("runs") / "new" / "run")
    run.create()
    mixer = Mixer(Source(kit.folder, features, TINY, TINY.steps))
    run.begin(TINY, kit, mixer, backbone, features)
    return run


def copied(run: Run, target: Path) -> Run:
    return Run(shutil.copytree(run.folder, target / "run"))


def test_a_run_knows_its_recipe_and_data(begun: Run, kit: Dataset) -> None:
    assert begun.recipe() == TINY
    assert begun.data() == Data(
        dataset=kit.folder.name,
        kinds=KINDS,
        recordings=8,
        minutes=1.1,
        pictures=10,
        licences={"CC0": 18},
    )


def test_a_run_keeps_its_frozen_backbone(begun: Run, backbone: Backbone, features: Path) -> None:
    layers, projection = begun.vision()
    wanted = layers_of(backbone, TINY.sizes)
    assert set(layers) == set(wanted)
    assert all(torch.equal(layers[name], wanted[name]) for name in wanted)
    for ours, theirs in zip(projection, load_projection(features / PROJECTION), strict=True):
        assert torch.equal(ours, theirs)
    assert restore_backbone(layers, TINY.sizes).checksum == backbone.checksum


def test_another_run_can_begin_with_a_kept_backbone(begun: Run, backbone: Backbone) -> None:
    weights = begun.folder / "vision.safetensors"
    assert load_backbone(weights, TINY.sizes).checksum == backbone.checksum
    others = replace(
        TINY,
        image_mean=(0.0, 0.0, 0.0),
        image_std=(1.0, 1.0, 1.0),
        sizes=replace(TINY.sizes, same_padding=False),
    )
    assert override(others, expected_input(str(weights))) == TINY


def test_videos_and_unstated_licences_are_counted(videos: Dataset, tmp_path: Path) -> None:
    folder = shutil.copytree(videos.folder, tmp_path / "clips")
    index = json.loads((folder / "dataset.json").read_text())
    for row in index["sounds"][:3]:
        row["licence"] = ""
    (folder / "dataset.json").write_text(json.dumps(index))
    dataset = Dataset.open(folder)
    recipe = replace(TUNED, sources=(1.0, 0.0, 0.0))
    run = Run(tmp_path / "run")
    run.create()
    run.begin(recipe, dataset, Mixer(Source(folder, None, recipe, 1)), None, None)
    data = run.data()
    assert data.dataset == "clips"
    assert (data.recordings, data.pictures) == (8, 64)
    assert dict(data.licences) == {"CC0": 5, "not stated": 3}
    assert run.recipe() == recipe
    with pytest.raises(ModelError, match=r"vision\.safetensors: cannot be read"):
        run.vision()


def test_a_fresh_start_forgets_what_was_learnt_and_nothing_else(begun: Run, tmp_path: Path) -> None:
    run = copied(begun, tmp_path)
    kept = {file.name for file in run.folder.iterdir()}
    checkpoint.save(STATE, run.folder)
    (run.folder / LOG).write_text("{}\n")
    (run.folder / BOARD).mkdir()
    (run.folder / BOARD / "events").write_text("")
    run.clear()
    assert {file.name for file in run.folder.iterdir()} == kept
    assert not run.has_checkpoint()
    run.clear()


def test_what_cannot_be_cleared_is_an_error(tmp_path: Path) -> None:
    (tmp_path / LOG).mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        Run(tmp_path).clear()


def test_a_run_in_a_files_place_is_an_error(
    kit: Dataset, features: Path, backbone: Backbone, tmp_path: Path
) -> None:
    (tmp_path / "run").write_text("a file")
    run = Run(tmp_path / "run")
    with pytest.raises(OutputError, match="run: cannot be written"):
        run.create()
    mixer = Mixer(Source(kit.folder, features, TINY, 1))
    with pytest.raises(OutputError, match="run: cannot be written"):
        run.begin(TINY, kit, mixer, backbone, features)
    (tmp_path / "vision" / "vision.safetensors").mkdir(parents=True)
    with pytest.raises(OutputError, match="vision: cannot be written"):
        Run(tmp_path / "vision").begin(TINY, kit, mixer, backbone, features)


READERS: Mapping[str, Callable[[Run], object]] = {
    "recipe.json": Run.recipe,
    "data.json": Run.data,
    "vision.safetensors": Run.vision,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"[]", b"{}", b'{"kinds": 3}'])
def test_damaged_files_are_named(
    begun: Run, tmp_path: Path, name: str, content: bytes | None
) -> None:
    run = copied(begun, tmp_path)
    (run.folder / name).unlink()
    if content is not None:
        (run.folder / name).write_bytes(content)
    with pytest.raises(ModelError, match=name.replace(".", r"\.")) as caught:
        READERS[name](run)
    assert str(run.folder) in str(caught.value)
    assert "\n" not in str(caught.value)
