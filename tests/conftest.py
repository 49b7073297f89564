"""The same surroundings for every test: two CPU devices, fixed seeds, no noise."""

import gc
import os
import random

# Before TensorFlow is imported anywhere.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest


@pytest.fixture(scope="session", autouse=True)
def two_devices():
    """Splits the CPU in two, so that distribution is tested on any machine."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)


@pytest.fixture(scope="session")
def two_replicas(two_devices):
    """A strategy over both devices.

    One for all tests: TensorFlow numbers the collective operations of each strategy
    anew, so that those of a second one can take the shapes of the first for theirs.
    """
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(autouse=True)
def fixed_seeds():
    """Makes weights, data and augmentation the same in every run of a test."""
    import tf_keras

    random.seed(0)
    np.random.seed(0)
    tf_keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def memory_given_back(request):
    """Frees full-size models after the test that built them; they hold each other."""
    yield
    if request.node.get_closest_marker("slow"):
        import tf_keras

        tf_keras.backend.clear_session()
        gc.collect()
