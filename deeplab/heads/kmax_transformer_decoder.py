"""The transformer decoder of kMaX-DeepLab: it updates cluster centres from pixels.

k-means Mask Transformer, Qihang Yu, Huiyu Wang, Siyuan Qiao, Maxwell Collins, Yukun
Zhu, Hartwig Adam, Alan Yuille, Liang-Chieh Chen, ECCV 2022,
https://arxiv.org/abs/2207.04044. The private attribute names are the keys of
published checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf
import tf_keras

from deeplab.core.specs import NormConfig
from deeplab.core.structures import MaskOutput
from deeplab.heads.mask_predictor import MaskPredictor
from deeplab.layers.convolution import Conv1D
from deeplab.layers.kmeans_attention import KMeansTransformerLayer

PUBLISHED_CHANNELS = 256
PUBLISHED_BLOCKS = 2  # At each of the strides 32, 16 and 8.


class ClusterBlock(tf_keras.layers.Layer):
    """One layer of the decoder, nested as in published checkpoints."""

    def __init__(self, layer: KMeansTransformerLayer, *, name: str):
        super().__init__(name=name)
        self._block1_transformer = layer

    def call(
        self, pixels: tf.Tensor, centers: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, MaskOutput]:
        """See `KMeansTransformerLayer.call`."""
        return self._block1_transformer(pixels, centers, training=training)


class KMaXTransformerDecoder(tf_keras.layers.Layer):
    """Learned centres, updated with features from the coarsest to the finest."""

    def __init__(
        self,
        make_predictor: Callable[[], MaskPredictor],
        *,
        num_slots: int,
        channels: int,
        num_blocks: int,
        norm: NormConfig,
        keep_prob: float = 1.0,
    ):
        """Makes the layers.

        Args:
          make_predictor: returns a new predictor of masks and classes; every layer
            has its own.
          num_slots: number of cluster centres, which is the number of masks.
          channels: channels of a centre.
          num_blocks: number of layers at each of the three strides.
          norm: kind and options of the norms.
          keep_prob: see `KMeansTransformerLayer`.
        """
        super().__init__(name="kmax_transformer_decoder")
        self._num_slots, self._channels = num_slots, channels
        self._num_blocks = num_blocks
        self._kmax_decoder = [
            ClusterBlock(
                KMeansTransformerLayer(
                    make_predictor(),
                    channels=channels,
                    name="block1_transformer",
                    norm=norm,
                    keep_prob=keep_prob,
                ),
                name=f"clusters_{i}",
            )
            for i in range(3 * num_blocks)
        ]
        self._class_embedding_projection = Conv1D(
            channels, name="class_embedding_projection", norm=norm, activation="gelu"
        )
        self._mask_embedding_projection = Conv1D(
            channels, name="mask_embedding_projection", norm=norm, activation="gelu"
        )

    @property
    def num_layers(self) -> int:
        """Number of layers; each updates the centres and predicts masks."""
        return len(self._kmax_decoder)

    def build(self, input_shape: object) -> None:
        """Creates the initial centres, which all images share."""
        self.cluster_centers = self.add_weight(
            name="cluster_centers",
            shape=(1, self._num_slots, self._channels),
            initializer=tf_keras.initializers.TruncatedNormal(stddev=1.0),
        )
        super().build(input_shape)

    def call(
        self, features: Sequence[tf.Tensor], training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor, tuple[MaskOutput, ...]]:
        """Updates the centres in all layers.

        Args:
          features: three maps `[b, h, w, c]` before the activation, coarsest first.
          training: whether to use batch statistics and drop path.

        Returns:
          Embeddings of the classes and of the masks, `[b, slots, channels]` each, and
          the masks and classes that each layer predicted.
        """
        batch = tf.shape(features[0])[0]
        centers = tf.tile(self.cluster_centers, tf.stack([batch, 1, 1]))
        predictions = []
        for i, block in enumerate(self._kmax_decoder):
            pixels = features[i // self._num_blocks]
            centers, prediction = block(pixels, centers, training=training)
            predictions.append(prediction)
        return (
            self._class_embedding_projection(centers, training=training),
            self._mask_embedding_projection(centers, training=training),
            tuple(predictions),
        )
