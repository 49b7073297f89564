"""`deeplab zoo`: lists, describes and downloads published checkpoints."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

HELP = "list, describe and download published checkpoints"

_LICENCE = (
    "published with DeepLab2 (Apache 2.0), which states no separate licence for the "
    "weights; data sets have their own terms"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    actions = parser.add_subparsers(
        dest="action", title="actions", metavar="ACTION", required=True
    )
    listing = actions.add_parser("list", help="names, scores and sizes")
    listing.add_argument(
        "words", nargs="*", help="show only entries that contain all these words"
    )
    listing.add_argument("--json", action="store_true", help="print all fields as JSON")
    info = actions.add_parser("info", help="all details of a checkpoint")
    info.add_argument("name", help="name, as in `deeplab zoo list`")
    fetch = actions.add_parser("fetch", help="download into the cache and verify")
    fetch.add_argument("names", nargs="+", metavar="name")
    for action in (info, fetch):
        action.add_argument(
            "--cache",
            help="cache folder (default: $DEEPLAB_CACHE, else ~/.cache/deeplab)",
        )
        action.add_argument(
            "--source",
            help="URL or folder of a mirror of the published files (default: "
            "$DEEPLAB_ZOO_SOURCE, else the original addresses)",
        )


def run(args: argparse.Namespace) -> int:
    """Lists, describes or downloads.

    Raises:
      ValueError: the checkpoint is unknown, or differs from its pinned SHA-256.
      OSError: the cache cannot be written.
    """
    if args.action == "list":
        print(_listing(args.words, args.json))
    elif args.action == "info":
        print(_description(args.name, args.cache, args.source))
    else:
        _fetch(args.names, args.cache, args.source)
    return 0


def _listing(words: Sequence[str], as_json: bool) -> str:
    import dataclasses

    from deeplab.zoo.table import search

    chosen = search(words)
    if as_json:
        return json.dumps([dataclasses.asdict(entry) for entry in chosen], indent=1)
    rows = [
        (
            entry.name,
            entry.title,
            entry.dataset or entry.published.get("pretrained on", ""),
            _millions(entry.parameters) or entry.published.get("parameters", ""),
            entry.score,
        )
        for entry in chosen
    ]
    titles = ("name", "model", "data", "parameters", "score")
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    return "\n".join(
        "  ".join(
            f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in (titles, *rows)
    )


def _description(name: str, cache: str | None, source: str | None) -> str:
    from deeplab.zoo.cache import address, cache_folder, pinned
    from deeplab.zoo.table import find, projects

    entry = find(name)
    folder = cache_folder(cache)
    path = folder / entry.file
    here = f"{path} ({path.stat().st_size / 2**20:.1f} MiB)" if path.exists() else ""
    size = " x ".join(map(str, entry.image_size or ()))
    cost = f"{entry.multiply_adds / 1e9:.1f} G" if entry.multiply_adds else ""
    fields = {
        "name": entry.name,
        "model": entry.title,
        "project": projects()[entry.project].title,
        "paper": projects()[entry.project].paper,
        "data": entry.dataset,
        "config": f"configs/{entry.config}.textproto" if entry.config else "",
        "use": _use(entry.name, bool(entry.config)),
        "parameters": f"{entry.parameters:,}" if entry.parameters else "",
        "multiply-adds": f"{cost} for one image of {size}" if cost else "",
        **{f"published: {k}": v for k, v in entry.published.items()},
        "address": address(entry, source),
        "in the cache": here or "no",
        "SHA-256": pinned(entry, folder) or "pinned when it is first fetched",
        "licence": _LICENCE,
    }
    shown = {title: value for title, value in fields.items() if value}
    width = max(map(len, shown))
    return "\n".join(f"{title:<{width}}  {value}" for title, value in shown.items())


def _fetch(names: Sequence[str], cache: str | None, source: str | None) -> None:
    from deeplab.zoo.bar import download_bar
    from deeplab.zoo.cache import fetch
    from deeplab.zoo.table import find

    # A misspelt name fails before the first download.
    for entry in [find(name) for name in names]:
        with download_bar(entry.name) as progress:
            path = fetch(entry, cache=cache, source=source, progress=progress)
        print(path)


def _use(name: str, is_experiment: bool) -> str:
    if is_experiment:
        return f'deeplab.load("{name}")'
    return "model_options.initial_checkpoint, or pretrained_weights of the backbone"


def _millions(count: int | None) -> str:
    return f"{count / 1e6:.1f}M" if count else ""
