import os
import signal

import pytest

from deeplab.trainer.interruption import InterruptedRunError, InterruptionWatch


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_a_signal_is_noted_and_gives_the_exit_code(signum, code):
    before = signal.getsignal(signum)
    with InterruptionWatch() as watch:
        watch.check()
        os.kill(os.getpid(), signum)
        # A second signal would end the process at once.
        assert signal.getsignal(signum) == before
        with pytest.raises(InterruptedRunError) as caught:
            watch.check()
    assert caught.value.exit_code == code
    assert signal.getsignal(signum) == before
