"""What is told apart when files are opened and read."""

from collections.abc import Iterator

import pytest

from pixelmix.media.opening import to_end


def test_a_stream_that_nobody_knows_is_the_end() -> None:
    def demuxed() -> Iterator[int]:
        yield from (1, 2)
        raise IndexError

    assert list(to_end(demuxed())) == [1, 2]


def test_other_errors_are_told() -> None:
    def demuxed() -> Iterator[int]:
        yield 1
        raise KeyError

    with pytest.raises(KeyError):
        list(to_end(demuxed()))
