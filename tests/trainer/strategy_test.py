import pytest

from deeplab.trainer.strategy import create_strategy, describe


def test_the_cpu_alone():
    strategy = create_strategy(num_gpus=0)
    assert strategy.num_replicas_in_sync == 1
    assert describe(strategy) == "CPU"


def test_several_devices_are_counted(two_replicas):
    assert describe(two_replicas) == "2 CPUs"


@pytest.mark.parametrize("num_gpus", [-1, 99])
def test_more_gpus_than_there_are(num_gpus):
    with pytest.raises(ValueError, match=f"num_gpus {num_gpus}: TensorFlow finds"):
        create_strategy(num_gpus)
