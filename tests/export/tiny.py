"""A model of one convolution that is exported in a second."""

import functools

import tensorflow as tf
import tf_keras

from deeplab.core.structures import Prediction
from deeplab.data.geometry import Resizing, preprocess_for_inference
from deeplab.export.saved_model import export
from tests.visualization import scene


class Tiny(tf_keras.Model):
    """Tells dark (road), blue (sky) and red (car) pixels; cars are one instance."""

    input_channels = 3
    video = None

    def __init__(self, policy="float32"):
        super().__init__()
        self.layer = tf_keras.layers.Conv2D(4, 1, dtype=policy)

    @property
    def checkpoint_items(self):
        return {"encoder": self.layer}

    def call(self, images, training=False):
        logits = tf.cast(self.layer(tf.cast(images, tf.float32) / 255), tf.float32)
        classes = tf.argmax(logits, -1, output_type=tf.int32)
        car = tf.cast(classes == 2, tf.int32)
        return Prediction(
            semantic_probs=tf.nn.softmax(logits),
            semantic_pred=classes,
            panoptic_pred=classes * scene.DIVISOR + car,
            instance_scores=tf.cast(car, tf.float32) * 0.75,
        )


def tiny(policy="float32"):
    model = Tiny(policy)
    model(tf.zeros([1, 2, 2, 3]))
    red, green, blue = [0, 0, 9, 0], [0, 0, 0, 0], [0, 9, 0, 0]
    model.layer.kernel.assign(tf.cast([[[red, green, blue]]], policy))
    model.layer.bias.assign(tf.cast([4, 0, 0, 0], policy))
    return model


preprocess = functools.partial(
    preprocess_for_inference, resizing=Resizing((33, 33), 16)
)


def export_tiny(folder, **options):
    return export(tiny(), preprocess, scene.info(), folder, **options)
