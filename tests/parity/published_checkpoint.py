"""Writes checkpoints laid out as the published ones, of the models of the records.

  python -m tests.parity.published_checkpoint RECORD.json.gz OUTPUT.tar.gz

writes one with the weights that the record was made with: `deeplab.load`, `deeplab
eval` and `initial_checkpoint` then take it for the published file. No model is built:
the keys are those of the record.
"""

import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.parity.parity import read_record, weight_value

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


def write_checkpoint(keys, prefix):
    """Writes a checkpoint: the model, beside it what its training left there.

    Args:
      keys: checkpoint key -> shape, of the model.
      prefix: of the files.
    """
    tensors = {key: weight_value(key, shape) for key, shape in keys.items()}
    for key, value in list(tensors.items())[:3]:
        slot = key.removesuffix(VALUE) + "/.OPTIMIZER_SLOT/optimizer/m" + VALUE
        tensors[slot] = np.zeros_like(value)
    tensors["global_step" + VALUE] = np.int64(60000)
    tensors["optimizer/iter" + VALUE] = np.int64(60000)
    tensors["save_counter" + VALUE] = np.int64(1)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=[""] * len(tensors),
        tensors=[tf.constant(value) for value in tensors.values()],
    )


def write_archive(keys, path):
    """Writes a checkpoint as the `.tar.gz` that is downloaded.

    Args:
      keys: checkpoint key -> shape, of the model.
      path: the archive; the folder and files inside are named after it.
    """
    name = path.name.removesuffix(".tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        inside = Path(folder) / name
        inside.mkdir()
        write_checkpoint(keys, inside / "ckpt-60000")
        # Compressing random numbers takes long and gains nothing.
        with tarfile.open(path, "w:gz", compresslevel=0) as tar:
            tar.add(inside, arcname=name)


if __name__ == "__main__":
    write_archive(read_record(sys.argv[1])["keys"], Path(sys.argv[2]))
