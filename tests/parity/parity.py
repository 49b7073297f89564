"""Reads the records beside this file: what the published DeepLab2 models compute.

A record fixes every weight by a rule on its checkpoint key, so a model of any
size is pinned by a few kilobytes: fill the weights, run the stated input, and
compare with the stored outputs. Needs numpy and TensorFlow.
"""

import gzip
import json
import tempfile
import zlib

import numpy as np
import tensorflow as tf


def read_record(path):
    """Returns a record (see README.md) as a dict."""
    with gzip.open(path, "rt") as f:
        return json.load(f)


def weight_value(key, shape):
    """Returns the float32 value of the variable with checkpoint key `key`."""
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    leaf = key.split("/.ATTRIBUTES")[0].split("/")[-1]
    normal = rng.standard_normal(shape).astype("float32")
    if leaf.endswith("moving_variance"):
        return 0.5 + rng.random(shape).astype("float32")
    if leaf.endswith("moving_mean"):
        return 0.1 * normal
    if leaf.endswith("gamma"):
        return 0.8 + 0.1 * normal
    if leaf.endswith(("beta", "bias")):
        return 0.1 * normal
    if len(shape) >= 2:
        fan_in = int(np.prod(shape[:2] if "depthwise" in leaf else shape[:-1]))
        return (normal / np.sqrt(max(fan_in, 1))).astype("float32")
    return 0.5 * normal


def variables_by_key(checkpoint_items):
    """Returns {checkpoint key: variable} of a dict of name -> layer or model.

    Overwrites the variables: each is filled with its own number, a checkpoint is
    written, and the numbers read back name the keys.
    """
    variables, seen = [], set()
    for item in checkpoint_items.values():
        for variable in item.variables:
            if id(variable) not in seen:
                seen.add(id(variable))
                variables.append(variable)
    for i, variable in enumerate(variables):
        variable.assign(tf.cast(tf.fill(variable.shape, i + 1), variable.dtype))
    with tempfile.TemporaryDirectory() as directory:
        path = tf.train.Checkpoint(**checkpoint_items).write(f"{directory}/keys")
        reader = tf.train.load_checkpoint(path)
        return {
            key: variables[int(np.ravel(reader.get_tensor(key))[0]) - 1]
            for key in reader.get_variable_to_shape_map()
            if not key.startswith("_CHECKPOINTABLE") and "save_counter" not in key
        }


def fill_weights(checkpoint_items):
    """Gives every variable its value; returns {checkpoint key: shape}."""
    variables = variables_by_key(checkpoint_items)
    for key, variable in variables.items():
        variable.assign(
            tf.cast(weight_value(key, variable.shape.as_list()), variable.dtype)
        )
    return {key: v.shape.as_list() for key, v in variables.items()}


def input_image(height, width, channels, seed):
    """Returns the [1, height, width, channels] float32 image, 0 to 255."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(
        0, 256, (1, max(height // 8, 2), max(width // 8, 2), channels)
    )
    smooth = tf.image.resize(
        coarse.astype("float32"), (height, width), method="bilinear"
    ).numpy()
    noisy = smooth + rng.normal(0, 8, smooth.shape)
    return np.clip(np.round(noisy), 0, 255).astype("float32")


def max_error(summary, value):
    """Returns the largest |difference| over the samples, relative to absmax.

    Raises:
      ValueError: the shapes differ.
    """
    value = np.asarray(value)
    if list(value.shape) != summary["shape"]:
        raise ValueError(f"shape {value.shape}, expected {summary['shape']}")
    samples = value.reshape(-1)[summary["index"]].astype("float64")
    scale = max(summary["absmax"], 1e-6)
    return float(np.abs(samples - np.asarray(summary["value"])).max() / scale)
