"""Records of other sizes, classes and seeds are compared without an edit."""

import numpy as np
import pytest

from tests.parity import drawn_records
from tests.parity.kinds import COLLECTIONS
from tests.parity.records import Kind, Record, cases, compare, kind_of, records_in

SIZE = drawn_records.Size(33, 65, things=(4, 5, 6), stuff=(0, 1, 2, 3), seed=70)


@pytest.mark.parametrize(
    "draw",
    [
        drawn_records.draw_metrics,
        drawn_records.draw_official,
        pytest.param(drawn_records.draw_targets, marks=pytest.mark.slow),
        pytest.param(drawn_records.draw_losses, marks=pytest.mark.slow),
        pytest.param(drawn_records.draw_postprocessing, marks=pytest.mark.slow),
    ],
)
def test_drawn_records_are_compared(draw, tmp_path):
    collection = drawn_records.write_drawn(tmp_path, draw, SIZE)
    for case in cases(collection, COLLECTIONS[collection], tmp_path):
        record, check = case.values
        check(record, tmp_path)
        with pytest.raises(AssertionError):
            check(with_a_result_that_is_off(record), tmp_path)


def with_a_result_that_is_off(record):
    """Returns the record with another value in its last field, which is a result."""
    name, value = list(record.fields.items())[-1]
    changed = Record(record.path)
    changed.fields[name] = value + np.asarray(1, value.dtype)
    return changed


def test_a_field_that_nothing_computes_is_an_error():
    record = {"input": np.ones(1), "sum": np.ones(1), "product": np.ones(1)}
    with pytest.raises(AssertionError, match=r"nothing computes \['product'\]"):
        compare(record, {"sum": np.ones(1)}, ["input"])


def test_a_record_of_no_kind_is_an_error(tmp_path):
    path = tmp_path / "unknown.npz"
    np.savez(path, a=1)
    with pytest.raises(ValueError, match=r"unknown\.npz: no kind"):
        kind_of(Record(path), (Kind(print, "targets_"), Kind(print, holds="b")))
    assert records_in(tmp_path / "nowhere") == []
