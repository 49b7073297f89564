"""The console: reports progress at least every ten seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERVAL = 9.0


class Console:
    """Prints lines, and describes the current activity when it was silent for a while.

    A daemon thread does the latter, so that a slow step or a long compilation never
    looks like a hang.
    """

    def __init__(self, interval: float = INTERVAL):
        """Reports the activity after `interval` seconds of silence."""
        # Kept because sys.stdout is redirected to silence Orbit.
        self._stream = sys.stdout
        self._interval = interval
        self._activity: Callable[[], str] = lambda: ""
        self._last = time.monotonic()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Console:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def line(self, text: str) -> None:
        """Prints one line now."""
        with self._lock:
            self._last = time.monotonic()
            print(text, file=self._stream, flush=True)

    def due(self) -> bool:
        """Returns whether nothing was printed during the last interval."""
        return time.monotonic() - self._last >= self._interval

    @contextmanager
    def activity(self, describe: Callable[[], str] | str) -> Iterator[None]:
        """Sets the activity that is reported while the block runs.

        Args:
          describe: text, to which the elapsed time is added, or a function that
            returns the line.
        """
        before = self._activity
        start = time.monotonic()
        if callable(describe):
            self._activity = describe
        else:
            self._activity = lambda: (
                f"{describe} ... {duration(time.monotonic() - start)}"
            )
        try:
            yield
        finally:
            self._activity = before

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            if self.due():
                text = self._activity()
                if text:
                    self.line(text)


class Rate:
    """Measures the rate of events, and the share of time spent waiting for data."""

    def __init__(self):
        """Starts the clock."""
        self.count = 0
        self._before = (0.0, 0.0)
        self.restart()

    def restart(self) -> None:
        """Restarts the clock; earlier rates are reported until the next event."""
        if self.count:
            self._before = (self.per_second, self.waiting_share)
        self._start = time.monotonic()
        self.count = 0
        self.waited = 0.0

    def tick(self, count: int = 1, waited: float = 0.0) -> None:
        """Counts `count` events, for which `waited` seconds were spent on data."""
        self.count += count
        self.waited += waited

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return max(time.monotonic() - self._start, 1e-9)

    @property
    def per_second(self) -> float:
        """Events per second."""
        return self.count / self.elapsed if self.count else self._before[0]

    @property
    def waiting_share(self) -> float:
        """Share of time spent waiting for data, 0 to 1."""
        share = self.waited / self.elapsed
        return min(share, 1.0) if self.count else self._before[1]

    def remaining(self, count: int) -> str:
        """Returns the time that `count` more events will take, in words."""
        return duration(count / self.per_second) if self.per_second else "unknown"


def duration(seconds: float) -> str:
    """Returns a duration in words, with at most two units: "1 h 5 min", "42 s"."""
    seconds = round(seconds)
    for size, unit, smaller, small_unit in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            return f"{whole} {unit} {rest // smaller} {small_unit}"
    return f"{seconds} s"
