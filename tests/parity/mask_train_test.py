"""Training passes of mask transformers: what no matching decides is as published.

With random weights all masks fit about equally badly: the costs that the matching
compares differ by some 1e-5, where the published code, which fills its matrix up with
999, computes in steps of 6e-5. The terms that depend on the matching differ from the
recorded ones; whether this is the only reason is open. `tests/parity/losses_test.py`
holds the same terms to published values where masks differ clearly.
"""

from pathlib import Path

import numpy as np
import pytest

from tests.parity import parity
from tests.parity.train_test import check_gradients, deviations, training_draws

RECORDS = Path(__file__).parent / "records/train"
MATCHED = ("mask_id_cross_entropy", "pq_style")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "coco__kmax_deeplab__kmax_meta_r50_os32",
        "coco__max_deeplab__max_deeplab_s_os16_res641_100k",
    ],
)
def test_what_no_matching_decides_is_as_published(name, tmp_path):
    record = parity.read_record(RECORDS / f"{name}.json.gz")
    draws = training_draws(record, tmp_path)
    assert set(draws.losses[0]) == set(record["losses"])
    for term, published in record["losses"].items():
        if not any(part in term for part in MATCHED) and term != "total_loss":
            assert np.abs(deviations(draws.losses, term, published)).max() < 4, term
    if "kmax" not in name:
        check_gradients(record, draws)
