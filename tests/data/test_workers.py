"""Work in several processes: in order, bounded, and ended when it should."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from pixelmix.data.workers import Workers
from pixelmix.errors import InputError, OutputError


def slow_square(number: int) -> int:
    time.sleep(0.05 * (number % 3))
    if number == 4:
        raise InputError("four")
    return number**2


def die_on(fatal: tuple[int, ...], number: int) -> int:
    if number in fatal:
        os._exit(9)
    return number


def mark_and_die_on_zero(folder: Path, number: int) -> int:
    (folder / str(number)).touch()
    return die_on((0,), number)


def fail(number: int) -> int:
    raise OutputError(f"no room for {number}")


def mark_and_wait(folder: Path, number: int) -> None:
    (folder / str(number)).touch()
    time.sleep(600)


def test_results_come_in_order_and_errors_are_results() -> None:
    taken = []

    def values() -> Iterator[int]:
        for number in range(30):
            taken.append(number)
            yield number

    with Workers(slow_square, 2) as workers:
        results = workers.results(values())
        first = next(results)
        # Not everything is fetched at once.
        assert len(taken) < 15
        found = dict([first, *results])
    assert isinstance(error := found.pop(4), InputError)
    assert str(error) == "four"
    assert found == {number: number**2 for number in range(30) if number != 4}
    assert list(found) == sorted(found)


def test_a_death_costs_one_value_only() -> None:
    with Workers(partial(die_on, (2, 3)), 2) as workers:
        found = dict(workers.results(range(6)))
    dead = {number for number, result in found.items() if isinstance(result, InputError)}
    assert dead == {2, 3}
    assert list(found) == list(range(6))


def test_a_death_between_two_values(tmp_path: Path) -> None:
    def values() -> Iterator[int]:
        yield 0
        while not any(tmp_path.iterdir()):
            time.sleep(0.02)
        time.sleep(0.5)
        yield from range(1, 4)

    with Workers(partial(mark_and_die_on_zero, tmp_path), 1) as workers:
        found = dict(workers.results(values()))
    assert isinstance(found.pop(0), InputError)
    assert found == {1: 1, 2: 2, 3: 3}


def test_other_errors_end_the_work() -> None:
    with pytest.raises(OutputError, match="no room for 0"), Workers(fail, 2) as workers:
        list(workers.results(range(5)))


def test_processes_end_with_the_block(tmp_path: Path) -> None:
    began = time.monotonic()

    def interrupted(folder: Path) -> None:
        with Workers(partial(mark_and_wait, folder), 2) as workers:
            results = workers.results(iter_until_marked(folder))
            next(results)

    # More than once: an end that is told of too early is so only now and then.
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with pytest.raises(KeyboardInterrupt):
            interrupted(folder)
        assert not multiprocessing.active_children()
    assert time.monotonic() - began < 60


def iter_until_marked(folder: Path) -> Iterator[int]:
    yield from range(2)
    while not any(folder.iterdir()):
        time.sleep(0.02)
    raise KeyboardInterrupt
