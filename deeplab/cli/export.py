"""`deeplab export`: exports a trained model as a SavedModel."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from deeplab.config import CONFIG_FILE
from deeplab.trainer.config_flags import add_config_flags, config_of

HELP = "export a trained model as a SavedModel, ready to serve"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "--checkpoint",
        required=True,
        help="checkpoint: a prefix, an .index file, a folder, a .tar.gz or an .h5 file",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    add_config_flags(
        parser,
        help=f"config of the model (default: {CONFIG_FILE} next to the checkpoint)",
        required=False,
    )
    parser.add_argument(
        "--outputs",
        nargs="+",
        default=[],
        metavar="FIELD",
        help="fields of the prediction to return (default: class and instance maps)",
    )
    parser.add_argument(
        "--bfloat16_weights",
        action="store_true",
        help="store and use the weights in bfloat16: half the size",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the content of the output folder",
    )


def run(args: argparse.Namespace) -> int:
    """Exports the model.

    Raises:
      ValueError: config and checkpoint do not match, or the output folder is not
        empty.
      OSError: a file cannot be read or written.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from deeplab.export.saved_model import refuse_existing
    from deeplab.exporting import config_beside, export_checkpoint

    refuse_existing(args.output, args.overwrite)
    if not args.config_file:
        args.config_file = config_beside(args.checkpoint)
    folder = export_checkpoint(
        config_of(args),
        args.checkpoint,
        args.output,
        fields=args.outputs,
        bfloat16_weights=args.bfloat16_weights,
        overwrite=args.overwrite,
    )
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 2**20:.1f} MiB; try it: deeplab predict --model {folder}")
    return 0
