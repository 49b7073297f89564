"""Maps a function over items in several processes, in order."""

from __future__ import annotations

import collections
import concurrent.futures
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Items in flight per worker; bounds the memory of finished results.
_AHEAD = 4


def parallel_map(
    function: Callable[[T], R], items: Iterable[T], workers: int
) -> Generator[R, None, None]:
    """Yields `function(item)` for every item, in order.

    Args:
      function: a picklable function. Its module should not import TensorFlow, which
        would cost every worker seconds.
      items: picklable items, consumed lazily.
      workers: number of processes; with 1 or fewer, this process does the work.

    Raises:
      OSError: a worker was killed.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    # Not forked: TensorFlow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    waiting: collections.deque[concurrent.futures.Future[R]] = collections.deque()
    pool = concurrent.futures.ProcessPoolExecutor(
        workers, context, initializer=_end_with_parent
    )
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise OSError(
            "a worker process was killed (out of memory?); run again with fewer workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Ends this worker if its parent is killed; it would wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        multiprocessing.connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()
