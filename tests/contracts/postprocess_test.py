"""What every post-processor promises; a new one is covered by its registry line."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab.core.dataset_info import ClassInfo, DatasetInfo
from deeplab.core.structures import Prediction
from deeplab.postprocess import POSTPROCESSORS
from deeplab.postprocess.masks import MaskPostProcessor
from deeplab.postprocess.video_stitching import VideoStitching
from deeplab.protos.evaluator_pb2 import EvaluatorOptions

INFO = DatasetInfo(
    name="contract",
    classes=tuple(ClassInfo(i, str(i), i > 2, (0, 0, 0), i) for i in range(5)),
    num_classes=5,
    ignore_label=255,
    label_divisor=256,
)
OPTIONS = EvaluatorOptions(nms_kernel=5, stuff_area_limit=20, thing_area_limit=4)
OPTIONS.transformer_class_confidence_threshold = 0.3
OPTIONS.maskwise_postprocessing.transformer_class_confidence_threshold_thing = 0.3
OPTIONS.maskwise_postprocessing.transformer_class_confidence_threshold_stuff = 0.2
MASKWISE = EvaluatorOptions(transformer_post_processing="maskwise")
MASKWISE.MergeFrom(OPTIONS)
# That of a classifier makes no maps; tests/heads/image_classifier_test.py has it.
NAMES = sorted({*POSTPROCESSORS.names()} - {"image_class"})
CASES = [(name, OPTIONS) for name in NAMES] + [("masks", MASKWISE)]
SLOTS = 9
DTYPES = {
    "semantic_pred": tf.int32,
    "panoptic_pred": tf.int32,
    "instance_pred": tf.int32,
    "instance_center_pred": tf.float32,
    "instance_scores": tf.float32,
    "semantic_scores": tf.float32,
}


def predictions(batch=3, height=17, width=23, seed=0):
    rng = np.random.default_rng(seed)
    logits = tf.constant(3 * rng.normal(size=[batch, height, width, 5]), tf.float32)

    def offsets():
        return tf.constant(5 * rng.normal(size=[batch, height, width, 2]), tf.float32)

    return Prediction(
        semantic_logits=logits,
        semantic_probs=tf.nn.softmax(logits),
        center_heatmap=tf.constant(rng.random([batch, height, width]), tf.float32),
        offset_map=offsets(),
        next_offset_map=offsets(),
        next_semantic_probs=tf.nn.softmax(logits[:, ::-1]),
        next_center_heatmap=tf.constant(rng.random([batch, height, width]), tf.float32),
        next_own_offset_map=offsets(),
        pixel_space_mask_logits=tf.constant(
            2 * rng.normal(size=[batch, height, width, SLOTS]), tf.float32
        ),
        transformer_class_logits=tf.constant(
            2 * rng.normal(size=[batch, SLOTS, 6]), tf.float32
        ),
    )


def images_of(prediction):
    """Returns images of the size of the maps, as post-processors get them: frames."""
    shape = tf.shape(prediction.center_heatmap)
    return tf.zeros(tf.concat([shape, [6]], axis=0))


def filled(result):
    return {
        name: getattr(result, name)
        for name in DTYPES
        if getattr(result, name) is not None
    }


def continuous(prediction):
    return {k: v for k, v in prediction._asdict().items() if v is not None}


@pytest.fixture(params=CASES, ids=lambda case: case[0])
def processor(request):
    name, options = request.param
    return POSTPROCESSORS.get(name)(options, INFO)


@pytest.fixture
def postprocess(processor):
    """Returns the post-processor as a function of a prediction."""
    return lambda prediction: processor(prediction, images_of(prediction))


def spec_of(value):
    """Sizes of maps are unknown, the numbers of slots and classes are not."""
    unknown = 1 if value.shape[1] == SLOTS else 3
    return tf.TensorSpec([None] * unknown + value.shape[unknown:], value.dtype)


def assert_equal(processor, value, expected, name):
    """Equal in every bit, but for scores that sum exponentials in any order."""
    if isinstance(processor, MaskPostProcessor) and value.dtype == tf.float32:
        np.testing.assert_array_max_ulp(value.numpy(), expected.numpy(), maxulp=8)
    else:
        np.testing.assert_array_equal(value, expected, name)


def test_fills_discrete_maps_and_keeps_the_rest(postprocess):
    prediction = predictions()
    result = postprocess(prediction)
    maps = filled(result)
    assert "semantic_pred" in maps
    for name, value in maps.items():
        assert value.dtype == DTYPES[name]
        assert value.shape == [3, 17, 23]
    made = {"next_panoptic_pred", "concat_next_panoptic_pred"}
    for name in set(Prediction._fields) - set(DTYPES) - made:
        kept = getattr(result, name)
        # What the next frame gives by itself ends with the stitching.
        gone = kept is None and name.startswith("next_")
        assert gone or kept is getattr(prediction, name), name


def test_classes_are_classes_or_void(postprocess):
    maps = filled(postprocess(predictions()))
    assert set(np.unique(maps["semantic_pred"])) <= set(range(5))
    if "panoptic_pred" in maps:
        classes = np.unique(maps["panoptic_pred"] // INFO.label_divisor)
        assert set(classes) <= {*range(5), INFO.ignore_label}


def test_images_of_a_batch_are_independent(processor, postprocess):
    prediction = predictions()
    together = filled(postprocess(prediction))
    for i in range(3):
        single = Prediction(*(None if v is None else v[i : i + 1] for v in prediction))
        for name, value in filled(postprocess(single)).items():
            assert_equal(processor, value[0], together[name][i], name)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_graphs_equal_eager(processor, postprocess, jit_compile):
    if jit_compile and isinstance(processor, VideoStitching):
        pytest.skip("its shapes depend on the number of segments")
    expected = filled(postprocess(predictions()))
    compiled = tf.function(postprocess, jit_compile=jit_compile)
    for name, value in filled(compiled(predictions())).items():
        assert_equal(processor, value, expected[name], name)


def test_one_graph_takes_all_sizes(processor, postprocess):
    specs = {k: spec_of(v) for k, v in continuous(predictions()).items()}
    graph = tf.function(
        lambda maps: postprocess(Prediction(**maps)), input_signature=[specs]
    )
    for size in ((1, 1, 1), (2, 1, 9), (1, 33, 65)):
        prediction = predictions(*size)
        expected = filled(postprocess(prediction))
        for name, value in filled(graph(continuous(prediction))).items():
            assert_equal(processor, value, expected[name], name)
