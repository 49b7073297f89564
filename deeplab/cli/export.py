"""`deeplab export`: a trained model as a SavedModel."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deeplab.protos.config_pb2 import ExperimentOptions

HELP = "write a trained model as a SavedModel, ready to serve"

_CONFIG_NAME = "config.textproto"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "--checkpoint",
        required=True,
        help="prefix or .index file of a checkpoint, its folder, or a .tar.gz of it",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument(
        "--config_file",
        type=Path,
        help=f"the experiment ({_CONFIG_NAME} beside the checkpoint)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="PATH=VALUE",
        help="changes a field of the config; may be repeated",
    )
    parser.add_argument(
        "--outputs",
        nargs="+",
        default=[],
        metavar="FIELD",
        help="fields of the prediction to serve (the maps of classes and instances)",
    )
    parser.add_argument(
        "--bfloat16_weights",
        action="store_true",
        help="store and use the weights with 16 bits: half as large",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace what is in the output folder"
    )


def run(args: argparse.Namespace) -> int:
    """Exports.

    Raises:
      ValueError: config, checkpoint and model do not fit together, or the output
        folder has content.
      OSError: a file cannot be read or written.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from deeplab.config import read_config
    from deeplab.export.saved_model import refuse_existing

    refuse_existing(args.output, args.overwrite)
    config = read_config(_config_file(args), args.overrides)
    folder = export_checkpoint(
        config,
        args.checkpoint,
        args.output,
        fields=args.outputs,
        bfloat16_weights=args.bfloat16_weights,
        overwrite=args.overwrite,
    )
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 2**20:.1f} MiB; try it: deeplab predict --model {folder}")
    return 0


def _config_file(args: argparse.Namespace) -> Path:
    """Returns the given config, or the one that training left with the checkpoint."""
    if args.config_file is not None:
        return args.config_file
    checkpoint = Path(args.checkpoint)
    places = [checkpoint, checkpoint.parent, checkpoint.parent.parent]
    for place in places:
        if (place / _CONFIG_NAME).is_file():
            return place / _CONFIG_NAME
    raise ValueError(
        f"there is no {_CONFIG_NAME} with {args.checkpoint}; give --config_file"
    )


def export_checkpoint(
    config: ExperimentOptions,
    checkpoint: str,
    output: Path,
    *,
    fields: Sequence[str] = (),
    bfloat16_weights: bool = False,
    overwrite: bool = False,
) -> Path:
    """Builds the model of a config, restores a checkpoint, and exports.

    Returns:
      The folder of the exported model.

    Raises:
      ValueError: the checkpoint lacks a part of the model, or see `export`.
      OSError: the folder cannot be written.
    """
    from deeplab import factory
    from deeplab.config import to_text
    from deeplab.export.saved_model import cast_weights, export
    from deeplab.plan import resolve
    from deeplab.trainer.initial_checkpoint import restore_all

    plan = resolve(config)
    model = factory.build_model(plan)
    restore_all(checkpoint, model.checkpoint_items)
    if bfloat16_weights:
        smaller = factory.build_model(plan, bfloat16_weights=True)
        cast_weights(model, smaller)
        model = smaller
    return export(
        model,
        factory.build_preprocess(plan),
        plan.info,
        output,
        fields=fields,
        config_text=to_text(config),
        overwrite=overwrite,
    )
