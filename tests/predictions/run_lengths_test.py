"""Run lengths equal those of the COCO tools on dense masks."""

import numpy as np
import pytest
from faster_coco_eval import mask

from deeplab.predictions.run_lengths import compress, segments


@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (8, 1), (13, 17)])
@pytest.mark.parametrize("labels", [1, 2, 9])
def test_equals_dense_masks(shape, labels):
    label_map = np.random.default_rng(0).integers(0, labels, shape)
    found = segments(label_map)
    assert [s.label for s in found] == np.unique(label_map).tolist()
    for segment in found:
        dense = label_map == segment.label
        encoded = mask.encode(np.asfortranarray(dense, np.uint8))
        assert compress(segment, *shape) == encoded["counts"]
