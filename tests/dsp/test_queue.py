"""The sample queue behaves like one long array."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelmix.dsp.queue import SampleQueue


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 4000)), max_size=12))
def test_reads_what_was_written(steps: list[tuple[int, int]]) -> None:
    queue = SampleQueue(2, start=-5)
    written = np.zeros((2, 0), dtype=np.float32)
    for count, drop in steps:
        first = written.shape[1]
        block = np.arange(first, first + count, dtype=np.float32) * np.array([[1], [-1]])
        queue.append(block.astype(np.float32))
        written = np.concatenate([written, block.astype(np.float32)], axis=1)
        queue.drop_before(queue.start + drop)
        assert queue.stop == written.shape[1] - 5
        held = queue.read(queue.start, queue.stop)
        np.testing.assert_array_equal(held, written[:, queue.start + 5 :])


def test_memory_follows_what_is_held() -> None:
    queue = SampleQueue()
    for _ in range(500):
        queue.append(np.ones(1000, dtype=np.float32))
        queue.drop_before(queue.stop - 1500)
    assert queue._store.size <= 16000


def test_zeros_are_written_over_what_was_there() -> None:
    queue = SampleQueue()
    queue.append(np.ones(1000, dtype=np.float32))
    queue.drop_before(1000)
    queue.append_zeros(900)
    assert not queue.read(1000, 1900).any()


def test_wrong_use_is_loud() -> None:
    queue = SampleQueue(2)
    with pytest.raises(ValueError, match="expected"):
        queue.append(np.zeros((3, 10), dtype=np.float32))
    queue.append_zeros(10)
    queue.drop_before(4)
    with pytest.raises(IndexError):
        queue.read(3, 10)
    with pytest.raises(IndexError):
        queue.read(5, 11)
