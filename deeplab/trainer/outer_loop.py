"""The outer loop: logging, checkpoints, evaluations and rollbacks.

Every action happens at multiples of its interval, whatever step the run started from:
a resumed run does at each step what an uninterrupted one does.
"""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orbit
import tensorflow as tf

from deeplab.trainer.checkpointing import CheckpointStore, list_checkpoints
from deeplab.trainer.interruption import InterruptedRunError, InterruptionWatch
from deeplab.trainer.metrics_log import MetricsLog
from deeplab.trainer.monitors import EvaluationMonitor, TrainingMonitor
from deeplab.trainer.non_finite import NonFiniteLossError, save_batch
from deeplab.trainer.progress import Console


@dataclass(frozen=True)
class LoopOptions:
    """When the outer loop acts; intervals are in steps.

    Attributes:
      total_steps: step at which training ends.
      log_intervals: averages are logged at the multiples of each interval.
      checkpoint_interval: steps between checkpoints.
      eval_interval: steps between evaluations; 0 for none.
      eval_batches: number of batches per evaluation; -1 for all.
      best_metric: logged name of the metric that selects the best checkpoint.
      max_rollbacks: number of rollbacks to the last checkpoint, after a non-finite
        loss, before giving up.

    Raises:
      ValueError: an interval is not positive.
    """

    total_steps: int
    log_intervals: tuple[int, ...]
    checkpoint_interval: int
    eval_interval: int = 0
    eval_batches: int = -1
    best_metric: str = ""
    max_rollbacks: int = 0

    def __post_init__(self):
        for interval in (*self.log_intervals, self.checkpoint_interval):
            if interval < 1:
                raise ValueError(
                    f"steps_per_loop, save_summaries_steps and save_checkpoints_steps "
                    f"must be at least 1, not {interval}"
                )

    def next_stop(self, step: int) -> int:
        """Returns the next step after `step` at which an action is due."""
        intervals = [*self.log_intervals, self.checkpoint_interval]
        if self.eval_interval > 0:
            intervals.append(self.eval_interval)
        return min([(step // n + 1) * n for n in intervals] + [self.total_steps])

    def logs_at(self, step: int) -> bool:
        """Returns whether averages are logged at `step`."""
        return self._due(step, *self.log_intervals)

    def saves_at(self, step: int) -> bool:
        """Returns whether a checkpoint is saved at `step`."""
        return self._due(step, self.checkpoint_interval)

    def evaluates_at(self, step: int) -> bool:
        """Returns whether an evaluation follows `step`."""
        return self.eval_interval > 0 and self._due(step, self.eval_interval)

    def _due(self, step: int, *intervals: int) -> bool:
        if step == 0:
            return False
        return step >= self.total_steps or any(step % n == 0 for n in intervals)


@dataclass(frozen=True)
class Monitors:
    """What measures the progress of a run.

    Attributes:
      training: monitors the steps.
      evaluation: monitors evaluated images.
    """

    training: TrainingMonitor
    evaluation: EvaluationMonitor


class OuterLoop:
    """Drives Orbit's controller through training and evaluation."""

    def __init__(
        self,
        *,
        controller: orbit.Controller,
        store: CheckpointStore,
        metrics_log: MetricsLog,
        console: Console,
        watch: InterruptionWatch,
        options: LoopOptions,
        examples: tf.Variable | None = None,
        monitors: Monitors,
    ):
        """Connects the parts of an experiment.

        Args:
          controller: runs the trainer and the evaluator, and has the step counter.
          store: saves and restores checkpoints.
          metrics_log: records all logged values.
          console: reports progress.
          watch: detects signals.
          options: intervals and limits of the loop.
          examples: position in the training data; a rollback does not reset it.
          monitors: measure training and evaluation.
        """
        self._controller = controller
        # Orbit annotates a protocol that takes positional arguments only.
        actions: Any = (self._after_inner_loop,)
        self._controller.train_actions = actions
        self._store = store
        self._metrics_log = metrics_log
        self._console = console
        self._watch = watch
        self._options = options
        self._examples = examples
        self._training = monitors.training
        self._evaluation = monitors.evaluation
        self._results: dict[str, float] = {}

    def train(self) -> dict[str, float]:
        """Trains to the end, evaluating as configured.

        Returns:
          The results of the last evaluation, by name.

        Raises:
          NonFiniteLossError: the loss is not finite, and no rollback is left.
          InterruptedRunError: a signal stopped the run; a checkpoint was saved.
          CheckpointError: a checkpoint cannot be written.
        """
        self._metrics_log.rewind(self._step)
        rollbacks = 0
        while True:
            try:
                self._train()
                return self._results
            except NonFiniteLossError as error:
                self._report(error)
                if rollbacks == self._options.max_rollbacks:
                    raise
                rollbacks += 1
                self._roll_back(rollbacks)
            except InterruptedRunError:
                self._store.save()
                self._console.line(f"stopped; saved a checkpoint of step {self._step}")
                raise

    def evaluate(self) -> dict[str, float]:
        """Evaluates the model, logs the results, and saves the model if it is best."""
        self._evaluation.restart()
        with self._console.activity(self._evaluation.line), _quiet_orbit():
            output: Any = self._controller.evaluate(self._options.eval_batches)
        results = {k: float(v) for k, v in output.items() if k != "steps_per_second"}
        speed = self._evaluation.finish()
        step = self._step
        self._metrics_log.write(step, "eval", results, speed)
        metric = self._options.best_metric
        self._console.line(self._results_text(results))
        if metric in results and self._store.save_if_best(metric, results[metric]):
            self._console.line(f"best {metric} so far: saved in best/")
        self._results = results
        return results

    def evaluate_continuously(self, timeout: float | None) -> dict[str, float]:
        """Evaluates each new checkpoint until none appears for `timeout` seconds.

        Args:
          timeout: seconds to wait for a checkpoint; None waits for ever.
        """
        evaluated = -1
        last = time.monotonic()
        waiting = f"waiting for a checkpoint in {self._store.folder}"
        with self._console.activity(waiting):
            while timeout is None or time.monotonic() - last < timeout:
                self._watch.check()
                found = list_checkpoints(self._store.folder)
                if found and found[-1][0] > evaluated:
                    self._store.restore_newest()
                    evaluated = found[-1][0]
                    self.evaluate()
                    last = time.monotonic()
                time.sleep(1.0)
        return self._results

    @property
    def _step(self) -> int:
        return int(self._controller.global_step.numpy())

    def _train(self) -> None:
        options = self._options
        self._training.restart(self._step)
        self._evaluate_if_due()
        while self._step < options.total_steps:
            with self._console.activity(self._training.line), _quiet_orbit():
                stop = options.next_stop(self._step)
                self._controller.train(stop, checkpoint_at_completion=False)
            if options.saves_at(self._step):
                self._store.save()
            self._evaluate_if_due()

    def _evaluate_if_due(self) -> None:
        step = self._step
        if self._options.evaluates_at(step) and not self._metrics_log.has(step, "eval"):
            self.evaluate()
            self._training.restart(step)

    def _after_inner_loop(self, averages: Mapping[str, float]) -> None:
        if averages:
            speed = self._training.speed()
            self._metrics_log.write(self._step, "train", averages, speed)

    def _roll_back(self, count: int) -> None:
        # The same examples would make the loss non-finite again.
        position = self._examples and int(self._examples.numpy())
        step = self._store.restore_newest()
        if self._examples is not None:
            self._examples.assign(position)
        self._metrics_log.rewind(self._step)
        self._console.line(
            f"rollback {count} of {self._options.max_rollbacks}: back to step {step}, "
            "continuing with the next examples"
        )

    def _report(self, error: NonFiniteLossError) -> None:
        path = save_batch(error, self._store.folder)
        self._console.line(
            f"the loss is not finite at {error}; the batch is in {path}, its images: "
            f"{', '.join(error.filenames) or 'unnamed'}"
        )

    def _results_text(self, results: Mapping[str, float]) -> str:
        """Returns one line with the first result of every metric."""
        first: dict[str, str] = {}
        for name in sorted(results, key=lambda name: name != self._options.best_metric):
            first.setdefault(name.split("/")[0], f"{name} {results[name]:.4g}")
        return "  ".join([f"eval   step {self._step}", *first.values()])


@contextlib.contextmanager
def _quiet_orbit() -> Iterator[None]:
    """Silences Orbit's own printing: the console reports the same."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
