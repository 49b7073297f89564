"""`deeplab demo`: the whole workflow on drawn street scenes, in minutes."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
from pathlib import Path

HELP = "run the whole workflow on a small data set that it draws itself"

_CONFIG = Path("toy_street", "panoptic_deeplab", "mobilenet_v3_small.textproto")
_PQ, _MIOU = "panoptic_quality/all/pq", "mean_iou/miou"
_TRAIN_IMAGES, _VAL_IMAGES, _PICTURES = 500, 60, 8
_QUICK_TRAIN_IMAGES, _QUICK_VAL_IMAGES, _QUICK_PICTURES = 4, 2, 2
_QUICK = (
    "trainer_options.solver_options.training_number_of_steps=2",
    "trainer_options.solver_options.warmup_steps=0",
    "trainer_options.steps_per_loop=1",
    "trainer_options.save_summaries_steps=2",
    "trainer_options.save_checkpoints_steps=2",
    "train_dataset_options.batch_size=2",
    "eval_dataset_options.batch_size=2",
    "evaluator_options.eval_interval=2",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("runs/demo"),
        help="output folder (default: runs/demo)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="two steps on four images: checks that everything runs, learns nothing",
    )


def run(args: argparse.Namespace) -> int:
    """Runs the commands that a user would, printing each; resumes an earlier run.

    Returns:
      0, or the exit status of the command that failed.

    Raises:
      ValueError: as raised by the commands.
      OSError: a file cannot be written.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from deeplab.datasets import DATASETS
    from deeplab.inspection.raw_images import write_images, write_panels

    folder = args.output
    dataset = DATASETS.get("toy_street")(images=_val_images(args.quick))
    pictures = _QUICK_PICTURES if args.quick else _PICTURES
    scenes = dataset.read(Path(), "val")[:pictures]
    for command in _commands(folder, args.quick):
        if command[0] == "predict":
            write_images(scenes, folder / "images")
        status = _run(command)
        if status:
            return status
    write_panels(
        scenes,
        dataset.info,
        image_folder=folder / "images",
        predictions=folder / "predictions",
        output=folder / "pictures",
    )
    _print_summary(folder)
    return 0


def _commands(folder: Path, quick: bool) -> list[list[str]]:
    from deeplab.config import shipped_config

    records, model, exported = (folder / n for n in ("records", "model", "exported"))
    train = _QUICK_TRAIN_IMAGES if quick else _TRAIN_IMAGES
    convert = ["convert", "toy_street", "--output", str(records)]
    changes = [
        f"train_dataset_options.file_pattern={records}/train-*.tfrecord",
        f"eval_dataset_options.file_pattern={records}/val-*.tfrecord",
        *(_QUICK if quick else ()),
    ]
    return [
        [*convert, "--split", "train", "--images", str(train)],
        [*convert, "--split", "val", "--images", str(_val_images(quick))],
        [
            "train",
            f"--config_file={shipped_config(_CONFIG)}",
            f"--model_dir={model}",
            *(word for change in changes for word in ("--set", change)),
        ],
        ["export", f"--checkpoint={model}/best", f"--output={exported}", "--overwrite"],
        [
            "predict",
            f"--model={exported}",
            f"--images={folder}/images",
            f"--output={folder}/predictions",
        ],
    ]


def _val_images(quick: bool) -> int:
    return _QUICK_VAL_IMAGES if quick else _VAL_IMAGES


def _run(words: list[str]) -> int:
    """Prints a command and runs it in this process."""
    print(f"\n$ deeplab {shlex.join(words)}", flush=True)
    module = importlib.import_module(f"deeplab.cli.{words[0]}")
    parser = argparse.ArgumentParser(prog=f"deeplab {words[0]}")
    module.add_arguments(parser)
    return module.run(parser.parse_args(words[1:]))


def _print_summary(folder: Path) -> None:
    from deeplab.trainer.metrics_log import MetricsLog

    entries = MetricsLog(folder / "model").read()
    evaluations = [e for e in entries if e["split"] == "eval"]
    # The exported model is the best one.
    best = max(evaluations, key=lambda e: e["values"][_PQ] or 0.0)
    pq, miou = (best["values"][key] or 0.0 for key in (_PQ, _MIOU))
    print(f"\nvalidation: PQ {pq:.1f}, mIoU {miou:.1f} (step {best['step']})")
    for name, content in (
        ("pictures", "image, ground truth and prediction side by side"),
        ("predictions", "overlays, label maps, and segments as JSON"),
        ("exported", "the SavedModel: deeplab.load or plain TensorFlow"),
        ("model", "checkpoints, config, metrics.jsonl, TensorBoard logs"),
        ("records", "the data set as TFRecords"),
    ):
        print(f"  {folder / name}: {content}")
