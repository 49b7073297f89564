import time

import pytest

from deeplab.trainer.progress import Console, Rate, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (3600 + 300, "1 h 5 min"),
        (2 * 86400 + 3600, "2 d 1 h"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_a_silent_activity_speaks_up_by_itself(capsys):
    with Console(interval=0.1) as console, console.activity("building"):
        time.sleep(1.3)
    assert "building ... 1 s" in capsys.readouterr().out


def test_nothing_is_said_without_activity(capsys):
    with Console(interval=0.1) as console:
        with console.activity("building"):
            pass
        time.sleep(0.8)
    assert capsys.readouterr().out == ""


def test_rate(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    rate = Rate()
    assert rate.remaining(5) == "unknown"
    rate.tick(3, waited=1.0)
    rate.tick(1, waited=1.0)
    now[0] += 8.0
    assert rate.per_second == 0.5
    assert rate.waiting_share == 0.25
    assert rate.remaining(60) == "2 min 0 s"
    rate.restart()
    now[0] += 1.0
    assert rate.per_second == 0.5
    assert rate.waiting_share == 0.25
    rate.tick(3)
    assert rate.per_second == 3.0
    assert rate.waiting_share == 0.0
