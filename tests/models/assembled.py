"""Models of given parts, without a config."""

import tensorflow as tf

from deeplab.input_normalization import INPUT_NORMALIZATIONS
from deeplab.models.deeplab import DeepLab
from deeplab.models.forward_passes import FORWARD_PASSES
from deeplab.models.network import Network
from deeplab.models.scales import InferenceScales, TrainingScales


def unchanged(prediction, images):
    """Is a post-processing that does nothing."""
    del images
    return prediction


def assemble(
    backbone,
    head,
    *,
    postprocess=unchanged,
    inference=None,
    training=None,
    train_crop_size=None,
    jit_compile=False,
):
    """Returns a model of single images with all its variables."""
    network = Network(
        backbone=backbone,
        head=head,
        forward_pass=FORWARD_PASSES.get("single_frame"),
        train_crop_size=train_crop_size,
    )
    model = DeepLab(
        network=network,
        normalize=INPUT_NORMALIZATIONS.get("deeplab"),
        postprocess=postprocess,
        inference=inference or InferenceScales(),
        training=training or TrainingScales(),
        jit_compile=jit_compile,
    )
    model(tf.zeros([1, 33, 33, 3]))
    return model
