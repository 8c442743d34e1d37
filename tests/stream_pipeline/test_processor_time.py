import sys
import threading
import time

import numpy as np
import pytest

from stream_pipeline.processor_time import processor_seconds, resident_bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")


def test_a_thread_is_charged_what_it_computes_and_not_what_it_waits():
    done, looked = threading.Event(), threading.Event()

    def compute():
        until = time.thread_time() + 0.1
        while time.thread_time() < until:
            pass
        done.set()
        looked.wait()

    busy, idle = threading.Thread(target=compute), threading.Thread(target=looked.wait)
    for thread in (busy, idle):
        thread.start()
    done.wait()
    assert 0.1 <= processor_seconds([busy]) < 0.2
    assert processor_seconds([idle]) < 0.05
    looked.set()
    busy.join()
    assert processor_seconds([busy, threading.Thread(target=compute)]) == 0


def test_memory_grows_by_what_is_written():
    before = resident_bytes()
    held = np.ones(256 << 20, np.uint8)
    assert resident_bytes() - before > 128 << 20
    assert held[0]
