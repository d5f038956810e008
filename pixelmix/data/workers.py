"""Reading many sources at the same time, in processes of their own, results in order."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Generic, Self, TypeVar

from pixelmix.errors import InputError

_AHEAD = 8
"""Results that may wait, beyond one per process, for one before them."""

_In = TypeVar("_In")
_Out = TypeVar("_Out")


class Workers(Generic[_In, _Out]):
    """Calls a function on many values in several processes; use it in a ``with`` statement.

    The processes end with the block, whatever they are at, and with this process. A value on
    which a process dies (a decoder that crashes, memory that runs out) costs only itself.

    Parameters
    ----------
    work
        The function; importable. Values and results are small and can be pickled (a process that
        is stopped while it sends a large result would leave the receiver waiting). `InputError`
        is a result too, any other exception ends the work.
    jobs
        Number of processes.
    """

    def __init__(self, work: Callable[[_In], _Out], jobs: int) -> None:
        self._work = work
        self._jobs = jobs
        self._before = set(multiprocessing.active_children())
        self._pool = self._fresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._pool.shutdown(cancel_futures=True)
        else:
            self._end()

    def results(self, values: Iterable[_In]) -> Iterator[tuple[_In, _Out | InputError]]:
        """Yield every value with its result or its error, in the order of the values.

        At most a few more than `jobs` results are held at any time.
        """
        waiting: deque[tuple[_In, Future[_Out]]] = deque()
        for value in values:
            waiting.append((value, self._submit(value)))
            if len(waiting) >= self._jobs + _AHEAD:
                yield self._first(waiting)
        while waiting:
            yield self._first(waiting)

    def _first(self, waiting: deque[tuple[_In, Future[_Out]]]) -> tuple[_In, _Out | InputError]:
        value, future = waiting.popleft()
        try:
            return value, future.result()
        except InputError as error:
            return value, error
        except BrokenProcessPool:
            # Any of those under way may be to blame: alone, each shows whether it is.
            result = self._alone(value)
            rest = [other for other, _ in waiting]
            waiting.clear()
            waiting.extend((other, self._submit(other)) for other in rest)
            return value, result

    def _alone(self, value: _In) -> _Out | InputError:
        self._renew()
        try:
            return self._submit(value).result()
        except InputError as error:
            return error
        except BrokenProcessPool:
            self._renew()
            return InputError("the process that read it died: a crash, or too little memory")

    def _submit(self, value: _In) -> Future[_Out]:
        try:
            return self._pool.submit(self._work, value)
        except BrokenProcessPool as error:
            # A process died just now; those it was given come first, and mend this too.
            broken: Future[_Out] = Future()
            broken.set_exception(error)
            return broken

    def _fresh(self) -> ProcessPoolExecutor:
        # A fork would share FFmpeg's threads and locks in whatever state they are.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._jobs, context, initializer=_begin)

    def _renew(self) -> None:
        self._end()
        self._pool = self._fresh()

    def _end(self) -> None:
        """Stop at once: what is under way would only be thrown away."""
        for process in set(multiprocessing.active_children()) - self._before:
            process.terminate()
        # The pool's own thread waits for the processes: to wait beside it would be to miss, now
        # and then, an end that only that thread is told of.
        self._pool.shutdown(cancel_futures=True)


def _begin() -> None:
    # Ctrl-C reaches every process of a terminal: the first one alone decides what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
