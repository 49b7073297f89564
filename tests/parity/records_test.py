"""Every record is computed again.

    pytest tests/parity/records_test.py -k models/

compares those of one collection.
"""

import pytest

from tests.parity.kinds import COLLECTIONS
from tests.parity.records import SHIPPED, cases, kind_of, records_in


@pytest.mark.parametrize(
    ("record", "check"),
    [case for name, kinds in COLLECTIONS.items() for case in cases(name, kinds)],
)
def test_record(record, check, tmp_path):
    check(record, tmp_path)


def test_every_collection_and_kind_has_records():
    for name, collection in COLLECTIONS.items():
        found = {
            id(kind_of(record, collection.kinds))
            for record in records_in(SHIPPED / name)
        }
        missing = [kind for kind in collection.kinds if id(kind) not in found]
        assert not missing, f"{name}: no record of {missing}"


def test_every_folder_of_records_is_a_collection():
    folders = {path.name for path in SHIPPED.iterdir() if path.is_dir()}
    # Configs, which tests/configs_test.py reads.
    assert folders - {"extra_configs"} == set(COLLECTIONS)
