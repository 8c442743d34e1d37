import gc
import os
import subprocess
import sys

from stream_pipeline.commands.loading import garbage_collection_disabled


def test_what_a_program_loads_is_not_searched_for_garbage():
    before = gc.get_freeze_count()
    try:
        with garbage_collection_disabled():
            assert not gc.isenabled()
            kept = [[] for _ in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() - before >= len(kept)
    finally:
        gc.unfreeze()


def test_a_program_that_collects_by_itself_is_left_so():
    gc.disable()
    try:
        with garbage_collection_disabled():
            pass
        assert not gc.isenabled()
    finally:
        gc.unfreeze()
        gc.enable()


def test_products_of_numpy_keep_to_one_thread_unless_something_else_is_asked_for():
    program = (
        "import os, sys\n"
        "from stream_pipeline.commands import needing_packages\n"
        "assert 'numpy' not in sys.modules\n"
        "with needing_packages('x'): pass\n"
        "print(os.environ['OPENBLAS_NUM_THREADS'])"
    )

    def said(**env: str) -> str:
        whole = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"} | env
        done = subprocess.run([sys.executable, "-c", program], env=whole, capture_output=True, text=True)
        return done.stdout.strip() or done.stderr

    assert (said(), said(OPENBLAS_NUM_THREADS="2")) == ("1", "2")
