"""A thread that processes a queue while the main thread computes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

# Largest number of waiting items, which bounds the memory.
_QUEUE_SIZE = 8


class Worker:
    """Calls a function on queued items, one after the other, in its own thread."""

    def __init__(self, function: Callable[..., None]):
        self._function = function
        self._items: queue.Queue[tuple[Any, ...] | None] = queue.Queue(_QUEUE_SIZE)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Worker:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._items.put(None)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def put(self, *item: Any) -> None:
        """Queues an item; waits while the queue is full."""
        if self._error is not None:
            raise self._error
        self._items.put(item)

    def _run(self) -> None:
        while (item := self._items.get()) is not None:
            if self._error is not None:
                continue  # Drain the queue, so that `put` does not block.
            try:
                self._function(*item)
            except Exception as error:  # Raised again in the main thread.
                self._error = error
