import time

import pytest

from deeplab.trainer.worker import Worker


def test_items_are_worked_off_in_order_before_the_block_ends():
    seen = []

    def slowly(item, other):
        time.sleep(0.001)
        seen.append((item, other))

    with Worker(slowly) as worker:
        for i in range(30):
            worker.put(i, -i)
    assert seen == [(i, -i) for i in range(30)]


def test_an_error_comes_up_where_the_items_come_from():
    def fail(item):
        raise ValueError(f"item {item}")

    def fill():
        with Worker(fail) as worker:
            # More than the queue holds: nobody waits for ever.
            for i in range(100):
                worker.put(i)

    with pytest.raises(ValueError, match="item 0"):
        fill()


def test_an_error_in_the_block_wins():
    def use():
        with Worker(lambda item: None) as worker:
            worker.put(1)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        use()
