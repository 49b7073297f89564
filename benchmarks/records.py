"""Time and size of records: drawing, writing, reading and checking, on the CPU.

    python benchmarks/records.py [--workers 2 --records 100]

Compares labels of 1024 x 2048 pixels stored as PNG, as this library does, and as raw
int32, as published. Targets on two cores: 500 drawn scenes of 129 x 257 in under 30 s,
and 1,000 records of Cityscapes size checked in about a minute.
"""

from __future__ import annotations

import argparse
import functools
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from PIL import Image

from deeplab.datasets import DATASETS

# Worker processes import this file again, so it does not import TensorFlow up here.

SIZE = (1024, 2048)
REPEATS = 10


def photo() -> bytes:
    """Returns a PNG about as large as one of Cityscapes."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (SIZE[0] // 16, SIZE[1] // 16, 3)).astype(np.uint8)
    smooth = Image.fromarray(coarse).resize(SIZE[::-1], Image.Resampling.BICUBIC)
    noisy = np.asarray(smooth, np.int16) + rng.integers(-1, 2, (*SIZE, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def record(image: bytes, label: np.ndarray, name: str, label_format: str) -> bytes:
    """Returns a record whose label is stored in `label_format`."""
    import tensorflow as tf

    from deeplab.data.tfexample import LABEL, LABEL_FORMAT, encode_example

    serialized = encode_example(
        image=image,
        image_format="png",
        filename=name,
        height=SIZE[0],
        width=SIZE[1],
        label=label,
    )
    if label_format == "png":
        return serialized
    example = tf.train.Example.FromString(serialized)
    features = example.features.feature
    features[LABEL].bytes_list.value[:] = [label.astype("<i4").tobytes()]
    features[LABEL_FORMAT].bytes_list.value[:] = [label_format.encode()]
    return example.SerializeToString()


def measure_drawing(folder: Path, workers: int) -> None:
    """Prints the time to draw 500 scenes and write their records."""
    from deeplab.data.shards import write_shards

    images = DATASETS.get("toy_street")(images=500).read(Path(), "train")
    start = time.perf_counter()
    write_shards(
        images, folder, split="train", num_shards=5, workers=workers, settings={}
    )
    print(f"500 drawn scenes: {time.perf_counter() - start:.1f} s (target 30)")


def measure_records(
    folder: Path, label_format: str, image: bytes, count: int, workers: int
) -> None:
    """Prints the size, parsing time and checking time of one label format."""
    import tensorflow as tf

    from deeplab.data.label_check import check_records
    from deeplab.data.parsed_example import parse_example
    from tests.parity import scenes

    label = scenes.panoptic(*SIZE, seed=0, n=60)
    info = DATASETS.get("cityscapes_panoptic")().info
    one = tf.constant(record(image, label, "street", label_format))
    parsing = seconds(functools.partial(tf.function(parse_example), one))
    print(
        f"{label_format}: {len(one.numpy()) / 2**20:.2f} MiB per record, of which "
        f"{len(image) / 2**20:.2f} are the image; parsed in {1000 * parsing:.0f} ms"
    )
    path = str(folder / f"{label_format}.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for i in range(count):
            writer.write(record(image, label, str(i), label_format))
    start = time.perf_counter()
    report = check_records([path], info, workers=workers)
    spent = time.perf_counter() - start
    print(f"{label_format}: {report.records} records checked in {spent:.1f} s")


def seconds(function: Callable[[], object]) -> float:
    """Returns the mean time of a call, in seconds."""
    function()
    start = time.perf_counter()
    for _ in range(REPEATS):
        function()
    return (time.perf_counter() - start) / REPEATS


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--records", type=int, default=100)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measure_drawing(folder, args.workers)
        image = photo()
        for label_format in ("png", "raw"):
            measure_records(folder, label_format, image, args.records, args.workers)


if __name__ == "__main__":
    main()
