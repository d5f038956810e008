"""Fixtures of the training room; they are shared by its tests, so leave them unchanged."""

from pathlib import Path

import pytest

from pixelmix.data.dataset import Dataset
from pixelmix.train.backbone import Backbone, load_backbone
from pixelmix.train.features import prepare_features
from tests.data.tiny_dataset import make_dataset
from tests.train.tiny_recipe import TINY, write_weights


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return a dataset of solos and of pictures of their classes."""
    return make_dataset(tmp_path_factory.mktemp("data") / "kit")


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Return a dataset of recordings with pictures of their own."""
    return make_dataset(tmp_path_factory.mktemp("data") / "videos", videos=True)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of random weights for the backbone of `TINY`."""
    return write_weights(tmp_path_factory.mktemp("weights") / "mobilenet_v2.safetensors")


@pytest.fixture(scope="session")
def backbone(weights: Path) -> Backbone:
    """Return the backbone with those weights."""
    return load_backbone(weights, TINY.sizes)


@pytest.fixture(scope="session")
def features(kit: Dataset, backbone: Backbone) -> Path:
    """Return the folder of the kit's feature maps."""
    return prepare_features(kit, TINY, backbone, lambda _: None)
