from collections import Counter

import numpy as np
import pytest

from deeplab.data.label_report import LabelReport
from deeplab.inspection import data_statistics as statistics
from tests.visualization import scene

INFO = scene.info()


@pytest.fixture
def report():
    """Four images of two sizes: half road, a quarter sky, the rest void."""
    return LabelReport(
        records=4,
        pixels=400,
        class_pixels=Counter({0: 200, 1: 100, 255: 100}),
        class_images=Counter({0: 4, 1: 1, 255: 4}),
        sizes=Counter({(10, 10): 3, (5, 20): 1}),
    )


def test_classes_that_no_image_has_are_left_out(report):
    names = [c.name for c in statistics.occurring_classes(report, INFO)]
    assert names == ["road", "sky"]


def test_rare_sizes_are_summed_up(report):
    assert statistics.frequent_sizes(report) == [("10 x 10", 3), ("5 x 20", 1)]
    report.sizes.update({(100 + i, 7): 2 for i in range(12)})
    rows = statistics.frequent_sizes(report)
    assert rows[:2] == [("10 x 10", 3), ("100 x 7", 2)]
    assert len(rows) == statistics.SIZES_NAMED + 1
    assert rows[-1] == ("others", 3 * 2 + 1)


def test_bars_are_as_long_as_the_shares(report):
    picture = statistics.statistics_picture("mine", report, INFO)
    road, sky = (
        (picture == np.array(c.color)).all(axis=-1).sum(axis=1)
        for c in INFO.classes[:2]
    )
    # Bars have 420 columns and include their last one: pixels, then images.
    assert set(road.tolist()) - {0} == {211, 421}
    assert set(sky.tolist()) - {0} == {106}
    without_labels = LabelReport(records=1, sizes=Counter({(2, 3): 1}))
    other = statistics.statistics_picture("other", without_labels, INFO)
    assert other.shape[1:] == picture.shape[1:]
