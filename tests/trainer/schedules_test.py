import pytest

from deeplab.protos.trainer_pb2 import SolverOptions
from deeplab.trainer.schedules import build_schedule


def _rates(schedule, *steps):
    return [float(schedule(step)) for step in steps]


def test_poly_follows_its_formula():
    # rate(s) = (base - end) * (1 - s / total) ** power + end
    options = SolverOptions(
        base_learning_rate=0.1,
        poly_learning_power=2.0,
        poly_end_learning_rate=0.02,
        training_number_of_steps=10,
    )
    schedule = build_schedule(options, batch_size=4)
    assert _rates(schedule, 0, 5, 10, 20) == pytest.approx([0.1, 0.04, 0.02, 0.02])


def test_cosine_follows_its_formula():
    options = SolverOptions(
        learning_policy="cosine", base_learning_rate=0.1, training_number_of_steps=10
    )
    schedule = build_schedule(options, batch_size=4)
    assert _rates(schedule, 0, 5, 10) == pytest.approx(
        [0.1, 0.05, 0.0], rel=1e-6, abs=1e-9
    )


def test_warm_up_climbs_and_does_not_shift_the_decay():
    options = SolverOptions(
        base_learning_rate=0.1,
        poly_learning_power=1.0,
        training_number_of_steps=10,
        warmup_steps=4,
    )
    schedule = build_schedule(options, batch_size=4)
    assert _rates(schedule, 0, 1, 3, 4, 5) == pytest.approx(
        [0.0, 0.025, 0.075, 0.06, 0.05]
    )


def test_rate_scales_with_the_batch_and_the_multiplier():
    options = SolverOptions(
        base_learning_rate=0.1, training_number_of_steps=10, learning_rate_batch_size=32
    )
    assert _rates(build_schedule(options, 8), 0) == pytest.approx([0.025])
    assert _rates(build_schedule(options, 8, 0.1), 0) == pytest.approx([0.0025])


def test_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="'step' is unknown; choose one of poly"):
        build_schedule(SolverOptions(learning_policy="step"), 1)


def test_a_run_of_no_steps_is_refused():
    with pytest.raises(ValueError, match="training_number_of_steps 0"):
        build_schedule(SolverOptions(training_number_of_steps=0), 1)
