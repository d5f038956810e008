from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pixelmix.data.dataset import Dataset
from pixelmix.errors import InputError
from pixelmix.train.backbone import Backbone
from pixelmix.train.compositions import MOST
from pixelmix.train.tuning import composer, cost, tuned_backbone
from tests.train.tiny_recipe import TINY

SHORT = replace(TINY, tuning_steps=3, precision="fp32")
CLASSES, SIZE = 3, 4


def view(*objects: tuple[int, tuple[slice, slice]]) -> tuple[Tensor, Tensor]:
    kinds = torch.full((1, MOST), -1)
    cells = torch.zeros((1, MOST, SIZE, SIZE), dtype=torch.bool)
    for place, (kind, box) in enumerate(objects):
        kinds[0, place] = kind
        cells[0, place][box] = True
    return kinds, cells


LEFT, RIGHT = (slice(None), slice(0, 2)), (slice(None), slice(2, 4))


def said(*answers: tuple[int, tuple[slice, slice]]) -> Tensor:
    logits = torch.full((1, CLASSES, SIZE, SIZE), -6.0)
    for kind, box in answers:
        logits[0, kind][box] = 6.0
    return logits


def test_the_right_class_in_the_right_place_costs_least() -> None:
    shown = view((0, LEFT), (2, RIGHT))
    right = float(cost(said((0, LEFT), (2, RIGHT)), *shown))
    swapped = float(cost(said((2, LEFT), (0, RIGHT)), *shown))
    missed = float(cost(said((0, LEFT)), *shown))
    everywhere = float(cost(said((0, LEFT), (2, LEFT), (0, RIGHT), (2, RIGHT)), *shown))
    assert right < missed < swapped
    assert right < everywhere


def test_what_is_said_outside_of_the_boxes_costs() -> None:
    shown = view((1, LEFT))
    assert cost(said((1, LEFT)), *shown) + 1 < cost(said((1, LEFT), (1, RIGHT)), *shown)


def test_an_empty_scene_costs_what_is_said_of_it() -> None:
    shown = view()
    assert float(cost(said(), *shown)) == pytest.approx(0.005, abs=0.001)
    assert cost(said((1, LEFT)), *shown) > 1


def test_an_object_may_be_in_part_of_its_box() -> None:
    whole, part = (slice(None), slice(None)), (slice(0, 2), slice(0, 3))
    shown = view((1, whole))
    assert cost(said((1, part)), *shown) == pytest.approx(float(cost(said((1, whole)), *shown)))


def test_upper_layers_learn_and_lower_ones_stay(
    kit: Dataset, backbone: Backbone, tmp_path: Path
) -> None:
    dataset = _beside(kit, tmp_path)
    before = {name: value.clone() for name, value in backbone.network.state_dict().items()}
    lines: list[str] = []
    tuned = tuned_backbone(dataset, SHORT, backbone, lines.append)
    after = tuned.network.state_dict()
    changed = {name.split(".")[0] for name in before if not before[name].equal(after[name])}
    assert changed == {str(layer) for layer in range(4, 19)}
    assert all("running" not in n or before[n].equal(after[n]) for n in before)
    assert before.keys() == after.keys()
    for name, value in backbone.network.state_dict().items():
        assert value.equal(before[name])
    assert tuned.checksum != backbone.checksum
    assert "step 3 of 3" in lines[-1]


def test_it_is_done_once_and_the_same_every_time(
    kit: Dataset, backbone: Backbone, tmp_path: Path
) -> None:
    first = tuned_backbone(_beside(kit, tmp_path / "a"), SHORT, backbone, lambda _: None)
    said: list[str] = []
    again = tuned_backbone(_beside(kit, tmp_path / "a"), SHORT, backbone, said.append)
    other = tuned_backbone(_beside(kit, tmp_path / "b"), SHORT, backbone, lambda _: None)
    assert first.checksum == again.checksum == other.checksum
    assert not said
    longer = replace(SHORT, tuning_steps=4)
    more = tuned_backbone(_beside(kit, tmp_path / "a"), longer, backbone, lambda _: None)
    assert more.checksum != first.checksum


def test_recordings_own_pictures_are_of_their_class(videos: Dataset) -> None:
    draws = composer(videos, 64)
    assert draws.kinds == 4
    assert (draws.draw(np.random.default_rng(0)).kinds >= 0).sum() == 1


def test_a_dataset_without_classes_has_nothing_to_learn(
    kit: Dataset, backbone: Backbone, tmp_path: Path
) -> None:
    dataset = _beside(kit, tmp_path)
    dataset.stills = dataset.stills[:1]
    said: list[str] = []
    assert tuned_backbone(dataset, SHORT, backbone, said.append) is backbone
    assert len(said) == 1
    assert "stays as it is" in said[0]


def test_a_damaged_backbone_is_named(kit: Dataset, backbone: Backbone, tmp_path: Path) -> None:
    dataset = _beside(kit, tmp_path)
    tuned_backbone(dataset, SHORT, backbone, lambda _: None)
    (kept,) = (tmp_path / "features").iterdir()
    kept.write_bytes(kept.read_bytes()[:100])
    with pytest.raises(InputError, match="delete it"):
        tuned_backbone(dataset, SHORT, backbone, lambda _: None)


def _beside(dataset: Dataset, folder: Path) -> Dataset:
    """Return the dataset at another place, without what was made of it."""
    folder.mkdir(exist_ok=True)
    for file in dataset.folder.iterdir():
        if file.is_file() and not (folder / file.name).exists():
            (folder / file.name).write_bytes(file.read_bytes())
    return Dataset.open(folder)
