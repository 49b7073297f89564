"""Handles SIGTERM and Ctrl-C: finish the step, save a checkpoint, exit.

The exit status is the one that a shell reports for the signal, 128 plus its number:
143 for SIGTERM, 130 for Ctrl-C. A second signal ends the process at once.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class InterruptedRunError(Exception):
    """A signal asked the run to stop.

    Attributes:
      exit_code: exit status of the process, 128 plus the number of the signal.
    """

    def __init__(self, signum: int):
        """Makes the error for signal number `signum`."""
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.exit_code = 128 + signum


class InterruptionWatch:
    """Context manager that records signals; `check` turns them into an exception."""

    def __init__(self):
        """Starts without a recorded signal."""
        self._signum = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> InterruptionWatch:
        # Python delivers signals to the main thread only.
        if threading.current_thread() is threading.main_thread():
            for signum in _SIGNALS:
                self._before[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def check(self) -> None:
        """Raises InterruptedRunError if a signal was received."""
        if self._signum:
            raise InterruptedRunError(self._signum)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self._signum = signum
        self._restore()

    def _restore(self) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
