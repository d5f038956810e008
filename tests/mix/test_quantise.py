"""Whole numbers: on their grid, next to what they stand for, and still the whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelmix.mix.quantise import quantise
from pixelmix.types import StemBlock


@pytest.mark.parametrize("bits", [16, 24])
@given(st.integers(0, 99), st.integers(0, 4), st.integers(0, 300))
@settings(max_examples=20, deadline=None)
def test_parts_are_on_the_grid_and_sum_exactly(
    bits: int, seed: int, regions: int, samples: int
) -> None:
    random = np.random.default_rng(seed)
    scale = 2.0 ** (bits - 1)
    whole = random.integers(-(2**15), 2**15, (2, samples)) / 2**15
    shares = random.dirichlet(np.ones(regions + 1), (2, samples))[..., :-1]
    stems = np.moveaxis(shares, -1, 0) * whole
    block = StemBlock(whole.astype(np.float32), stems.astype(np.float32))
    found = quantise(block, bits)
    for part in (*found.stems, found.rest):
        on_grid = part.astype(np.float64) * scale
        np.testing.assert_array_equal(on_grid, np.rint(on_grid))
    assert np.abs(found.stems - block.stems).max(initial=0.0) <= 0.5 / scale
    total = found.stems.astype(np.float64).sum(axis=0) + found.rest
    np.testing.assert_array_equal(total, block.samples)
