"""Counts parameters and multiply-adds of published models, into their table.

  python model_zoo/measure.py [NAME ...]

measures the named checkpoints, or all that lack a number, and writes
`deeplab/zoo/checkpoints.json` after each. `write_tables.py` then brings the pages up to
date. Multiply-adds are those of convolutions and matrix products for one image of the
evaluated size, as `deeplab inspect` counts them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from deeplab.config import read_config, shipped_config
from deeplab.factory import build_model
from deeplab.models.cost import multiply_adds, parameter_counts

TABLE = Path(__file__).parents[1] / "deeplab/zoo/checkpoints.json"


def measured(config_name: str) -> dict:
    """Returns the fields of the table that are counted.

    Args:
      config_name: relative to `configs/`, without suffix.

    Raises:
      ValueError: the model cannot be built.
    """
    config = read_config(shipped_config(f"{config_name}.textproto"))
    # These hide operations in functions of their own, and change no cost.
    config.model_options.jit_compile = False
    config.model_options.backbone.recompute = False
    height, width = config.eval_dataset_options.crop_size
    # In a graph of its own a model has shapes, and no weights that take memory.
    with tf.Graph().as_default():
        model = build_model(config)
        counts = parameter_counts(model.checkpoint_items)
        return {
            "parameters": sum(trained for trained, _ in counts.values()),
            "multiply_adds": multiply_adds(
                model.predict_maps, height, width, model.input_channels
            ),
            "image_size": [height, width],
        }


def main(names: Sequence[str]) -> None:
    """Measures, and writes the table after each model."""
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    known: dict[str, dict] = {}
    for entry in table["checkpoints"]:
        wanted = entry["name"] in names if names else entry["parameters"] is None
        if not (entry["config"] and wanted):
            continue
        if entry["config"] not in known:
            try:
                known[entry["config"]] = measured(entry["config"])
            except ValueError as error:
                print(f"{entry['name']}: not measured: {error}")
                continue
        entry.update(known[entry["config"]])
        print(f"{entry['name']}: {known[entry['config']]}", flush=True)
        text = json.dumps(table, indent=1, ensure_ascii=False) + "\n"
        TABLE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
