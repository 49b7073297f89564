"""Every published model of these families: its keys, its size, its outputs."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from deeplab import config as configs
from deeplab import factory
from tests.parity import parity

RECORDS = Path(__file__).parent / "records/models"
# Small enough for every run; the others take many seconds each.
FAST = {
    "cityscapes__panoptic_deeplab__mobilenet_v3_large_os16",
    "cityscapes__panoptic_deeplab__mobilenet_v3_large_os32",
    "cityscapes__panoptic_deeplab__mobilenet_v3_small_os32",
    "cityscapes__panoptic_deeplab__resnet50_os32_merge_with_pure_tf_func",
    "cityscapes__panoptic_deeplab__resnet50_os32_semseg",
    "coco__kmax_deeplab__kmax_meta_r50_os32",
    "coco__panoptic_deeplab__resnet50_beta_os32",
    "example__example_cityscapes_deeplabv3_mv3l",
    "example__example_cityscapes_deeplabv3plus",
    "motchallenge__motion_deeplab__resnet50_os32",
    "motchallenge__panoptic_deeplab__resnet50_os32",
    "variant__axial_swidernet_w0.25_os16",
    "variant__mobilenet_v3_small_os8",
    "variant__resnet50_beta_multiscale_flip",
    "variant__resnet50_os8_v3",
    "variant__swidernet_se_sac_w0.5_l1_os16",
}
NAMES = sorted(path.name.removesuffix(".json.gz") for path in RECORDS.glob("*.gz"))


def test_fast_records_exist():
    assert set(NAMES) >= FAST
    assert len(NAMES) >= 33


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in FAST else [pytest.mark.slow]) for n in NAMES],
)
def test_published_model(name):
    record = parity.read_record(RECORDS / f"{name}.json.gz")
    config = configs.parse_config(record["config_text"])
    model = factory.build_model(config)

    assert parity.fill_weights(model.checkpoint_items) == record["keys"]
    count = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert count == record["trainable_params"]

    if "motion_deeplab" in name:
        prediction = raw_outputs(model, record)
    else:
        image = parity.input_image(*record["input_shape"][1:], record["input_seed"])
        prediction = model(tf.constant(image), training=False)
    produced = {k for k, v in prediction._asdict().items() if v is not None}
    # Published for one mask transformer and not for the other: follow from logits.
    optional = {"semantic_probs"} if "pixel_space_mask_logits" in produced else set()
    assert produced - optional == set(record["outputs"]) - optional
    for field, summary in record["outputs"].items():
        value = getattr(prediction, field).numpy()
        samples = value.reshape(-1)[summary["index"]]
        if field.endswith("panoptic_pred"):
            divisor = factory.experiment_dataset(config).label_divisor
            published = np.array(summary["value"], np.int64)
            assert_equal_but_for_numbering(samples.astype(np.int64), published, divisor)
        elif value.dtype == np.int32:
            np.testing.assert_array_equal(samples, summary["value"], err_msg=field)
        elif np.isnan(summary["absmax"]):
            # The largest network overflows with these weights, as published.
            np.testing.assert_array_equal(samples, summary["value"], err_msg=field)
            assert list(value.shape) == summary["shape"]
        else:
            assert parity.max_error(summary, value) < 1e-4, field


def raw_outputs(model, record):
    """Returns what the head makes of two frames and a heatmap, as recorded."""
    height, width = record["input_shape"][1:3]
    frames = parity.input_image(height, width, 6, record["input_seed"])
    rng = np.random.default_rng(record["input_seed"] + 7)
    heatmap = rng.random([1, height, width, 1]) * 255
    inputs = np.concatenate([frames, heatmap], axis=-1).astype("float32")
    return model.head(model.backbone(tf.constant(inputs / 127.5 - 1)))


def assert_equal_but_for_numbering(labels, published, divisor):
    """The published numbers of a class's instances are in a hash table's order."""
    np.testing.assert_array_equal(labels // divisor, published // divisor)
    np.testing.assert_array_equal(labels % divisor == 0, published % divisor == 0)
    pairs = set(zip(labels.tolist(), published.tolist(), strict=True))
    assert len(pairs) == len(np.unique(labels)) == len(np.unique(published))
