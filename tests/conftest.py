"""Fixtures that several rooms share."""

from pathlib import Path

import pytest

from tests.tiny_model import build_tiny_bundle


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small random model bundle; it is shared, so leave it unchanged."""
    return build_tiny_bundle(tmp_path_factory.mktemp("models") / "tiny")
