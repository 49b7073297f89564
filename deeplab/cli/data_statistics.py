"""What records hold, as tables on the terminal and as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deeplab.visualization.bars import Bar, bar_chart

if TYPE_CHECKING:
    from deeplab.core.dataset_info import ClassInfo, DatasetInfo
    from deeplab.data.label_report import LabelReport

_SIZES_SHOWN = 10
_COLOR = (90, 120, 170)


def print_classes(
    console: Console, title: str, report: LabelReport, info: DatasetInfo
) -> None:
    """Prints pixels, images and instances of every class that occurs."""
    table = Table(title=escape(f"{title} as {info.name}"))
    table.add_column("class")
    for column in ("id", "pixels", "images", "instances", "crowd"):
        table.add_column(column, justify="right")
    pixels = max(report.pixels, 1)
    for c in _occurring(report, info):
        count = report.class_pixels[c.id]
        most = f"{report.most_instances[c.id]} of {info.label_space.max_instances}"
        crowd = report.crowd_pixels[c.id] / max(count, 1)
        table.add_row(
            escape(c.name),
            str(c.id),
            f"{count / pixels:.2%}",
            str(report.class_images[c.id]),
            most if c.is_thing else "",
            f"{crowd:.1%}" if c.is_thing else "",
        )
    void = report.class_pixels[info.ignore_label]
    table.add_section()
    table.add_row(
        "ignored",
        str(info.ignore_label),
        f"{void / pixels:.2%}",
        str(report.class_images[info.ignore_label]),
    )
    console.print(table)
    console.print(
        "[dim]instances: most in one image, of as many as the divisor tells apart; "
        "crowd: share of the pixels with instance id 0[/dim]"
    )


def print_sizes(console: Console, report: LabelReport) -> None:
    """Prints how many images have which height and width, the most frequent first."""
    if not report.sizes:
        return
    table = Table("height x width", title="sizes")
    table.add_column("images", justify="right")
    for name, count in _frequent_sizes(report):
        table.add_row(name, str(count))
    console.print(table)
    if len(report.sizes) > _SIZES_SHOWN:
        heights, widths = zip(*report.sizes, strict=True)
        console.print(
            f"{len(report.sizes)} sizes, heights {min(heights)} to {max(heights)}, "
            f"widths {min(widths)} to {max(widths)}"
        )


def picture(title: str, report: LabelReport, info: DatasetInfo) -> np.ndarray:
    """Returns `[h, w, 3]` uint8: bars of the classes and of the sizes, in percent."""
    classes = _occurring(report, info)
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
        for name, count in _frequent_sizes(report)
    ]
    charts += [("images with the class", shown), ("images of a size", sizes)]
    return np.concatenate(
        [bar_chart(f"{title}: {what}, %", bars) for what, bars in charts]
    )


def _occurring(report: LabelReport, info: DatasetInfo) -> list[ClassInfo]:
    return [c for c in info.classes if report.class_images[c.id]]


def _frequent_sizes(report: LabelReport) -> list[tuple[str, int]]:
    """Returns name and images of the most frequent sizes, then of all others."""
    # Equally frequent ones by size, so that workers do not change the order.
    ordered = sorted(report.sizes.items(), key=lambda item: (-item[1], item[0]))
    rows = [(f"{h} x {w}", count) for (h, w), count in ordered[:_SIZES_SHOWN]]
    others = sum(count for _, count in ordered[_SIZES_SHOWN:])
    return [*rows, ("others", others)] if others else rows
