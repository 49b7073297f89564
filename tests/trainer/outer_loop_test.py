import pytest

from deeplab.trainer.outer_loop import LoopOptions


@pytest.fixture
def options():
    return LoopOptions(
        total_steps=25, log_intervals=(4, 6), checkpoint_interval=10, eval_interval=9
    )


def test_stops_are_the_multiples_of_all_intervals(options):
    stops, step = [], 0
    while step < 25:
        step = options.next_stop(step)
        stops.append(step)
    assert stops == [4, 6, 8, 9, 10, 12, 16, 18, 20, 24, 25]


def test_a_run_stopped_anywhere_gets_back_in_step(options):
    assert options.next_stop(11) == 12
    assert options.next_stop(13) == 16


def test_what_is_due_when(options):
    steps = range(26)
    assert [s for s in steps if options.logs_at(s)] == [4, 6, 8, 12, 16, 18, 20, 24, 25]
    assert [s for s in steps if options.saves_at(s)] == [10, 20, 25]
    assert [s for s in steps if options.evaluates_at(s)] == [9, 18, 25]


def test_without_an_interval_nothing_is_evaluated():
    options = LoopOptions(total_steps=4, log_intervals=(2,), checkpoint_interval=2)
    assert not any(options.evaluates_at(s) for s in range(5))
    assert options.next_stop(2) == 4


@pytest.mark.parametrize(
    "kwargs", [{"log_intervals": (2, 0)}, {"checkpoint_interval": 0}]
)
def test_intervals_are_positive(kwargs):
    fine = {"total_steps": 4, "log_intervals": (2,), "checkpoint_interval": 2}
    with pytest.raises(ValueError, match="must be at least 1, not 0"):
        LoopOptions(**{**fine, **kwargs})
