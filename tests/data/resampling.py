"""An image, a label map, and what TensorFlow makes of them at another size."""

import numpy as np
import tensorflow as tf

IMAGE = np.random.default_rng(0).integers(0, 256, (37, 53, 3)).astype(np.uint8)
LABEL = np.random.default_rng(1).integers(0, 2**30, (37, 53)).astype(np.int32)


def resized_image(image, size):
    return tf.raw_ops.ResizeBilinear(
        images=image[np.newaxis], size=size, align_corners=True
    )[0].numpy()


def resized_label(label, size):
    return tf.raw_ops.ResizeNearestNeighbor(
        images=label[np.newaxis, ..., np.newaxis], size=size, align_corners=True
    )[0, ..., 0].numpy()
