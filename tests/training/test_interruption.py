import os
import signal
import threading

import pytest

from gzslbench.training.interruption import catch_interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_is_a_request_and_the_second_stops_at_once(number):
    before = signal.getsignal(number)
    with catch_interruption() as interruption:
        assert not interruption()
        os.kill(os.getpid(), number)
        assert interruption()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_outside_the_main_thread_signals_stay_as_they_are():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work():
        with catch_interruption() as interruption:
            seen.append((interruption(), signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, True)]


def test_a_signal_that_is_ignored_stays_ignored_as_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with catch_interruption() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interruption()
    finally:
        signal.signal(signal.SIGHUP, before)
