"""Work done ahead of need, in a thread: how decoding, networks and encoding overlap."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from pixelmix.closing import Closing

Item = TypeVar("Item")


class Ahead(Closing, Generic[Item]):
    """The items of an iterator, in its order, made in a thread before they are asked for.

    What is raised while an item is made is raised by whoever asks for it. Closing waits for the
    item that is being made, if one is, and drops the rest; then no thread is left. An iterator
    that takes from another `Ahead` must be closed before that one.

    Parameters
    ----------
    items
        What to run, none of them None; it begins when an iterator is asked for.
    most
        Items made and not yet taken, at most: memory stays bounded by them.
    """

    def __init__(self, items: Iterator[Item], most: int) -> None:
        self._items = items
        self._most = most
        self._pool = ThreadPoolExecutor(1, "pixelmix-ahead")
        self._made: deque[Future[Item | None]] = deque()

    def __iter__(self) -> Iterator[Item]:
        for _ in range(self._most):
            self._made.append(self._pool.submit(self._make))
        return self._taken()

    def close(self) -> None:
        """Stop working ahead; nothing can be asked for afterwards."""
        self._pool.shutdown(cancel_futures=True)
        self._made.clear()

    def _taken(self) -> Iterator[Item]:
        while (item := self._made.popleft().result()) is not None:
            self._made.append(self._pool.submit(self._make))
            yield item

    def _make(self) -> Item | None:
        return next(self._items, None)
