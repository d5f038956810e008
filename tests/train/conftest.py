from pathlib import Path

import pytest
import tiny_kit

from pixelmix.train.cache import prepare


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a generated kit; it is shared, so leave it unchanged."""
    return tiny_kit.make_kit(tmp_path_factory.mktemp("kit"))


@pytest.fixture(scope="session")
def cache(kit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return that kit's cache; it is shared, so leave it unchanged."""
    folder = tmp_path_factory.mktemp("cache")
    prepare(kit, folder, tiny_kit.TINY, lambda _: None)
    return folder
