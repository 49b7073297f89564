"""A head of a handful of weights that predicts masks: for tests of its surroundings."""

import tensorflow as tf
import tf_keras

from deeplab.core.structures import MaskOutput, Outputs
from deeplab.heads.base import Head
from deeplab.ops.resize import resize_bilinear, spatial_size

CHANNELS = 8


class Queries(tf_keras.layers.Layer):
    """A vector for each slot, and what it looks for among the pixels."""

    def __init__(self, slots):
        super().__init__(dtype="float32")
        self._masks = tf_keras.layers.Dense(CHANNELS)
        self._slots = self.add_weight("slots", [slots, CHANNELS], trainable=True)

    def call(self, features):
        pooled = tf.reduce_mean(features, axis=[1, 2])[:, None, :CHANNELS]
        queries = tf.cast(pooled, tf.float32) + self._slots
        return queries, self._masks(queries)


def at_size_of(output, earlier):
    size = spatial_size(output.pixel_space_mask_logits)
    return earlier._replace(
        pixel_space_mask_logits=resize_bilinear(earlier.pixel_space_mask_logits, size),
        pixel_space_normalized_feature=resize_bilinear(
            earlier.pixel_space_normalized_feature, size
        ),
    )


class TinyMaskHead(Head):
    """Masks at stride 4, an earlier output at stride 8, semantics at stride 16."""

    auxiliary_outputs = ("aux_0",)

    def __init__(self, num_classes, num_channels, slots=12):
        super().__init__(name="tiny_masks", dtype="float32")
        self._fine = tf_keras.layers.Conv2D(CHANNELS, 1)
        self._coarse = tf_keras.layers.Conv2D(CHANNELS, 1)
        self._queries = Queries(slots)
        self._classes = tf_keras.layers.Dense(num_channels)
        self._semantic = tf_keras.layers.Conv2D(num_classes, 1)

    def call(self, features, pool_size=None, training=False):
        del pool_size
        queries, masks = self._queries(features["res5"])
        outputs = []
        for layer, name in ((self._coarse, "res3"), (self._fine, "res2")):
            pixels = tf.math.l2_normalize(layer(features[name]), axis=-1)
            outputs.append(
                MaskOutput(
                    pixel_space_mask_logits=5.0
                    * tf.einsum("bhwc,bsc->bhws", pixels, masks),
                    transformer_class_logits=self._classes(queries),
                    pixel_space_normalized_feature=pixels,
                )
            )
        semantic = self._semantic(features["res5"])
        output = outputs[1]._replace(auxiliary_semantic_logits=semantic)
        if not training:
            return Outputs(output)
        return Outputs(output, {"aux_0": at_size_of(output, outputs[0])})

    @property
    def checkpoint_items(self):
        return {
            "semantic_last_layer": self._semantic,
            "transformer_class_head": self._classes,
            "pixel_space_head": self._fine,
            "auxiliary_head": self._coarse,
            "transformer_mask_head": self._queries,
        }


def build(options, feature_specs, norm, info):
    del feature_specs, norm
    channels = options.max_deeplab.auxiliary_semantic_head.output_channels
    return TinyMaskHead(channels, len(info.classes) + 1)
