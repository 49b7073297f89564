"""Sizes and targets of the input pipeline, from recorded images and labels."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from deeplab.core.structures import Example
from deeplab.data.geometry import Resizing
from deeplab.data.pipeline import build_pipeline
from deeplab.data.pipeline_config import PipelineConfig
from deeplab.data.targets.motion import frame_offsets
from deeplab.data.targets.segments import Segments, TargetOptions
from deeplab.data.tfexample import encode_example
from deeplab.datasets import DATASETS
from tests.parity.records import compare

OUTPUT_STRIDE = 32
TOLERANCES = {
    "image": {"atol": 2e-5},
    "next_image": {"atol": 2e-5},
    "resized_image": {"atol": 2e-5},
    "instance_center_gt": {"atol": 2e-5},
}
# Published as another type.
RETYPED = {"size_raw", "thing_id_class_gt"}
MOVED_AT_RANDOM = ("frame_offset_gt", "frame_regression_loss_weight")


@dataclass(frozen=True)
class Targets:
    """How the targets of a kind of records are made.

    Attributes:
      dataset: name of the data set.
      names: names of the targets.
      next_frame: whether the next frame is read.
      previous_frame: whether the frame before is read.
      small_instances: threshold and weight of small instances.
    """

    dataset: str
    names: tuple[str, ...]
    next_frame: bool = False
    previous_frame: bool = False
    small_instances: tuple[int, float] = (0, 1.0)

    def __call__(self, record, folder):
        """Compares the record with the example of an evaluation."""
        fields = record.fields
        crop = fields["image"].shape[:2]
        crops = [crop]
        if fields["input_image"].shape[:2] == crop:
            # What fits is the same without a crop.
            crops.append(None)
        for crop_size in crops:
            computed = {
                name: value
                for name, value in self.compute(fields, folder, crop_size).items()
                if name in fields
            }
            for name, value in computed.items():
                assert value.dtype == fields[name].dtype or name in RETYPED, name
            compare(fields, computed, ["input_"], TOLERANCES)

    def compute(self, fields, folder, crop_size):
        """Returns the fields of the record that holds these inputs."""
        path = folder / "record.tfrecord"
        _write(path, fields)
        resize = tuple(crop_size) if _is_resized(fields) else ()
        threshold, weight = self.small_instances
        config = PipelineConfig(
            (str(path),),
            Resizing(
                crop_size,
                OUTPUT_STRIDE,
                min_resize_value=resize,
                max_resize_value=resize,
            ),
            next_frame=self.next_frame,
            previous_frame=self.previous_frame,
            target_options=TargetOptions(
                small_instance_threshold=threshold,
                small_instance_weight=weight,
                max_thing_id=len(fields.get("thing_id_class_gt", ())),
            ),
        )
        info = DATASETS.get(self.dataset)().info
        example = _evaluated(config, info, self.names)
        computed = example._asdict()
        if "frame_offset_gt" in fields:
            computed |= _moved(fields, info)
        for name in ("depth_gt", "depth_raw"):
            if computed[name] is not None:
                computed[name] = computed[name][..., np.newaxis]
        height, width = example.resized_size
        computed["resized_image"] = example.image[:height, :width, :3]
        if self.next_frame:
            computed["next_image"] = example.image[..., 3:]
        return {name: value for name, value in computed.items() if value is not None}


def _is_resized(fields):
    """Whether the image was made to fit the crop: else it was padded, if at all."""
    return fields["resized_image"].shape != fields["input_image"].shape


def _png(image):
    return tf.io.encode_png(image).numpy()


def _write(path, fields):
    """Writes a file with the record's image, labels and frames around it."""
    label = fields["input_label"][..., 0]
    more = {}
    for start, ours in (("input_next_", "next_"), ("input_prev_", "previous_")):
        if f"{start}image" in fields:
            more[f"{ours}image"] = _png(fields[f"{start}image"])
            more[f"{ours}label"] = fields[f"{start}label"][..., 0]
    if "input_depth" in fields:
        more["depth"] = _png(fields["input_depth"].astype(np.uint16))
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(
            encode_example(
                image=_png(fields["input_image"]),
                image_format="png",
                filename="recorded",
                height=label.shape[0],
                width=label.shape[1],
                label=label,
                **more,
            )
        )


def _evaluated(config, info, targets):
    """Returns the fields of the only example, NumPy arrays without batch dimension."""
    batches = build_pipeline(
        config, info, training=False, targets=targets, batch_size=1, seed=1
    )
    batch = next(iter(batches))
    example = Example(**batch.device, **batch.host)
    return Example(*(None if f is None else f[0].numpy() for f in example))


def _moved(fields, info):
    """Returns the offsets to previous centres, at random, as the record drew them."""
    label, before = (fields[f"input_{n}"][..., 0] for n in ("label", "prev_label"))
    previous = Segments(tf.constant(before), info)
    centers = previous.center.numpy()
    pixels = np.stack(np.mgrid[: label.shape[0], : label.shape[1]], axis=-1)
    for i, (value, extent) in enumerate(
        zip(previous.ids.numpy(), previous.extent.numpy(), strict=True)
    ):
        seen = (label == value) & (fields["frame_regression_loss_weight"] > 0)
        if seen.any():
            center = (fields["frame_offset_gt"] + pixels)[seen][0]
            # Five standard deviations, and the rounding.
            assert (np.abs(center - centers[i]) <= 0.25 * extent + 1).all()
            centers[i] = center
    made = frame_offsets(Segments(tf.constant(label), info), previous, centers)
    return {name: made[name].numpy() for name in MOVED_AT_RANDOM}
