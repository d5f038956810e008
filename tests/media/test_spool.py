"""What is kept on disk comes back bit for bit, and leaves nothing."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pixelmix.media.spool import Spool


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_what_is_kept_comes_back(tmp_path: Path, channels: int) -> None:
    noise = np.random.default_rng(channels)
    samples = noise.standard_normal((channels, 50_001)).astype(np.float32)
    with Spool(tmp_path, channels) as spool:
        for first, last in pairwise([0, 0, 1, 20_000, 50_001]):
            spool.add(samples[:, first:last])
        np.testing.assert_array_equal(np.concatenate(list(spool), axis=1), samples)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_one_gives_nothing(tmp_path: Path) -> None:
    with Spool(tmp_path, 2) as spool:
        assert list(spool) == []
