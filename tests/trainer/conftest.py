import pytest
import tensorflow as tf


@pytest.fixture(scope="session", autouse=True)
def _two_cpus():
    cpu = tf.config.list_physical_devices("CPU")[0]
    if tf.config.get_logical_device_configuration(cpu) is None:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
