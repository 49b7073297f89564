"""A progress bar for downloads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from deeplab.zoo.download import Progress


@contextlib.contextmanager
def download_bar(title: str) -> Iterator[Progress]:
    """Shows a bar on standard error within the block, once data arrives."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, visible=False)
        yield lambda done, total: bar.update(
            task, completed=done, total=total, visible=True
        )
