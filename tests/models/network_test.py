import pytest
import tensorflow as tf

from deeplab.core.specs import NormConfig
from deeplab.core.structures import Outputs
from deeplab.models.network import Network
from tests.e2e.tiny_experiment import TinyBackbone
from tests.heads.tiny_masks import TinyMaskHead


def windows(crop, scale=1.0, training=False):
    """Returns the pooling windows that a network's head gets."""
    seen = []

    def forward(backbone, head, images, *, pool_size, training):
        seen.append((pool_size, training))
        return Outputs(images)

    network = Network(
        backbone=TinyBackbone(NormConfig(), 1.0),
        head=TinyMaskHead(5, 6),
        forward_pass=forward,
        train_crop_size=crop,
    )
    network(tf.zeros([1, 9, 9, 3]), training=training, scale=scale)
    return seen


@pytest.mark.parametrize(
    ("crop", "scale", "window"),
    [
        (None, 1.0, None),
        ((33, 65), 1.0, (3, 5)),
        ((33, 65), 0.5, (2, 3)),
        ((33, 65), 1.25, (3, 6)),
    ],
)
def test_windows_of_image_pooling_follow_the_scale(crop, scale, window):
    """The coarsest feature has stride 16, so 33 x 65 pixels are 3 x 5 of it."""
    assert windows(crop, scale) == [(window, False)]
    assert windows(crop, scale, training=True) == [(window, True)]
