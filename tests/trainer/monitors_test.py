import time

import pytest

from deeplab.trainer.interruption import InterruptionWatch
from deeplab.trainer.monitors import EvaluationMonitor, TrainingMonitor


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_training_lines(clock):
    monitor = TrainingMonitor(InterruptionWatch(), total_steps=100, batch_size=8)
    clock[0] += 5
    assert monitor.line() == "train  compiling the first step ... 5 s"
    monitor.after_step(1, 0.0, {})
    values = {"semantic_loss": 1.0, "center_loss": 0.25, "total_loss": 1.25}
    for step in range(2, 12):
        clock[0] += 0.5
        monitor.after_step(step, 0.1, values)
    assert monitor.line() == (
        "train  11/100  loss 1.25 (semantic 1, center 0.25)  2.00 steps/s  "
        "16.0 images/s  waiting for data 20%  ETA 44 s"
    )
    assert monitor.speed() == pytest.approx(
        {"steps_per_second": 2, "images_per_second": 16, "waiting_for_data": 0.2}
    )


def test_evaluation_lines(clock):
    monitor = EvaluationMonitor(InterruptionWatch(), total_images=30)
    monitor.restart()
    clock[0] += 3
    assert monitor.line() == "eval   compiling ... 3 s"
    clock[0] += 1
    monitor.after_batch(10)
    assert monitor.line() == "eval   10/30 images  2.50 images/s  ETA 8 s"
    monitor.after_batch(20)
    assert monitor.line() == "eval   30 images done, finishing the metrics"
    clock[0] += 1
    assert monitor.finish() == {"images_per_second": 6.0, "seconds": 5.0}
