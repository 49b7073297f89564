import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deeplab.data.parallel import parallel_map


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_in_order(workers):
    squares = parallel_map(math.sqrt, (i * i for i in range(50)), workers)
    assert list(squares) == list(range(50))


def test_items_are_drawn_as_needed():
    drawn = []

    def items():
        for i in range(100):
            drawn.append(i)
            yield i

    results = parallel_map(math.sqrt, items(), 2)
    next(results)
    assert len(drawn) < 20
    results.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_come_through(workers):
    with pytest.raises(ValueError, match=r"math domain error|expected a nonnegative"):
        list(parallel_map(math.sqrt, [1, -1, 2], workers))


def kill(_):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_says_what_to_do():
    with pytest.raises(OSError, match="run again with fewer workers"):
        list(parallel_map(kill, [1], 2))


_PARENT = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from deeplab.data.parallel import parallel_map
from tests.data.parallel_test import worker_id

if __name__ == "__main__":
    results = parallel_map(worker_id, range(100), 2)
    print(next(results), flush=True)
    time.sleep(60)
"""


def worker_id(_):
    return os.getpid()


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    parent = subprocess.Popen(
        [sys.executable, script, Path(__file__).parents[2]], stdout=subprocess.PIPE
    )
    worker = int(parent.stdout.readline())
    os.kill(worker, 0)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while alive(worker):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # Nobody may collect an orphan that has ended.
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text().split()[2] == "Z")


def test_what_workers_import_is_free_of_tensorflow():
    code = (
        "import sys, deeplab.data.stored_example, deeplab.data.label_report\n"
        "from deeplab.datasets import DATASETS\n"
        "DATASETS.names()\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
