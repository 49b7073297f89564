"""The records that lie in a folder, and how to compare with them.

    records/<collection>/<name>.npz or .json.gz

Every record of a collection becomes a test; nothing else names one. The environment
variable DEEPLAB_PARITY_RECORDS points the tests to another folder of collections.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.parity.parity import read_record

SHIPPED = Path(__file__).parent / "records"
FOLDER = Path(os.environ.get("DEEPLAB_PARITY_RECORDS", SHIPPED))


@dataclass(frozen=True)
class Record:
    """A record on disk.

    Attributes:
      path: its file.
    """

    path: Path

    @property
    def name(self):
        """The name of the file without its ending."""
        return self.path.name.removesuffix(".npz").removesuffix(".json.gz")

    @cached_property
    def fields(self):
        """What it holds, by name."""
        if self.path.suffix == ".npz":
            with np.load(self.path) as file:
                return dict(file)
        return read_record(self.path)

    def beside(self, name):
        """Returns the record of this name in the same folder."""
        return Record(self.path.with_name(name + "".join(self.path.suffixes)))


class Kind(NamedTuple):
    """Records of one kind, and what they say is compared with.

    Attributes:
      check: `check(record, folder)` compares; the folder is for temporary files.
      start: how the names of its records begin.
      holds: a field that tells them from others of the same beginning.
      ways: name -> check, where the code under test runs in several ways.
    """

    check: Callable[[Record, Path], None] | None = None
    start: str = ""
    holds: str = ""
    ways: dict[str, Callable[[Record, Path], None]] = {}  # noqa: RUF012

    def fits(self, record):
        """Whether a record is of this kind."""
        has_field = not self.holds or self.holds in record.fields
        return record.name.startswith(self.start) and has_field

    @property
    def checks(self):
        """Ending of a test's name -> check."""
        return {f"-{way}": check for way, check in self.ways.items()} or {
            "": self.check
        }


class Collection(NamedTuple):
    """The kinds of the records in one folder.

    Attributes:
      kinds: the first one that fits a record is its kind.
      is_slow: `is_slow(record, records)` of a record among all of its collection
        says whether `make test` leaves it out.
    """

    kinds: tuple[Kind, ...]
    is_slow: Callable[[Record, list[Record]], bool] = lambda record, records: False


def records_in(folder):
    """Returns the records of a folder by name; none where it is not there."""
    paths = [*folder.glob("*.npz"), *folder.glob("*.json.gz")]
    return sorted(map(Record, paths), key=lambda record: record.name)


def kind_of(record, kinds):
    """Returns the kind of a record.

    Raises:
      ValueError: it is of none.
    """
    for kind in kinds:
        if kind.fits(record):
            return kind
    raise ValueError(
        f"{record.path}: no kind of tests/parity/kinds.py fits this record"
    )


def cases(name, collection, folder=FOLDER):
    """Returns a parameter (record, check) for every record and way to compare it."""
    records = records_in(folder / name)
    return [
        pytest.param(
            record,
            check,
            id=f"{name}/{record.name}{ending}",
            marks=[pytest.mark.slow] if collection.is_slow(record, records) else [],
        )
        for record in records
        for ending, check in kind_of(record, collection.kinds).checks.items()
    ]


def compare(record, computed, inputs=(), tolerances=None):
    """Fails where what was computed differs from what a record says.

    Args:
      record: the record's fields.
      computed: name of a field -> the array that was computed.
      inputs: how the names of fields begin that are no results, or are none of ours.
        What is neither among them nor computed is an error: nothing would check it.
      tolerances: name of a field -> keyword arguments of `assert_allclose`; values
        of fields without them must be equal.
    """
    unchecked = {f for f in record if not f.startswith(tuple(inputs))} - computed.keys()
    assert not unchecked, f"nothing computes {sorted(unchecked)}"
    for name, value in computed.items():
        expected = record[name]
        assert np.shape(value) == np.shape(expected), name
        tolerance = (tolerances or {}).get(name)
        if tolerance is None:
            np.testing.assert_array_equal(value, expected, err_msg=name)
        else:
            np.testing.assert_allclose(value, expected, **tolerance, err_msg=name)


def value_of(fields: dict[str, Any], *names, default):
    """Returns the first field that is there, a plain number; else the default."""
    for name in names:
        if name in fields:
            return fields[name].item()
    return default
