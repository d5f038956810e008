"""Work done ahead: the same items, the same errors, and no thread left behind."""

import threading
from collections.abc import Iterator

import pytest

from pixelmix.ahead import Ahead
from pixelmix.errors import InputError


def threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("pixelmix-ahead")]


def test_all_items_in_order() -> None:
    with Ahead(iter(range(1, 100)), 3) as items:
        assert list(items) == list(range(1, 100))
    assert not threads()


def test_works_ahead_so_far_and_no_further() -> None:
    made: list[int] = []
    reached = threading.Event()

    def source() -> Iterator[int]:
        for number in range(1, 100):
            made.append(number)
            if number == 5:
                reached.set()
            yield number

    with Ahead(source(), 4) as items:
        taken = iter(items)
        assert next(taken) == 1
        assert next(taken) == 2
        # One taken, and another asked for: four more than the first.
        assert reached.wait(10)
    assert made == [1, 2, 3, 4, 5]
    assert not threads()


def test_an_error_reaches_whoever_asks_for_its_item() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise InputError("in.mp4: gone")

    with Ahead(source(), 4) as items:
        taken = iter(items)
        assert next(taken) == 1
        with pytest.raises(InputError, match="gone"):
            next(taken)
    assert not threads()


def test_closing_early_waits_for_the_item_being_made_and_drops_the_rest() -> None:
    began, go_on = threading.Event(), threading.Event()
    made: list[int] = []

    def source() -> Iterator[int]:
        for number in range(1, 100):
            began.set()
            assert go_on.wait(10)
            made.append(number)
            yield number

    items = Ahead(source(), 5)
    iter(items)
    assert began.wait(10)
    threading.Timer(0.1, go_on.set).start()
    items.close()
    assert made == [1]
    assert not threads()
    items.close()


def test_one_behind_another() -> None:
    with Ahead(iter(range(1, 50)), 2) as first, Ahead((2 * one for one in first), 2) as second:
        assert next(iter(second)) == 2
    assert not threads()


def test_nothing_runs_before_it_is_asked_for() -> None:
    with Ahead(iter([1]), 2):
        assert not threads()
