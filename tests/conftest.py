"""Fixtures that several rooms share."""

import os

# As the command line does, and before anything loads numpy: see `pixelmix.cli.main`.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pathlib import Path

import pytest

from tests.tiny_model import build_tiny_bundle


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small random model bundle; it is shared, so leave it unchanged."""
    return build_tiny_bundle(tmp_path_factory.mktemp("models") / "tiny")
