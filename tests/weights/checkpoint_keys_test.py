import tensorflow as tf
import tf_keras

from deeplab.weights.checkpoint_keys import variables_by_key
from tests.trainer import tiny


def test_keys_are_those_that_tensorflow_writes(tmp_path):
    model = tiny.build_model()
    optimizer = tf_keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    items = {
        **model.checkpoint_items,
        "optimizer": optimizer,
        "random": tf.random.Generator.from_seed(1),
        "odd.name/with slash": tf.Variable(1.0),
    }
    prefix = tf.train.Checkpoint(**items).write(str(tmp_path / "ckpt"))
    keys = set(tf.train.load_checkpoint(prefix).get_variable_to_shape_map())
    found = variables_by_key(items)
    assert set(found) == keys - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    assert len({id(v) for v in found.values()}) == len(found)
