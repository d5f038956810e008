from pathlib import Path

import numpy as np
import pytest

from pixelmix.data.dataset import Dataset
from pixelmix.evaluation.channels import MOST, audio_channels, confusion, visual_channels
from pixelmix.evaluation.examples import Pool
from pixelmix.evaluation.methods import BundleMethod
from pixelmix.model.bundle import load_bundle
from tests.data.tiny_dataset import KINDS, make_dataset
from tests.evaluation.knowing_networks import Knowing
from tests.tiny_model import FRONT_END, VISION


@pytest.fixture(scope="module", params=[False, True], ids=["kit", "videos"])
def dataset(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("data"), videos=request.param, seconds=20.0)


def test_networks_that_know_the_kinds_are_found_out(dataset: Dataset, tiny_bundle: Path) -> None:
    model = BundleMethod(Knowing(load_bundle(tiny_bundle)))  # type: ignore[arg-type]
    pool = Pool(dataset, "val", FRONT_END, VISION)
    ticks: list[None] = []
    for channels in (visual_channels, audio_channels):
        found = channels(model, pool, 0, lambda: ticks.append(None))
        assert found == channels(model, pool, 0, lambda: None)
        assert {kind: len(recordings) for kind, recordings in found.items()} == dict.fromkeys(
            KINDS, 2
        )
        said = confusion(found, 4, 0)
        assert said is not None
        assert (said.kinds, said.channels, said.accuracy) == (KINDS, (0, 1, 2, 3), 1.0)
        np.testing.assert_array_equal(said.matrix, np.eye(4))
    assert len(ticks) == 2 * len(KINDS)


def test_long_recordings_are_heard_more_than_once(dataset: Dataset, tiny_bundle: Path) -> None:
    model = BundleMethod(Knowing(load_bundle(tiny_bundle)))  # type: ignore[arg-type]
    pool = Pool(dataset, "val", FRONT_END, VISION)
    found = audio_channels(model, pool, 0, lambda: None)
    assert all(len(recording) == 3 for recordings in found.values() for recording in recordings)
    assert MOST // 2 > 3


def test_channels_that_say_nothing_are_right_by_chance_only() -> None:
    random = np.random.default_rng(0)
    channels = {kind: random.integers(0, 5, (400, 1)).tolist() for kind in "abcd"}
    said = confusion(channels, 6, 0)
    assert said is not None
    assert 0.15 < said.accuracy < 0.35
    assert said.channels[5] == -1  # it is never the strongest


def test_recordings_are_not_torn_apart() -> None:
    # Every recording has a channel of its own: what one says is of no use for the other.
    channels = {"a": [[0] * 9, [1] * 9], "b": [[2] * 9, [3] * 9]}
    said = confusion(channels, 4, 0)
    assert said is not None
    assert said.accuracy == 0.0
    assert not said.matrix.any()
    assert sorted(said.channels) == [-1, -1, 0, 1]


def test_rows_are_shares_of_a_kind_and_accuracy_a_share_of_all() -> None:
    channels = {"a": [[0]] * 20, "b": [[1]] * 4, "c": [[0]] * 4, "d": [[1]]}
    said = confusion(channels, 2, 0)
    assert said is not None
    assert said.kinds == ("a", "b", "c")
    np.testing.assert_array_equal(said.matrix, [[1, 0, 0], [0, 1, 0], [1, 0, 0]])
    assert said.accuracy == pytest.approx(12 / 14)


def test_one_kind_alone_cannot_be_asked_for() -> None:
    assert confusion({"a": [[0], [0]], "b": [[1]]}, 2, 0) is None
    assert confusion({}, 2, 0) is None
