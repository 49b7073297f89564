"""Statistics of records, as tables on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deeplab.inspection.data_statistics import (
    SIZES_NAMED,
    frequent_sizes,
    occurring_classes,
)

if TYPE_CHECKING:
    from deeplab.core.dataset_info import DatasetInfo
    from deeplab.data.label_report import LabelReport


def print_classes(
    console: Console, title: str, report: LabelReport, info: DatasetInfo
) -> None:
    """Prints the pixels, images and instances of every class that occurs."""
    table = Table(title=escape(f"{title} as {info.name}"))
    table.add_column("class")
    for column in ("id", "pixels", "images", "instances", "crowd"):
        table.add_column(column, justify="right")
    pixels = max(report.pixels, 1)
    for c in occurring_classes(report, info):
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
        "[dim]instances: most in one image, of as many as the label divisor allows; "
        "crowd: share of the pixels with instance id 0[/dim]"
    )


def print_sizes(console: Console, report: LabelReport) -> None:
    """Prints the number of images of each size, most frequent first."""
    if not report.sizes:
        return
    table = Table("height x width", title="sizes")
    table.add_column("images", justify="right")
    for name, count in frequent_sizes(report):
        table.add_row(name, str(count))
    console.print(table)
    if len(report.sizes) > SIZES_NAMED:
        heights, widths = zip(*report.sizes, strict=True)
        console.print(
            f"{len(report.sizes)} sizes, heights {min(heights)} to {max(heights)}, "
            f"widths {min(widths)} to {max(widths)}"
        )
