"""A row of four pixels: a thing, a crowd, stuff and void; two slots, three classes."""

import numpy as np
import tensorflow as tf

from deeplab.core.structures import Example, MaskOutput
from deeplab.losses.mask_matching import MaskMatching
from deeplab.losses.mask_targets import MaskLayout
from tests.numbered import label_space

# Class 2 is a thing; channels are 2, 0, 1, "no object".
LAYOUT = MaskLayout(label_space(3, things=(2,)))
MATCHING = MaskMatching(LAYOUT)
# Probability of slot 0 at each pixel; slot 1 has the rest.
FIRST = np.array([0.8, 0.5, 0.25, 0.5])
CLASSES = np.array([[0.5, 0.25, 0.125, 0.125], [0.25, 0.5, 0.125, 0.125]])
FEATURES = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
# Both slots are as alike to their masks as they share of the mean of the areas, crowd
# counting for the slots: 0.8 / ((1 + 1.55) / 2) and 0.75 / ((1 + 1.45) / 2).
SIMILARITY = (0.8 / 1.275, 0.75 / 1.225)


def example():
    return Example(
        image=None,
        semantic_gt=tf.constant([[[2, 2, 0, 255]]]),
        semantic_loss_weight=tf.constant([[[1.0, 1.0, 3.0, 1.0]]]),
        thing_id_mask_gt=tf.constant([[[0, -1, -1, -1]]]),
        thing_id_class_gt=tf.constant([[2, -1]]),
    )


def output(probs=None, classes=CLASSES):
    """Returns what a model predicts whose slots have these probabilities."""
    if probs is None:
        probs = np.stack([FIRST, 1 - FIRST], axis=-1)
    return MaskOutput(
        pixel_space_mask_logits=tf.constant(np.log(probs)[None, None], tf.float32),
        transformer_class_logits=tf.constant(np.log(classes)[None], tf.float32),
        pixel_space_normalized_feature=tf.constant(FEATURES[None, None], tf.float32),
        auxiliary_semantic_logits=tf.zeros([1, 1, 4, 3]),
    )
