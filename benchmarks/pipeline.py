"""Speed of the input pipeline on records of Cityscapes size.

Draws scenes of 1024 x 2048, writes them as records with PNG or JPEG images and PNG
labels, and prints the images per second of the training pipeline, stage by stage. The
published code processed 4.2 images per second on 2 cores with all stages (scaling, crop
of 513 x 1025, flip, targets).

    python benchmarks/pipeline.py
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf
from PIL import Image

from deeplab.data import geometry, placement
from deeplab.data.parsed_example import parse_example
from deeplab.data.pipeline import build_pipeline
from deeplab.data.pipeline_config import Augmentation, PipelineConfig
from deeplab.data.reader import index_records, read_record, shuffled_record
from deeplab.data.targets.segments import TargetOptions
from deeplab.data.tfexample import encode_example
from deeplab.datasets import DATASETS

HEIGHT, WIDTH = 1024, 2048
PUBLISHED = 4.2
SEED = 1


def draw_scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns a noisy image, `[h, w, 3]` uint8, and its labels, `[h, w]` int32."""
    random = np.random.default_rng(seed)
    label = np.full((HEIGHT, WIDTH), 2000, np.int32)
    label[: HEIGHT // 4] = 10000
    label[HEIGHT // 2 :] = 0
    label[-HEIGHT // 16 :] = 255000
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for i in range(25):
        y = random.integers(HEIGHT // 3, HEIGHT * 3 // 4)
        x = random.integers(WIDTH)
        height, width = random.integers(8, 120, 2)
        inside = ((rows - y) / height) ** 2 + ((columns - x) / width) ** 2 <= 1
        label[inside] = random.choice([11, 13]) * 1000 + i + 1
    _, index = np.unique(label, return_inverse=True)
    colors = random.integers(0, 256, (index.max() + 1, 3))[index.reshape(label.shape)]
    coarse = random.integers(0, 90, (32, 64, 3)).astype(np.uint8)
    texture = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    # With noise of 1.5 levels the PNG has 2.3 MB, like photographs of streets.
    noise = random.normal(0, 1.5, label.shape)[..., np.newaxis]
    image = colors * 0.65 + np.asarray(texture) + noise
    return np.clip(image, 0, 255).astype(np.uint8), label


def write_records(folder: Path, count: int, image_format: str) -> list[int]:
    """Writes `count` records; returns the size of each in bytes."""
    encode = {
        "png": tf.io.encode_png,
        "jpeg": lambda image: tf.io.encode_jpeg(image, quality=95),
    }[image_format]
    sizes = []
    with tf.io.TFRecordWriter(str(folder / f"{image_format}.tfrecord")) as writer:
        for i in range(count):
            image, label = draw_scene(i)
            record = encode_example(
                image=encode(image).numpy(),
                image_format=image_format,
                filename=f"scene_{i}",
                height=HEIGHT,
                width=WIDTH,
                label=label,
            )
            writer.write(record)
            sizes.append(len(record))
    return sizes


def measure(dataset: tf.data.Dataset, seconds: float) -> tuple[float, float]:
    """Returns images per second and CPU milliseconds per image, after a warm-up.

    CPU time does not depend on what else the machine does.
    """
    iterator = iter(dataset)
    for _ in range(4):
        next(iterator)
    count, start, processor = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        next(iterator)
        count += 1
    elapsed = time.perf_counter() - start
    return count / elapsed, 1000 * (time.process_time() - processor) / count


def variants(
    pattern: str, crop: tuple[int, int]
) -> dict[str, Callable[[], tf.data.Dataset]]:
    """Returns stage -> function that builds the data set up to this stage."""
    info = DATASETS.get("cityscapes_panoptic")().info
    index = index_records([pattern])
    config = PipelineConfig(
        file_patterns=(pattern,),
        resizing=geometry.Resizing(crop, 32),
        augmentation=Augmentation(min_scale=0.5, max_scale=2.0, scale_step=0.1),
        target_options=TargetOptions(
            small_instance_threshold=4096, small_instance_weight=3.0
        ),
    )

    def read_only(number: tf.Tensor) -> tf.Tensor:
        return read_record(index, shuffled_record(number, len(index), SEED))

    def endless(function: Callable) -> tf.data.Dataset:
        numbers = tf.data.Dataset.range(1 << 40)
        return numbers.map(function, tf.data.AUTOTUNE).batch(1).prefetch(2)

    def whole(number: tf.Tensor) -> dict[str, tf.Tensor]:
        """Resizes the whole image, then crops, which the library's pipeline avoids."""
        parsed = parse_example(read_only(number), info.label_space)
        seeds = tf.random.split(tf.stack([SEED, tf.cast(number, tf.int32)]), 2)
        scale = placement.random_scale(seeds[0], 0.5, 2.0, 0.1)
        place = placement.random_placement(
            seeds[1], tf.shape(parsed["label"]), scale, crop
        )
        image = tf.raw_ops.ResizeBilinear(
            images=parsed["image"][tf.newaxis], size=place.resized, align_corners=True
        )[0]
        label = geometry.resize_label(parsed["label"], place.resized)
        (top, left), (rows, columns) = (
            tf.unstack(place.origin),
            tf.unstack(place.shown),
        )
        image = image[top : top + rows, left : left + columns]
        label = label[top : top + rows, left : left + columns]
        return {
            "image": placement.place(image, place, crop, geometry.MEAN_PIXEL),
            "label": placement.place(label, place, crop, 255000),
        }

    def pipeline(*targets: str) -> Callable[[], tf.data.Dataset]:
        return lambda: build_pipeline(
            config, info, training=True, targets=targets, batch_size=1, seed=SEED
        )

    return {
        "read": lambda: endless(read_only),
        "read, decode": lambda: endless(
            lambda n: parse_example(read_only(n), info.label_space)
        ),
        "read, decode, resize whole, crop": lambda: endless(whole),
        "read, decode, crop, flip": pipeline(),
        "  and semantic targets": pipeline("semantic"),
        "  and centre targets (all)": pipeline("semantic", "centers"),
    }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--formats", nargs="+", default=["png", "jpeg"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for image_format in args.formats:
            sizes = write_records(Path(folder), args.records, image_format)
            pattern = f"{folder}/{image_format}.tfrecord"
            for crop in ((513, 1025), (1025, 2049)):
                print(
                    f"\n{image_format} images, {np.mean(sizes) / 1e6:.2f} MB per "
                    f"record, crop {crop[0]} x {crop[1]}, {os.cpu_count()} cores"
                )
                for name, build in variants(pattern, crop).items():
                    speed, processor = measure(build(), args.seconds)
                    print(
                        f"  {name:34s}{speed:8.1f} images/s{processor:8.0f} ms of "
                        f"CPU time{speed / PUBLISHED:7.1f} x published"
                    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nshuffle buffer: none; peak memory of this process {peak:.0f} MiB")


if __name__ == "__main__":
    main()
