"""Statistics of classes and sizes from a label report, and charts of them."""

from __future__ import annotations

import numpy as np

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.data.label_report import LabelReport
from deeplab.visualization.bars import Bar, bar_chart

SIZES_NAMED = 10
_COLOR = (90, 120, 170)


def occurring_classes(report: LabelReport, info: DatasetInfo) -> list[ClassInfo]:
    """Returns the classes of a data set that occur in an image."""
    return [c for c in info.classes if report.class_images[c.id]]


def frequent_sizes(report: LabelReport) -> list[tuple[str, int]]:
    """Returns "height x width" and number of images of the most frequent sizes.

    If there are more than `SIZES_NAMED` sizes, the last row is "others".
    """
    # Ties are sorted by size, so that workers do not change the order.
    ordered = sorted(report.sizes.items(), key=lambda item: (-item[1], item[0]))
    rows = [(f"{h} x {w}", count) for (h, w), count in ordered[:SIZES_NAMED]]
    others = sum(count for _, count in ordered[SIZES_NAMED:])
    return [*rows, ("others", others)] if others else rows


def statistics_picture(
    title: str, report: LabelReport, info: DatasetInfo
) -> np.ndarray:
    """Draws bar charts of the classes and of the sizes, in percent.

    Args:
      title: title of the records.
      report: report of the records.
      info: the data set.

    Returns:
      `[h, w, 3]` uint8; the width is the same for all reports.
    """
    classes = occurring_classes(report, info)
    images = max(report.records, 1)
    charts = []
    if report.pixels:
        shares = [
            Bar(c.name, 100 * report.class_pixels[c.id] / report.pixels, c.color)
            for c in classes
        ]
        void = 100 * report.class_pixels[info.ignore_label] / report.pixels
        charts.append(("pixels", [*shares, Bar("ignored", void, (0, 0, 0))]))
    shown = [
        Bar(c.name, 100 * report.class_images[c.id] / images, c.color) for c in classes
    ]
    sizes = [
        Bar(name, 100 * count / images, _COLOR)
        for name, count in frequent_sizes(report)
    ]
    charts += [("images with the class", shown), ("images of a size", sizes)]
    return np.concatenate(
        [bar_chart(f"{title}: {what}, %", bars) for what, bars in charts]
    )
