"""Progress of a running loop: position, speed and remaining time."""

from __future__ import annotations

from collections.abc import Mapping

from deeplab.losses.composite import TOTAL
from deeplab.trainer.interruption import InterruptionWatch
from deeplab.trainer.progress import Rate


class TrainingMonitor:
    """Counts training steps and measures their speed.

    Attributes:
      rate: speed since the last log.
    """

    def __init__(self, watch: InterruptionWatch, total_steps: int, batch_size: int):
        """Expects `total_steps` steps of `batch_size` images."""
        self._watch = watch
        self._total = total_steps
        self._batch_size = batch_size
        self._values: Mapping[str, float] = {}
        self._step: int | None = None
        self.rate = Rate()

    def restart(self, step: int) -> None:
        """Restarts the clock at `step`."""
        if self._step is not None:
            self._step = step
        self.rate.restart()

    def after_step(self, step: int, waited: float, values: Mapping[str, float]) -> None:
        """Counts a step.

        Args:
          step: number of the step just taken.
          waited: seconds that the step waited for data.
          values: losses of the latest step whose losses are known.

        Raises:
          InterruptedRunError: a signal was received.
        """
        if self._step is None:
            # The first step includes compilation: its time does not count.
            self.rate.restart()
        else:
            self.rate.tick(waited=waited)
        self._step = step
        self._values = values
        self._watch.check()

    def speed(self) -> dict[str, float]:
        """Returns the speed since the last call, and restarts the measurement."""
        speed = {
            "steps_per_second": self.rate.per_second,
            "images_per_second": self.rate.per_second * self._batch_size,
            "waiting_for_data": self.rate.waiting_share,
        }
        self.rate.restart()
        return speed

    def line(self) -> str:
        """Returns the current progress as one line."""
        if self._step is None:
            return f"train  compiling the first step ... {self.rate.elapsed:.0f} s"
        rate = self.rate
        parts = [f"train  {self._step}/{self._total}"]
        if self._values:
            parts.append(losses_text(self._values))
        parts += [
            f"{rate.per_second:.2f} steps/s",
            f"{rate.per_second * self._batch_size:.1f} images/s",
            f"waiting for data {rate.waiting_share:.0%}",
            f"ETA {rate.remaining(self._total - self._step)}",
        ]
        return "  ".join(parts)


class EvaluationMonitor:
    """Counts evaluated images and measures their speed."""

    def __init__(self, watch: InterruptionWatch, total_images: int = 0):
        """Expects `total_images` images; 0 if the number is unknown."""
        self._watch = watch
        self._total = total_images
        self._done = 0
        self._rate = Rate()

    def restart(self) -> None:
        """Restarts counting."""
        self._done = 0
        self._rate.restart()

    def after_batch(self, images: int) -> None:
        """Counts a batch of `images` images.

        Raises:
          InterruptedRunError: a signal was received.
        """
        self._done += images
        self._rate.tick(images)
        self._watch.check()

    def finish(self) -> dict[str, float]:
        """Records the number of images; returns the speed."""
        self._total = self._done
        return {
            "images_per_second": self._rate.per_second,
            "seconds": self._rate.elapsed,
        }

    def line(self) -> str:
        """Returns the current progress as one line."""
        if not self._done:
            return f"eval   compiling ... {self._rate.elapsed:.0f} s"
        if self._done == self._total:
            return f"eval   {self._done} images done, finishing the metrics"
        total = f"/{self._total}" if self._total else ""
        text = (
            f"eval   {self._done}{total} images  {self._rate.per_second:.2f} images/s"
        )
        if self._total:
            text += f"  ETA {self._rate.remaining(self._total - self._done)}"
        return text


def losses_text(values: Mapping[str, float]) -> str:
    """Returns "loss 1.25 (semantic 1.00, center 0.25)"."""
    terms = [
        f"{name.removesuffix('_loss')} {value:.4g}"
        for name, value in values.items()
        if name.endswith("_loss") and name != TOTAL
    ]
    return f"loss {values[TOTAL]:.4g} ({', '.join(terms)})"
